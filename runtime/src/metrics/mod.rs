//! An instance of the metrics, and its settings.

mod build;
mod builder;
mod error;
mod global;
#[cfg(feature = "live")]
mod in_flight;
mod instance;
mod lifetime;
#[cfg(feature = "live")]
mod live_hub;
#[cfg(feature = "monitoring")]
mod objective_option;
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

use prometheus::Registry;

pub use self::builder::MetricsBuilder;
pub use self::error::BuildError;
#[cfg(all(test, feature = "live"))]
pub(crate) use self::in_flight::WatchedRequest;
#[cfg(feature = "live")]
pub(crate) use self::in_flight::{InFlight, KeptRequest, WatchedRequests};
pub(crate) use self::instance::Instance;
use self::lifetime::MetricsHandle;
pub(crate) use self::lifetime::{Owner, ServiceHandle};
#[cfg(feature = "live")]
pub(crate) use self::live_hub::{LastReading, LiveHub, Viewer};
use self::registration::Registration;
pub(crate) use self::registry::RegistryNames;
pub use self::request_label::RequestLabel;
#[cfg(feature = "axum")]
pub(crate) use self::scrape_limit::{Admission, Discarded, OpenPage, Progress, ScrapeLimit};
pub(crate) use self::validate::{is_label_name, is_metric_name};

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
pub struct Metrics {
    instance: &'static Instance,
    /// Keeps the instance in its registry.
    handle: Arc<MetricsHandle>,
}

impl Metrics {
    /// Returns a builder with the default settings.
    ///
    /// [`enabled(false)`](MetricsBuilder::enabled), or the environment variable
    /// `STREAMGAUGE_DISABLED=1`, turns the metrics off.
    pub fn builder() -> MetricsBuilder {
        MetricsBuilder::default()
    }

    fn new(instance: &'static Instance, registration: Registration) -> Self {
        let owner = Arc::new(Owner { instance, registration });
        instance.owner.get_or_init(|| Arc::downgrade(&owner));
        Self { instance, handle: Arc::new(MetricsHandle(owner)) }
    }

    /// Returns the data of the instance.
    pub(crate) fn instance(&self) -> &'static Instance {
        self.instance
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
        self.instance.is_enabled()
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
        self.handle.0.registry()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.instance.fmt(f)
    }
}
