//! The settings of an instance.

use http::Method;
use prometheus::Registry;

#[cfg(feature = "process")]
use super::process::ProcessNames;
use super::request_label::RequestLabel;
#[cfg(feature = "monitoring")]
use crate::objective::Objective;
use crate::price::Prices;

/// The settings of a [`Metrics`](crate::Metrics), created by
/// [`Metrics::builder`](crate::Metrics::builder).
///
/// Each option has a default, so an empty builder is valid. The options themselves cannot fail:
/// they are validated by [`build`](Self::build) and [`install`](Self::install).
///
/// # Examples
///
/// ```
/// use streamgauge::Metrics;
///
/// let metrics = Metrics::builder()
///     .prefix("gateway")
///     .label("region", "eu-west-1")
///     .buckets("http_request_duration_seconds", [0.05, 0.1, 0.5, 1.0, 5.0])
///     .skip_paths(["/health", "/internal/*"])
///     .build()?;
/// # Ok::<(), streamgauge::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "settings do nothing until `build` or `install`"]
pub struct MetricsBuilder {
    pub(super) enabled: bool,
    pub(super) prefix: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) buckets: Vec<(String, Vec<f64>)>,
    #[cfg(feature = "monitoring")]
    pub(super) objectives: Vec<(String, Objective)>,
    pub(super) skip_paths: Vec<String>,
    pub(super) skip_methods: Vec<Method>,
    pub(super) ignore_unmatched: bool,
    pub(super) group_status: bool,
    pub(super) request_labels: Vec<RequestLabel>,
    pub(super) models: Option<Vec<String>>,
    pub(super) providers: Option<Vec<String>>,
    pub(super) prices: Prices,
    pub(super) max_label_values: usize,
    pub(super) max_series: usize,
    pub(super) max_scrapes: usize,
    #[cfg(feature = "live")]
    pub(super) max_viewers: usize,
    pub(super) build_info: Option<Vec<(String, String)>>,
    #[cfg(feature = "process")]
    pub(super) process_metrics: Option<ProcessNames>,
    pub(super) registry: Option<Registry>,
    pub(super) registry_prefix: String,
    pub(super) registry_labels: Vec<(String, String)>,
}

impl Default for MetricsBuilder {
    fn default() -> Self {
        Self {
            enabled: true,
            prefix: "app".to_owned(),
            labels: Vec::new(),
            buckets: Vec::new(),
            #[cfg(feature = "monitoring")]
            objectives: Vec::new(),
            skip_paths: Vec::new(),
            skip_methods: Vec::new(),
            ignore_unmatched: false,
            group_status: false,
            request_labels: Vec::new(),
            models: None,
            providers: None,
            prices: Prices::new(),
            max_label_values: 100,
            max_series: 10_000,
            max_scrapes: 64,
            #[cfg(feature = "live")]
            max_viewers: 16,
            build_info: None,
            #[cfg(feature = "process")]
            process_metrics: None,
            registry: None,
            registry_prefix: String::new(),
            registry_labels: Vec::new(),
        }
    }
}

impl MetricsBuilder {
    /// Sets whether the instance records. Defaults to true.
    ///
    /// The settings of a disabled instance are validated as those of an enabled one. Its layer
    /// passes requests through. Within such a request, attributes and functions of this crate
    /// record in no instance, and emit no `tracing` events about what they would have recorded.
    ///
    /// The page of a disabled instance has no metrics, not even the application's own ones in its
    /// registry. In the text format it is a comment that says so. In `OpenMetrics`, which has no
    /// comments, it is `# EOF`. Files and pushes have the text page.
    ///
    /// The setting concerns one instance. Code outside any request records in the global one: to
    /// turn that off as well, use [`install`](Self::install), or the environment variable.
    ///
    /// # Environment variable
    ///
    /// `STREAMGAUGE_DISABLED=1` or `STREAMGAUGE_DISABLED=true`, in upper or lower case, disables
    /// every instance of the process, whatever this option says. Other values have no effect. The
    /// variable is read when an instance is built.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::Metrics;
    ///
    /// let metrics = Metrics::builder().enabled(false).build()?;
    /// let page = metrics.encode_text()?;
    /// assert!(page.starts_with("# streamgauge is disabled") && page.lines().count() == 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Sets the prefix of all metric names: `shop` makes `shop_http_requests_total`.
    ///
    /// Defaults to `app`. An empty string disables the prefix. A prefix has at most 100 bytes, does
    /// not begin with `__` and does not end with `_`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Adds a constant label: every series of every family has it, with the same value.
    ///
    /// By default there is no constant label. The option may be used several times, with different
    /// names. A name has at most 100 bytes, and the value is not empty: an empty value means no
    /// label to Prometheus.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::Metrics;
    ///
    /// let metrics =
    ///     Metrics::builder().label("region", "eu-west-1").label("cluster", "blue").build()?;
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((name.into(), value.into()));
        self
    }

    /// Sets the upper bounds of a histogram's buckets.
    ///
    /// `family` is the name without the prefix, such as `http_request_duration_seconds`. The bounds
    /// are in the histogram's unit (seconds, bytes, tokens or calls) and must increase. The last
    /// bucket, `+Inf`, is added automatically. The option may be used several times, for different
    /// histograms.
    ///
    /// Choose bounds that include the limits that you want to alert on: a quantile between two
    /// bounds is an estimate, but the share of requests below a bound is exact.
    ///
    /// # Default bounds
    ///
    #[doc = include_str!("default_buckets.md")]
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::Metrics;
    ///
    /// let metrics = Metrics::builder()
    ///     .buckets("http_request_duration_seconds", [0.05, 0.1, 0.5, 1.0])
    ///     .buckets("request_tokens", [100.0, 1_000.0, 10_000.0])
    ///     .build()?;
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    pub fn buckets(
        mut self,
        family: impl Into<String>,
        bounds: impl IntoIterator<Item = f64>,
    ) -> Self {
        self.buckets.push((family.into(), bounds.into_iter().collect()));
        self
    }

    /// Adds request paths that the layer does not record in the request and exception families.
    ///
    /// By default no path is skipped. Streams and calls on skipped paths are still recorded by the
    /// attributes of their handlers.
    ///
    /// | pattern | skips |
    /// |---|---|
    /// | `/health` | this path; not `/healthz`, and not `/health/` |
    /// | `/internal/*` | paths that begin with `/internal/`; the `*` stands at the end |
    /// | `/items/{id}` | `/items/` and one more segment that is not empty |
    /// | `/admin/{*rest}` | paths that begin with `/admin/` and have at least one more character |
    ///
    /// A pattern is compared with the path that the layer sees, percent-encoded as the client has
    /// sent it. Templates match as in axum, but without regard to other routes: `/items/{id}` also
    /// skips `/items/new` if that is a route of its own. `{{` and `}}` stand for the characters `{`
    /// and `}`.
    ///
    /// A pattern is also compared with the template of the route that the request has matched. A
    /// layer on a nested router sees the path without the prefix of the nest and the template with
    /// it, so patterns may be written either way.
    ///
    /// A pattern that cannot match any path is an error of [`build`](Self::build): one with a
    /// query, a fragment, a space or a `*` that is not at the end.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::Metrics;
    ///
    /// let metrics = Metrics::builder()
    ///     .skip_paths(["/health", "/internal/*", "/items/{id}/preview"])
    ///     .build()?;
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    pub fn skip_paths<P: Into<String>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.skip_paths.extend(paths.into_iter().map(Into::into));
        self
    }

    /// Adds request methods that the layer does not record, with the same effect as
    /// [`skip_paths`](Self::skip_paths).
    ///
    /// Skip `OPTIONS`, for example, if browsers send a preflight request before each request. By
    /// default no method is skipped.
    pub fn skip_methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.skip_methods.extend(methods);
        self
    }

    /// Makes the layer ignore requests that match no route. By default the layer records them with
    /// `endpoint="unmatched"`.
    ///
    /// A layer around a whole router does not see routes. There, only requests that an annotated
    /// handler serves are recorded. Services that `nest_service` mounts have no route either,
    /// unless they have a layer of their own.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::Metrics;
    ///
    /// let metrics = Metrics::builder().ignore_unmatched().build()?;
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    pub fn ignore_unmatched(mut self) -> Self {
        self.ignore_unmatched = true;
        self
    }

    /// Groups the values of the label `status` in all families: `2xx`, `4xx`, `5xx`. By default the
    /// label is the status code, such as `404`.
    ///
    /// Grouping reduces the number of series. Use it if, for example, the difference between 502
    /// and 503 does not matter.
    pub fn group_status(mut self) -> Self {
        self.group_status = true;
        self
    }

    /// Restricts the label `model` to a list of models, by the names that attributes or replies
    /// use.
    ///
    /// Every other model becomes `other` and is counted in `metrics_overflow_total`. By default any
    /// model is exported, up to [`max_label_values`](Self::max_label_values) models in a family; a
    /// list replaces that limit. Using the option again extends the list.
    ///
    /// # Examples
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
        let allowed = self.models.get_or_insert_default();
        allowed.extend(models.into_iter().map(Into::into));
        self
    }

    /// Restricts the label `provider` to a list of providers, as [`models`](Self::models) does for
    /// the label `model`.
    pub fn providers<P: Into<String>>(mut self, providers: impl IntoIterator<Item = P>) -> Self {
        let allowed = self.providers.get_or_insert_default();
        allowed.extend(providers.into_iter().map(Into::into));
        self
    }

    /// Sets how many values each of the labels `model`, `provider`, `error_type` and
    /// `exception_type` may have in a family. Defaults to 100.
    ///
    /// Values past the limit, and values longer than 128 bytes, become `other`;
    /// `metrics_overflow_total` counts the observations.
    pub fn max_label_values(mut self, limit: usize) -> Self {
        self.max_label_values = limit;
        self
    }

    /// Sets how many series each family may have. Defaults to 10,000.
    ///
    /// Past the limit, every label with a limit, such as `endpoint` and `model`, and every request
    /// label becomes `other`, and `metrics_overflow_total` counts the observations. The limit is
    /// also the number of combinations of an endpoint and the values of its request labels.
    pub fn max_series(mut self, limit: usize) -> Self {
        self.max_series = limit;
        self
    }

    /// Sets how many metrics pages may be in progress at the same time. Defaults to 64.
    ///
    /// A page of more than 64 KiB is written piece by piece, as its client reads it, and is in
    /// progress until its last piece is written. A smaller page is written at once, and no longer
    /// counts after that.
    ///
    /// If the limit is reached, a new scrape takes the place of the page that has stalled longest,
    /// so that a client that does not read its pages cannot block the scrapes of others. The memory
    /// of the stalled page is freed, and its body ends with an error, which breaks the connection
    /// or the HTTP/2 stream. If every page is being written or has made progress within 10
    /// milliseconds, the new scrape gets a 503 instead. Of the smaller pages, 16 times the limit
    /// may wait for their clients; beyond that, the body of the oldest ends with an error as well.
    ///
    /// `scrapes_refused_total` counts the pages that were broken off with the reason `stalled`, and
    /// the responses 503 with the reason `too_many`.
    pub fn max_scrapes(mut self, limit: usize) -> Self {
        self.max_scrapes = limit;
        self
    }

    /// Adds the gauge `build_info`, whose value is always 1 and whose labels identify the running
    /// build.
    ///
    /// The usual labels are `version`, `revision` and `branch`. By default the gauge does not
    /// exist. Using the option again adds labels.
    ///
    /// # Examples
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
        let all = self.build_info.get_or_insert_default();
        all.extend(labels.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Adds metrics of the process, under the names that every Prometheus client uses, without the
    /// prefix. By default they do not exist.
    ///
    /// The families are `process_cpu_seconds_total` (whole seconds),
    /// `process_resident_memory_bytes`, `process_virtual_memory_bytes`, `process_open_fds`,
    /// `process_max_fds`, `process_threads` and `process_start_time_seconds`. They are read when a
    /// page or a file is written. The option works on Linux and has no effect elsewhere.
    ///
    /// Use [`prefixed_process_metrics`](Self::prefixed_process_metrics) for a file that
    /// node-exporter reads: node-exporter exports metrics of these names about itself, and drops
    /// those in a file. Use neither with `prometheus::default_registry`, which already has these
    /// metrics.
    ///
    /// # Examples
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

    /// Adds metrics of the process with the prefix, such as `shop_process_open_fds`.
    ///
    /// See [`process_metrics`](Self::process_metrics). If both options are used, the later one
    /// applies.
    #[cfg(feature = "process")]
    pub fn prefixed_process_metrics(mut self) -> Self {
        self.process_metrics = Some(ProcessNames::Prefixed);
        self
    }
}
