//! The settings of an instance, and what is wrong with them.

use std::collections::HashMap;
use std::sync::Arc;

use prometheus::Registry;

use super::{GLOBAL, Instance, Metrics, SkipPaths};
use crate::family::{
    Families, FamilyCollector, Layout, Limit, Limits, histogram_name, histogram_names,
    is_family_label,
};
use crate::site::Endpoints;

/// Distinct values of `model`, `provider`, `error_type` and `exception_type` in one family.
const MAX_LABEL_VALUES: usize = 100;
/// The longest of them, in bytes.
const LONGEST_LABEL_VALUE: usize = 128;
/// What of `endpoint` is kept in one family.
const ENDPOINTS: Limit = Limit { values: 4096, bytes: 1024 };

/// The settings of a [`Metrics`]. Nothing is checked before [`build`](Self::build), which tells what
/// is wrong as a value.
///
/// ```
/// use streamgauge::Metrics;
///
/// let metrics = Metrics::builder()
///     .prefix("gateway")
///     .label("region", "eu-west-1")
///     .buckets("http_request_duration_seconds", [0.05, 0.1, 0.5, 1.0, 5.0])
///     .skip_paths(["/metrics", "/health"])
///     .build()?;
/// # Ok::<(), streamgauge::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "settings do nothing until `build` or `install`"]
pub struct MetricsBuilder {
    prefix: String,
    labels: Vec<(String, String)>,
    buckets: Vec<(String, Vec<f64>)>,
    skip_paths: Vec<String>,
    max_label_values: usize,
    registry: Registry,
}

impl Default for MetricsBuilder {
    fn default() -> Self {
        Self {
            prefix: "app".to_owned(),
            labels: Vec::new(),
            buckets: Vec::new(),
            skip_paths: Vec::new(),
            max_label_values: MAX_LABEL_VALUES,
            registry: Registry::new(),
        }
    }
}

impl MetricsBuilder {
    /// What stands before every name: `shop` makes `shop_http_requests_total`. The default is `app`;
    /// an empty prefix leaves the names bare.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// A label with the same value on every series of every family.
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((name.into(), value.into()));
        self
    }

    /// The upper bounds of one histogram, in its unit (seconds, bytes or tokens), rising. The family
    /// is named without prefix; `+Inf` is added by itself.
    pub fn buckets(
        mut self,
        family: impl Into<String>,
        bounds: impl IntoIterator<Item = f64>,
    ) -> Self {
        self.buckets.push((family.into(), bounds.into_iter().collect()));
        self
    }

    /// Request paths that the layer leaves out of the request and exception families: whole paths, or
    /// a prefix written with a `*` at its end. `/health` does not skip `/healthz`. Streams and tokens
    /// are recorded there too, where an attribute asks for it.
    pub fn skip_paths<P: Into<String>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.skip_paths.extend(paths.into_iter().map(Into::into));
        self
    }

    /// How many values each of the labels `model`, `provider`, `error_type` and `exception_type` may
    /// take in a family (100 unless told otherwise). Further ones, and those longer than 128 bytes, are
    /// recorded as `other` and counted in `metrics_overflow_total`.
    pub fn max_label_values(mut self, limit: usize) -> Self {
        self.max_label_values = limit;
        self
    }

    /// The registry to put the families into, where the application has one already.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// Makes the instance.
    ///
    /// # Errors
    ///
    /// Says which setting is not usable and what would be: see [`BuildError`].
    pub fn build(self) -> Result<Metrics, BuildError> {
        check_prefix(&self.prefix)?;
        let values = Limit { values: self.max_label_values, bytes: LONGEST_LABEL_VALUE };
        let limits = Limits { values, endpoints: ENDPOINTS };
        let layout = Layout {
            const_labels: check_labels(self.labels)?,
            buckets: check_buckets(self.buckets)?,
            limits,
            prefix: self.prefix,
        };
        for path in &self.skip_paths {
            if !path.starts_with('/') {
                return Err(BuildError::SkipPath { path: path.clone() });
            }
        }
        let families = Arc::new(Families::new(&layout).map_err(BuildError::Registry)?);
        self.registry
            .register(Box::new(FamilyCollector(Arc::clone(&families))))
            .map_err(BuildError::Registry)?;
        let endpoints = Endpoints::new(families, limits);
        endpoints.declare();
        Ok(Metrics(Arc::new(Instance {
            endpoints,
            registry: self.registry,
            skip: SkipPaths::new(&self.skip_paths),
            prefix: layout.prefix,
        })))
    }

    /// Makes the instance and lets it be the process' [`Metrics::global`].
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build), and [`BuildError::AlreadyInstalled`] where the process has its
    /// global instance already: also when something has recorded before this call.
    pub fn install(self) -> Result<&'static Metrics, BuildError> {
        // Looked at first: what cannot be installed should not take its names in the registry.
        if GLOBAL.get().is_some() {
            return Err(BuildError::AlreadyInstalled);
        }
        let metrics = self.build()?;
        GLOBAL.set(metrics).map_err(|_| BuildError::AlreadyInstalled)?;
        Ok(Metrics::global())
    }
}

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
    /// The registry has a metric of the same name.
    #[error(
        "the registry does not take the families: {0}; choose another prefix, or another registry \
         for a second instance"
    )]
    Registry(#[source] prometheus::Error),
    /// The process has its global instance.
    #[error(
        "the global instance exists already: call `install` once, before anything records, or use \
         `build` for an instance of its own"
    )]
    AlreadyInstalled,
}

/// Whether Prometheus accepts a text in a metric name (and, colons aside, as a label name).
fn is_name(text: &str) -> bool {
    !text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn check_prefix(prefix: &str) -> Result<(), BuildError> {
    if is_name(prefix) { Ok(()) } else { Err(BuildError::Prefix { prefix: prefix.to_owned() }) }
}

fn check_labels(labels: Vec<(String, String)>) -> Result<HashMap<String, String>, BuildError> {
    let mut checked = HashMap::new();
    for (name, value) in labels {
        if name.is_empty() || !is_name(&name) {
            return Err(BuildError::LabelName { name });
        }
        if name.starts_with("__") || name == "le" || name == "quantile" || is_family_label(&name) {
            return Err(BuildError::LabelTaken { name });
        }
        if checked.contains_key(&name) {
            return Err(BuildError::LabelTwice { name });
        }
        checked.insert(name, value);
    }
    Ok(checked)
}

fn check_buckets(
    buckets: Vec<(String, Vec<f64>)>,
) -> Result<HashMap<&'static str, Vec<f64>>, BuildError> {
    let mut checked = HashMap::new();
    for (family, bounds) in buckets {
        let Some(name) = histogram_name(&family) else {
            let known = histogram_names().collect::<Vec<_>>().join(", ");
            return Err(BuildError::UnknownHistogram { family, known });
        };
        let reason = if bounds.is_empty() {
            "there is none: give at least one upper bound"
        } else if !bounds.iter().all(|bound| bound.is_finite() && *bound >= 0.0) {
            "a bound is not a finite number of zero or more; `+Inf` is added by itself"
        } else if !bounds.is_sorted_by(|before, after| before < after) {
            "the bounds do not rise: sort them and drop duplicates"
        } else {
            checked.insert(name, bounds);
            continue;
        };
        return Err(BuildError::Buckets { family, reason });
    }
    Ok(checked)
}
