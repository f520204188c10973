//! The error of building an instance.

use std::fmt;

/// Error returned by [`MetricsBuilder::build`](crate::MetricsBuilder::build),
/// [`install`](crate::MetricsBuilder::install) and
/// [`Metrics::set_prices`](crate::Metrics::set_prices).
///
/// The message names the setting that is not valid and says how to correct it. If several settings
/// are not valid, the error is [`Several`](Self::Several), and its message has a line for each. An
/// error of the registry is the [`source`](std::error::Error::source), and not part of the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Several settings are not valid. No element is itself `Several`.
    #[error("{} settings are not valid:{}", .0.len(), Listed(.0))]
    Several(Vec<BuildError>),
    /// The prefix cannot begin a metric name, makes reserved or malformed names, or is too long.
    #[error("prefix {prefix:?} {reason}")]
    Prefix {
        /// The prefix that was set.
        prefix: String,
        /// The mistake.
        reason: String,
    },
    /// Prometheus does not accept a label of this name.
    #[error("label {name:?} is not a label name: {reason}")]
    LabelName {
        /// The name that was set.
        name: String,
        /// The mistake.
        reason: &'static str,
    },
    /// The families, the rules of objectives, the histogram format or Prometheus itself use a label
    /// of this name.
    #[error(
        "label {name:?} is taken: the families, the rules of objectives (`objective`), the \
         histogram format (`le`) or Prometheus itself (`__…`) use it; choose another name"
    )]
    LabelTaken {
        /// The name that was set.
        name: String,
    },
    /// A constant label has an empty value.
    #[error(
        "label {name:?} has an empty value, which means no label to Prometheus: give it a value, \
         or remove it"
    )]
    LabelEmpty {
        /// The name of the label.
        name: String,
    },
    /// A label is set twice.
    #[error("label {name:?} is given twice: give it once")]
    LabelTwice {
        /// The name that was set twice.
        name: String,
    },
    /// Buckets are set for a histogram that does not exist.
    #[error("buckets of {family:?}: there is no such histogram; the histograms are {known}")]
    UnknownHistogram {
        /// The family that was named.
        family: String,
        /// The names of all histograms.
        known: String,
    },
    /// The bounds of buckets are empty, negative, not finite, not increasing or given twice, or the
    /// name of the family includes the prefix.
    #[error("buckets of {family:?}: {reason}")]
    Buckets {
        /// The family that was named.
        family: String,
        /// The mistake in the bounds.
        reason: &'static str,
    },
    /// An objective is not valid.
    #[cfg(feature = "monitoring")]
    #[cfg_attr(docsrs, doc(cfg(feature = "monitoring")))]
    #[error("objective of {endpoint:?}: {reason}")]
    Objective {
        /// The endpoint that was named.
        endpoint: String,
        /// The mistake, and how to correct it.
        reason: String,
    },
    /// A path to skip matches no request.
    #[error("skip path {path:?} matches no request: {reason}")]
    SkipPath {
        /// The path that was set.
        path: String,
        /// The mistake, and what would match.
        reason: String,
    },
    /// A request label is not valid.
    #[error("request label {name:?}: {reason}")]
    RequestLabel {
        /// The name of the label.
        name: String,
        /// The mistake in its source or its bound.
        reason: &'static str,
    },
    /// The list of allowed models or providers is empty or contains a reserved value.
    #[error("{setting}: {reason}")]
    AllowedValues {
        /// The option: `models` or `providers`.
        setting: &'static str,
        /// The mistake in the list.
        reason: &'static str,
    },
    /// A price is negative, not finite or set twice, its tiers are not valid, or its model is empty
    /// or `other`.
    #[error("price of {model:?}: {reason}")]
    Price {
        /// The model that was named.
        model: String,
        /// The mistake in its price.
        reason: String,
    },
    /// The option `build_info` is set without a label.
    #[error(
        "build_info has no label: give at least one, for example \
         `(\"version\", env!(\"CARGO_PKG_VERSION\"))`, or remove the option"
    )]
    BuildInfo,
    /// The registry already has metrics of the process.
    #[cfg(feature = "process")]
    #[error(
        "cannot register the process metrics: remove `process_metrics` if the registry already has \
         them, as `prometheus::default_registry` does; otherwise use `prefixed_process_metrics` or \
         another registry"
    )]
    ProcessMetrics(#[source] prometheus::Error),
    /// The registry already has a metric of the same name.
    #[error(
        "cannot register the metric families: choose another prefix, or another registry for a \
         second instance"
    )]
    Registry(#[source] prometheus::Error),
    /// An option that describes the registry is not valid, or is set without the option `registry`.
    #[error("{option} {name:?}: {reason}")]
    RegistryOption {
        /// The option: `registry_prefix` or `registry_label`.
        option: &'static str,
        /// The prefix, or the name of the label.
        name: String,
        /// The mistake.
        reason: &'static str,
    },
    /// The limit of scrapes is zero, so every scrape would be refused.
    #[error("max_scrapes is 0, so every scrape would be refused: allow at least one")]
    MaxScrapes,
    /// The process already has a global instance.
    #[error(
        "the global instance exists already: call `install` once, before anything is recorded, or \
         use `build` for a separate instance"
    )]
    AlreadyInstalled,
}

/// Displays errors, each on its own line.
struct Listed<'a>(&'a [BuildError]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|error| write!(f, "\n- {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::BuildError;
    use crate::error_chain::assert_shows_causes_once;

    #[test]
    fn error_texts_show_their_cause_once() {
        let cause = || prometheus::Error::AlreadyReg;
        assert_shows_causes_once(&BuildError::Registry(cause()), 2);
        #[cfg(feature = "process")]
        assert_shows_causes_once(&BuildError::ProcessMetrics(cause()), 2);
        assert_shows_causes_once(&BuildError::MaxScrapes, 1);
        let several = BuildError::Several(vec![BuildError::MaxScrapes, BuildError::BuildInfo]);
        assert_shows_causes_once(&several, 1);
    }
}
