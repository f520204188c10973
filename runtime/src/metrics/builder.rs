//! The settings of an instance.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use http::{Extensions, Method};
use prometheus::Registry;

#[cfg(feature = "axum")]
use super::Scrapes;
use super::build_info::Beside;
#[cfg(feature = "process")]
use super::process::ProcessNames;
use super::request_label::{RequestLabel, Source};
use super::{BuildError, GLOBAL, Instance, Metrics, RegistryNames, Skip, validate};
use crate::family::{Allowed, Constant, Families, FamilyCollector, Layout, Limit, Limits};
use crate::price::Price;
use crate::series::Endpoints;

/// Distinct values of `model`, `provider`, `error_type` and `exception_type` in one family.
const MAX_LABEL_VALUES: usize = 100;
/// The longest of them, in bytes.
const LONGEST_LABEL_VALUE: usize = 128;
/// What of `endpoint` is kept in one family.
const ENDPOINTS: Limit = Limit { values: 4096, bytes: 1024 };
/// Series of one family.
const MAX_SERIES: usize = 10_000;
/// Pages at once.
const MAX_SCRAPES: usize = 64;

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
    skip_methods: Vec<Method>,
    ignore_unmatched: bool,
    group_status: bool,
    request_labels: Vec<RequestLabel>,
    models: Option<Vec<String>>,
    providers: Option<Vec<String>>,
    prices: Vec<(String, Price)>,
    max_label_values: usize,
    max_series: usize,
    max_scrapes: usize,
    build_info: Option<Vec<(String, String)>>,
    #[cfg(feature = "process")]
    process_metrics: Option<ProcessNames>,
    /// Where none is given it is a new one.
    registry: Option<Registry>,
}

impl Default for MetricsBuilder {
    fn default() -> Self {
        Self {
            prefix: "app".to_owned(),
            labels: Vec::new(),
            buckets: Vec::new(),
            skip_paths: Vec::new(),
            skip_methods: Vec::new(),
            ignore_unmatched: false,
            group_status: false,
            request_labels: Vec::new(),
            models: None,
            providers: None,
            prices: Vec::new(),
            max_label_values: MAX_LABEL_VALUES,
            max_series: MAX_SERIES,
            max_scrapes: MAX_SCRAPES,
            build_info: None,
            #[cfg(feature = "process")]
            process_metrics: None,
            registry: None,
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
    ///
    /// The path is the one that the layer sees: on a nested router it lacks the prefix of the nest.
    pub fn skip_paths<P: Into<String>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.skip_paths.extend(paths.into_iter().map(Into::into));
        self
    }

    /// Methods of requests that the layer leaves out, as it does paths: `OPTIONS`, say, where a browser asks
    /// before every request.
    pub fn skip_methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.skip_methods.extend(methods);
        self
    }

    /// Leaves out the requests that no route takes, which would have the endpoint `unmatched`. Around a
    /// whole router, where the layer knows no route, those are recorded that an annotated handler takes. What
    /// `nest_service` mounts has no route either, unless it has a layer of its own.
    pub fn ignore_unmatched(mut self) -> Self {
        self.ignore_unmatched = true;
        self
    }

    /// Makes `status` the class of the status, `2xx` or `5xx`, in all families: fewer series, where nobody
    /// asks for the difference between 502 and 503.
    pub fn group_status(mut self) -> Self {
        self.group_status = true;
        self
    }

    /// A label in the families of requests that has the value of a header: one of those that are allowed.
    /// Another value is recorded as `other` and counted in `metrics_overflow_total`; where there is no such
    /// header the label is empty. One instance has one such label, from a header or from an extension.
    ///
    /// ```
    /// use streamgauge::Metrics;
    ///
    /// let metrics = Metrics::builder()
    ///     .label_from_header("tier", "x-tier", ["free", "paid"])
    ///     .build()?;
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    pub fn label_from_header<V: Into<String>>(
        self,
        name: impl Into<String>,
        header: impl AsRef<str>,
        allowed: impl IntoIterator<Item = V>,
    ) -> Self {
        self.label_from(name.into(), Source::header(header.as_ref()), allowed)
    }

    /// A label in the families of requests that has the value of a request extension of type `T`, which a
    /// layer further out has put there: see [`label_from_header`](Self::label_from_header).
    ///
    /// ```
    /// use streamgauge::Metrics;
    ///
    /// #[derive(Clone)]
    /// struct Tenant(String);
    ///
    /// impl AsRef<str> for Tenant {
    ///     fn as_ref(&self) -> &str {
    ///         &self.0
    ///     }
    /// }
    ///
    /// let metrics = Metrics::builder()
    ///     .label_from_extension::<Tenant, _>("tenant", ["acme", "initech"])
    ///     .build()?;
    /// # drop(Tenant(String::new()));
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    pub fn label_from_extension<T, V>(
        self,
        name: impl Into<String>,
        allowed: impl IntoIterator<Item = V>,
    ) -> Self
    where
        T: AsRef<str> + Send + Sync + 'static,
        V: Into<String>,
    {
        let value: fn(&Extensions) -> Option<&str> = |all| all.get::<T>().map(AsRef::as_ref);
        self.label_from(name.into(), Source::Extension(value), allowed)
    }

    fn label_from<V: Into<String>>(
        mut self,
        name: String,
        source: Source,
        allowed: impl IntoIterator<Item = V>,
    ) -> Self {
        let values = allowed.into_iter().map(|value| value.into().into_boxed_str()).collect();
        self.request_labels.push(RequestLabel { name, source, values });
        self
    }

    /// The models that may stand in the label `model`, by the names that attributes or replies give. Another
    /// is recorded as `other` and counted in `metrics_overflow_total`. A list is the label's limit, whatever
    /// [`max_label_values`](Self::max_label_values) says; lists that are given one after another are one.
    ///
    /// ```
    /// use streamgauge::Metrics;
    ///
    /// let metrics = Metrics::builder()
    ///     .models(["large-1", "small-1"])
    ///     .providers(["house"])
    ///     .build()?;
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    pub fn models<M: Into<String>>(mut self, models: impl IntoIterator<Item = M>) -> Self {
        let listed = self.models.get_or_insert_default();
        listed.extend(models.into_iter().map(Into::into));
        self
    }

    /// The providers that may stand in the label `provider`, as [`models`](Self::models) may in theirs.
    pub fn providers<P: Into<String>>(mut self, providers: impl IntoIterator<Item = P>) -> Self {
        let listed = self.providers.get_or_insert_default();
        listed.extend(providers.into_iter().map(Into::into));
        self
    }

    /// What a model's tokens cost. With one price or more there are two more families: `cost_usd_total`, with
    /// the labels of `token_usage_total`, and `unpriced_calls_total` of the calls whose model has no price.
    ///
    /// The model is named as the label names it, whole: `small-1` is no price of `small-1-mini`.
    pub fn price(mut self, model: impl Into<String>, price: Price) -> Self {
        self.prices.push((model.into(), price));
        self
    }

    /// How many values each of the labels `model`, `provider`, `error_type` and `exception_type` may
    /// take in a family (100 unless told otherwise). Further ones, and those longer than 128 bytes, are
    /// recorded as `other` and counted in `metrics_overflow_total`.
    pub fn max_label_values(mut self, limit: usize) -> Self {
        self.max_label_values = limit;
        self
    }

    /// How many series each family may have (10,000 unless told otherwise). For what comes after them every
    /// label that has a limit becomes `other`, and `metrics_overflow_total` counts it.
    pub fn max_series(mut self, limit: usize) -> Self {
        self.max_series = limit;
        self
    }

    /// How many pages of metrics may be under way at once (64 unless told otherwise): from the moment that one is
    /// begun until its last byte is handed to the system. A scrape past that is answered with 503.
    /// Small pages fit into the system's buffers at once; a large one counts as long as its client does not read it.
    pub fn max_scrapes(mut self, limit: usize) -> Self {
        self.max_scrapes = limit;
        self
    }

    /// A gauge `build_info` that is always 1, and whose labels tell what is running: by custom `version`, and
    /// `revision` and `branch` where they are known. Labels that are given one after another are one list.
    ///
    /// ```
    /// use streamgauge::Metrics;
    ///
    /// let metrics = Metrics::builder()
    ///     .prefix("shop")
    ///     .build_info([("version", env!("CARGO_PKG_VERSION")), ("revision", "1f3a9c2")])
    ///     .build()?;
    /// assert!(metrics.encode_text()?.contains("\nshop_build_info{revision=\"1f3a9c2\",version="));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build_info<N, V>(mut self, labels: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<String>,
    {
        let given = self.build_info.get_or_insert_default();
        given.extend(labels.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// What the process takes, under the names that every Prometheus client gives it, without the prefix:
    /// `process_cpu_seconds_total` (whole seconds), `process_resident_memory_bytes`,
    /// `process_virtual_memory_bytes`, `process_open_fds`, `process_max_fds`, `process_threads` and
    /// `process_start_time_seconds`. They are read when the page or the file is made.
    ///
    /// node-exporter has metrics of these names about itself, and drops those in a file: there use
    /// [`prefixed_process_metrics`](Self::prefixed_process_metrics).
    ///
    /// They are there on Linux; elsewhere this setting does nothing. With the feature `process`,
    /// `prometheus::default_registry` has them already: an instance in that registry leaves this out.
    ///
    /// ```
    /// use streamgauge::Metrics;
    ///
    /// let metrics = Metrics::builder().process_metrics().build()?;
    /// # #[cfg(target_os = "linux")]
    /// assert!(metrics.encode_text()?.contains("\nprocess_resident_memory_bytes "));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "process")]
    pub fn process_metrics(mut self) -> Self {
        self.process_metrics = Some(ProcessNames::Plain);
        self
    }

    /// The same behind the prefix, as `shop_process_open_fds`, for a file that node-exporter reads: see
    /// [`process_metrics`](Self::process_metrics). Of the two settings the later one counts.
    #[cfg(feature = "process")]
    pub fn prefixed_process_metrics(mut self) -> Self {
        self.process_metrics = Some(ProcessNames::Prefixed);
        self
    }

    /// The registry to put the families into, where the application has one already.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Makes the instance.
    ///
    /// # Errors
    ///
    /// Says which setting is not usable and what would be: see [`BuildError`].
    pub fn build(self) -> Result<Metrics, BuildError> {
        validate::prefix(&self.prefix)?;
        if self.max_scrapes == 0 {
            return Err(BuildError::MaxScrapes);
        }
        let skip = Skip::new(&self.skip_paths, self.skip_methods, self.ignore_unmatched)?;
        let const_labels = validate::labels(self.labels)?;
        let request_label = validate::request_label(self.request_labels, &const_labels)?;
        let classes = request_label.as_ref().map(RequestLabel::classes).unwrap_or_default();
        let limits = Limits {
            values: Limit { values: self.max_label_values, bytes: LONGEST_LABEL_VALUE },
            endpoints: ENDPOINTS,
            series: self.max_series,
            allowed: Allowed {
                models: validate::allowed("models", self.models)?,
                providers: validate::allowed("providers", self.providers)?,
            },
        };
        let prices = validate::prices(self.prices)?;
        let beside = Beside {
            build_info: validate::build_info(self.build_info, &const_labels)?,
            #[cfg(feature = "process")]
            process: self.process_metrics,
        };
        let chosen = const_labels.keys().chain(beside.build_info.iter().flat_map(HashMap::keys));
        let chosen = chosen.map(String::as_str).chain(classes.label.as_deref()).collect();
        let outer = match &self.registry {
            Some(registry) => RegistryNames::of(registry, &chosen)?,
            None => RegistryNames::default(),
        };
        let registry = self.registry.unwrap_or_default();
        let layout = Layout {
            constant: Constant::new(const_labels),
            buckets: validate::buckets(self.buckets)?,
            limits: limits.clone(),
            prefix: self.prefix,
            group_status: self.group_status,
            classes: classes.clone(),
            priced: !prices.is_empty(),
        };
        let families = Arc::new(Families::new(&layout).map_err(BuildError::Registry)?);
        let collector = || {
            let collector = FamilyCollector::new(Arc::clone(&families));
            collector.map(Box::new).map_err(BuildError::Registry)
        };
        registry.register(collector()?).map_err(BuildError::Registry)?;
        if let Err(error) = beside.register(&layout, &registry) {
            // What makes no instance shows nothing; the registry keeps the names in mind, as it always does.
            let _ = registry.unregister(collector()?);
            return Err(error);
        }
        let endpoints = Endpoints::new(families, limits, prices);
        endpoints.declare();
        Ok(Metrics(Arc::new(Instance {
            endpoints,
            registry,
            skip,
            class: request_label.map(|label| (label.source, classes)),
            layered: AtomicBool::new(false),
            marks: AtomicBool::new(false),
            prefix: layout.prefix,
            outer,
            #[cfg(feature = "axum")]
            scrapes: Scrapes::new(self.max_scrapes),
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
