//! What is wrong with settings.

/// Why settings do not make an instance.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The prefix cannot begin a metric name.
    #[error(
        "prefix {prefix:?} cannot begin a metric name: use letters, digits and `_`, with no digit \
         first, for example \"my_app\""
    )]
    Prefix {
        /// The prefix as it was given.
        prefix: String,
    },
    /// A label name that Prometheus does not accept.
    #[error(
        "label {name:?} is not a label name: use letters, digits and `_`, with no digit first, for \
         example \"region\""
    )]
    LabelName {
        /// The name as it was given.
        name: String,
    },
    /// A label name that is spoken for.
    #[error(
        "label {name:?} is taken: the families, the histogram format (`le`) or Prometheus itself \
         (`__…`) use it; choose another name"
    )]
    LabelTaken {
        /// The name as it was given.
        name: String,
    },
    /// A label that was given twice.
    #[error("label {name:?} is given twice: give it once")]
    LabelTwice {
        /// The name as it was given.
        name: String,
    },
    /// Buckets for something that has none.
    #[error("buckets of {family:?}: there is no such histogram; the histograms are {known}")]
    UnknownHistogram {
        /// The family as it was named.
        family: String,
        /// The names that would be right.
        known: String,
    },
    /// Bounds that make no histogram.
    #[error("buckets of {family:?}: {reason}")]
    Buckets {
        /// The family as it was named.
        family: String,
        /// What is wrong with the bounds.
        reason: &'static str,
    },
    /// A path to skip that no request can have.
    #[error(
        "skip path {path:?} matches no request: a path begins with `/`, for example \"/health\""
    )]
    SkipPath {
        /// The path as it was given.
        path: String,
    },
    /// The label by which requests are told apart does not work.
    #[error("label {name:?}, taken from each request: {reason}")]
    RequestLabel {
        /// The name as it was given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A list of models or providers that allows none, or what cannot be listed.
    #[error("{setting}: {reason}")]
    AllowedValues {
        /// The setting: `models` or `providers`.
        setting: &'static str,
        /// What is wrong with the list.
        reason: &'static str,
    },
    /// A price that is none.
    #[error("price of {model:?}: {reason}")]
    Price {
        /// The model as it was named.
        model: String,
        /// What is wrong with its price.
        reason: String,
    },
    /// The build is told by no label.
    #[error(
        "build_info: there is no label: give at least one, for example \
         `(\"version\", env!(\"CARGO_PKG_VERSION\"))`, or leave the setting out"
    )]
    BuildInfo,
    /// The registry has metrics of the process.
    #[cfg(feature = "process")]
    #[error(
        "the registry does not take the process' metrics: {0}; `prometheus::default_registry` has them \
         already: leave `process_metrics` out, or use `prefixed_process_metrics` or another registry"
    )]
    ProcessMetrics(#[source] prometheus::Error),
    /// The registry has a metric of the same name.
    #[error(
        "the registry does not take the families: {0}; choose another prefix, or another registry \
         for a second instance"
    )]
    Registry(#[source] prometheus::Error),
    /// What the registry adds to all names and labels in it is nothing that a scraper would read; or it could not be
    /// found out, which takes gathering from it once.
    #[error("the registry: {reason}; give another one, or none")]
    RegistryAdds {
        /// What is wrong with it.
        reason: String,
    },
    /// No page of metrics may be written.
    #[error("max_scrapes is 0, so that nobody could scrape: allow at least one")]
    MaxScrapes,
    /// The process has its global instance.
    #[error(
        "the global instance exists already: call `install` once, before anything records, or use \
         `build` for an instance of its own"
    )]
    AlreadyInstalled,
}
