//! An instance of the metrics, and its settings.

mod build;
mod builder;
mod error;
mod global;
mod path_pattern;
mod price_options;
#[cfg(feature = "process")]
mod process;
mod registration;
mod registry;
mod registry_options;
mod request_label;
#[cfg(feature = "axum")]
mod scrape_limit;
mod skip_rules;
mod validate;
mod zero_series;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use http::Request;
use parking_lot::Mutex;
use prometheus::Registry;

pub use self::builder::MetricsBuilder;
pub use self::error::BuildError;
use self::registration::Registration;
pub(crate) use self::registry::RegistryNames;
pub use self::request_label::RequestLabel;
use self::request_label::RequestLabelSource;
#[cfg(feature = "axum")]
pub(crate) use self::scrape_limit::{Admission, Discarded, OpenPage, Progress, ScrapeLimit};
use self::skip_rules::SkipRules;
pub(crate) use self::validate::{is_label_name, is_metric_name};
use self::zero_series::ZeroSeries;
use crate::family::{RequestLabelValues, RequestLabels};
use crate::series::{Endpoints, warn_undeclared_label};

/// The number of undeclared request labels that an instance warns about.
const MAX_UNDECLARED_LABELS: usize = 16;

/// An instance of the metrics of a service: its metric families, their registry and its settings.
///
/// An application needs one instance. [`Metrics::builder`] creates it, and [`Metrics::layer`] adds
/// it to a router. The attributes record into the instance whose layer serves the request, and into
/// [`Metrics::global`] outside any request. Two applications, or many tests, in one process
/// therefore do not mix their metrics.
///
/// Cloning is cheap: a clone is another handle to the same instance.
///
/// # Examples
///
/// ```
/// use streamgauge::Metrics;
///
/// let metrics = Metrics::builder()
///     .prefix("shop")
///     .skip_paths(["/health", "/internal/*"])
///     .build()?;
/// assert_eq!(metrics.encode_text()?, "", "nothing has been recorded");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg_attr(
    not(feature = "axum"),
    doc = "",
    doc = "[`Metrics::layer`]: https://docs.rs/streamgauge/latest/streamgauge/struct.Metrics.html#method.layer"
)]
#[derive(Clone)]
pub struct Metrics(Arc<Instance>);

struct Instance {
    /// Whether anything is recorded and exported.
    is_enabled: bool,
    endpoints: Arc<Endpoints>,
    registration: Registration,
    skip_rules: SkipRules,
    /// The source of each request label, in the order of their declaration.
    request_label_sources: Box<[RequestLabelSource]>,
    /// The undeclared labels that handlers have set. A warning is logged once for each.
    undeclared_labels: Mutex<Vec<Box<str>>>,
    /// Whether the instance has a layer, and whether it has decided about its series at zero.
    zero_series: Arc<ZeroSeries>,
    /// Whether layers mark the requests that they record, because there may be several layers
    /// around a request.
    deduplicates: AtomicBool,
    prefix: String,
    registry_names: RegistryNames,
    #[cfg(feature = "axum")]
    scrape_limit: ScrapeLimit,
    /// The length of the last page that was encoded as a whole.
    page_length: AtomicUsize,
}

impl Metrics {
    /// Returns a builder with the default settings.
    ///
    /// [`enabled(false)`](MetricsBuilder::enabled), or the environment variable
    /// `STREAMGAUGE_DISABLED=1`, turns the metrics off.
    pub fn builder() -> MetricsBuilder {
        MetricsBuilder::default()
    }

    /// Returns whether the instance records: false after
    /// [`enabled(false)`](MetricsBuilder::enabled), or if the environment variable
    /// `STREAMGAUGE_DISABLED` was set when the instance was built.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::Metrics;
    ///
    /// let metrics = Metrics::builder().enabled(false).build()?;
    /// assert!(!metrics.is_enabled());
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.0.is_enabled
    }

    /// Returns the registry that holds the families.
    ///
    /// A disabled instance has a registry too, but nothing in it is on the page of the instance.
    ///
    /// Register the application's own metrics here to export them together with the families of
    /// this instance. They have the names that the application gives them, without the
    /// [prefix](MetricsBuilder::prefix) and the constant labels of this instance.
    ///
    /// A registry accepts metrics of its own version of the crate `prometheus` only. That version
    /// is [`streamgauge::prometheus`](crate::prometheus), so an application does not need a
    /// dependency on `prometheus`, and cannot have one of another version by mistake.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::Metrics;
    /// use streamgauge::prometheus::{IntCounterVec, Opts};
    ///
    /// let metrics = Metrics::builder().prefix("shop").build()?;
    ///
    /// let orders = Opts::new("shop_orders_total", "Orders, by means of payment.");
    /// let orders = IntCounterVec::new(orders, &["payment"])?;
    /// metrics.registry().register(Box::new(orders.clone()))?;
    ///
    /// // In a handler that has `orders` as state:
    /// orders.with_label_values(&["card"]).inc();
    ///
    /// assert!(metrics.encode_text()?.contains("\nshop_orders_total{payment=\"card\"} 1\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn registry(&self) -> &Registry {
        self.0.registration.registry()
    }

    /// Returns the prefix and the labels that the registry adds to everything in it.
    pub(crate) fn registry_names(&self) -> &RegistryNames {
        &self.0.registry_names
    }

    #[cfg(feature = "axum")]
    pub(crate) fn scrape_limit(&self) -> &ScrapeLimit {
        &self.0.scrape_limit
    }

    /// Returns the length of the last page that was encoded as a whole. The next page has about the
    /// same length.
    pub(crate) fn page_length(&self) -> &AtomicUsize {
        &self.0.page_length
    }

    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.0.endpoints
    }

    /// Returns whether a request is served without being recorded. `route` returns the template of
    /// the route that it has matched.
    pub(crate) fn skips<B>(
        &self,
        request: &Request<B>,
        route: impl FnOnce(&Request<B>) -> Option<&str>,
    ) -> bool {
        self.0.skip_rules.matches(request, route)
    }

    /// Returns whether requests that match no route are not recorded.
    pub(crate) fn ignores_unmatched(&self) -> bool {
        self.0.skip_rules.unmatched
    }

    /// Returns the request labels of the instance.
    pub(crate) fn request_labels(&self) -> &RequestLabels {
        self.endpoints().families().request_labels()
    }

    /// Returns the values of the request labels that a request carries when it arrives.
    pub(crate) fn request_label_values<B>(&self, request: &Request<B>) -> RequestLabelValues {
        let sources = self.0.request_label_sources.iter().enumerate();
        sources.fold(RequestLabelValues::default(), |values, (index, source)| {
            values.set(index, self.request_labels().find(index, source.read(request)))
        })
    }

    /// Warns about a request label that a handler has set and the instance does not declare, once
    /// for each name.
    ///
    /// A `tracing` subscriber is user code, so the caller must not hold the scope of the request.
    pub(crate) fn warn_undeclared_label(&self, name: &str) {
        let is_new = {
            let mut known = self.0.undeclared_labels.lock();
            let is_new = known.len() < MAX_UNDECLARED_LABELS && !known.iter().any(|n| **n == *name);
            if is_new {
                known.push(name.into());
            }
            is_new
        };
        if is_new {
            warn_undeclared_label(name);
        }
    }

    /// Returns whether two handles are of the same instance.
    pub(crate) fn is_same_instance(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Records that a layer has been created, unless the instance is disabled. From the second
    /// layer on, requests are marked.
    pub(crate) fn note_layer(&self) {
        if self.is_enabled() && !self.0.zero_series.note_layer() {
            self.deduplicate_by_mark();
        }
    }

    /// Creates the series of all functions at zero, unless the instance is disabled.
    fn create_zero_series(&self) {
        if self.is_enabled() {
            self.0.zero_series.create(self.endpoints());
        }
    }

    /// Creates the series of all functions at zero if no other instance can serve them. Called at
    /// the first request, and before the instance is exported.
    pub(crate) fn decide_zero_series(&self) {
        self.0.zero_series.decide(self.endpoints());
    }

    pub(crate) fn deduplicate_by_mark(&self) {
        self.0.deduplicates.store(true, Relaxed);
    }

    pub(crate) fn deduplicates_by_mark(&self) -> bool {
        self.0.deduplicates.load(Relaxed)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("prefix", &self.0.prefix).finish_non_exhaustive()
    }
}
