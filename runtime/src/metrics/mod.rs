//! One instance of the metrics: its families, its registry, its settings.

mod build_info;
mod builder;
mod error;
mod gather;
#[cfg(feature = "process")]
mod process;
mod registry;
mod request_label;
#[cfg(feature = "axum")]
mod scrapes;
mod skip;
mod validate;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use http::Request;
use prometheus::Registry;

pub use self::builder::MetricsBuilder;
pub use self::error::BuildError;
pub(crate) use self::gather::{GatherError, gather};
pub(crate) use self::registry::RegistryNames;
use self::request_label::Source;
#[cfg(feature = "axum")]
pub(crate) use self::scrapes::{ScrapePermit, Scrapes};
use self::skip::Skip;
pub(crate) use self::validate::{is_label_name, is_metric_name};
use crate::family::{Class, Classes};
use crate::label::Method;
use crate::series::{Endpoints, RequestLabels};

static GLOBAL: OnceLock<Metrics> = OnceLock::new();

/// One instance of the metrics of a service.
///
/// An application needs one. It is made with [`Metrics::builder`], and reaches the request path as a
/// layer: [`Metrics::layer`]. Attributes record into the instance whose layer
/// serves the request, and into [`Metrics::global`] outside any request, so that two applications or
/// many tests in one process do not mix.
///
/// A clone is another handle to the same instance.
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
    endpoints: Endpoints,
    registry: Registry,
    skip: Skip,
    class: Option<(Source, Classes)>,
    /// Whether a layer has been given out.
    layered: AtomicBool,
    /// Whether requests are marked as counted: there may be several layers around them.
    marks: AtomicBool,
    prefix: String,
    outer: RegistryNames,
    #[cfg(feature = "axum")]
    scrapes: Arc<Scrapes>,
}

impl Metrics {
    /// Starts the settings of an instance.
    pub fn builder() -> MetricsBuilder {
        MetricsBuilder::default()
    }

    /// The instance of the process: the one that [`MetricsBuilder::install`] set, else one with
    /// default settings, made at the first call.
    pub fn global() -> &'static Self {
        GLOBAL.get_or_init(|| {
            // Nothing that a user gave is in these settings.
            Self::builder().build().unwrap_or_else(|_| {
                unreachable!("the default settings are valid and the registry is empty")
            })
        })
    }

    /// The registry that holds the families, for the metrics of your own that should stand on the
    /// same page.
    ///
    /// ```
    /// use prometheus::IntCounter;
    /// use streamgauge::Metrics;
    ///
    /// let metrics = Metrics::builder().build()?;
    /// let orders = IntCounter::new("shop_orders_total", "Orders taken.")?;
    /// metrics.registry().register(Box::new(orders.clone()))?;
    /// orders.inc();
    /// assert!(metrics.encode_text()?.contains("shop_orders_total 1"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// What the registry adds to all names and labels in it.
    pub(crate) fn outer(&self) -> &RegistryNames {
        &self.0.outer
    }

    #[cfg(feature = "axum")]
    pub(crate) fn scrapes(&self) -> &Arc<Scrapes> {
        &self.0.scrapes
    }

    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.0.endpoints
    }

    /// Whether a request is to be served without being recorded.
    pub(crate) fn skips<B>(&self, request: &Request<B>) -> bool {
        self.0.skip.matches(request)
    }

    pub(crate) fn ignores_unmatched(&self) -> bool {
        self.0.skip.unmatched
    }

    pub(crate) fn request_labels<B>(&self, request: &Request<B>) -> RequestLabels {
        let class = self.0.class.as_ref();
        let class =
            class.map_or(Class::UNKNOWN, |(source, classes)| source.class_of(request, classes));
        RequestLabels { method: Method::from(request.method()), class }
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Takes note of a layer that is given out; with the second of them requests are marked.
    pub(crate) fn note_layer(&self) {
        if self.0.layered.swap(true, Relaxed) {
            self.deduplicate_by_mark();
        }
    }

    pub(crate) fn deduplicate_by_mark(&self) {
        self.0.marks.store(true, Relaxed);
    }

    pub(crate) fn deduplicates_by_mark(&self) -> bool {
        self.0.marks.load(Relaxed)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("prefix", &self.0.prefix).finish_non_exhaustive()
    }
}
