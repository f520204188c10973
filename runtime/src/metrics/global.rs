//! The global instance, which records outside any request.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::zero_series::any_instance_has_layer;
use super::{BuildError, Instance, Metrics, MetricsBuilder};
use crate::callsite::{Records, Site, WarnOnce};
#[cfg(feature = "axum")]
use crate::series::warn_page_outside_layers;
use crate::series::{
    warn_call_outside_requests, warn_function_outside_requests, warn_usage_outside_requests,
};

static GLOBAL: OnceLock<Metrics> = OnceLock::new();

/// Whether the program has installed the global instance or called [`Metrics::global`].
static IS_USED: AtomicBool = AtomicBool::new(false);

impl MetricsBuilder {
    /// Builds an instance and makes it the global one, which [`Metrics::global`] returns.
    ///
    /// Call this once, at the start of `main`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`build`](Self::build), and [`BuildError::AlreadyInstalled`] if the
    /// process already has a global instance. The first call of [`Metrics::global`] also creates
    /// the global instance; `PrometheusLayer::new` and recording outside any request call it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use streamgauge::Metrics;
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let metrics = Metrics::builder().prefix("shop").install()?;
    ///     // … routes with `metrics.layer()` …
    ///     Ok(())
    /// }
    /// ```
    pub fn install(self) -> Result<&'static Metrics, BuildError> {
        // Checked before `build` as well, so that a failed call takes no names in the registry.
        if GLOBAL.get().is_some() {
            return Err(BuildError::AlreadyInstalled);
        }
        let metrics = self.build()?;
        metrics.instance.create_zero_series();
        GLOBAL.set(metrics).map_err(|_| BuildError::AlreadyInstalled)?;
        Ok(Metrics::global())
    }
}

impl Metrics {
    /// Returns the global instance of the process.
    ///
    /// This is the instance that [`MetricsBuilder::install`] created. If nothing is installed, the
    /// first call of this function creates an instance with the default settings.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::Metrics;
    ///
    /// let page = Metrics::global().encode_text()?;
    /// # Ok::<(), streamgauge::EncodeError>(())
    /// ```
    pub fn global() -> &'static Self {
        IS_USED.store(true, Relaxed);
        global()
    }
}

/// Returns the global instance, which is created if there is none.
fn global() -> &'static Metrics {
    GLOBAL.get_or_init(|| {
        let metrics = Metrics::builder().build().unwrap_or_else(|_| {
            unreachable!("the default settings are valid and the registry is empty")
        });
        metrics.instance.create_zero_series();
        metrics
    })
}

impl Instance {
    /// Returns the global instance, without noting that the program uses it.
    pub(crate) fn implicit_global() -> &'static Self {
        global().instance
    }

    /// Returns the instance that records outside any request, or `None` if it is disabled.
    #[inline]
    pub(crate) fn outside_requests() -> Option<&'static Self> {
        Some(Self::implicit_global()).filter(|metrics| metrics.is_enabled())
    }

    /// Returns the instance that records a function outside any request, or `None` if it is
    /// disabled. Warns once for each function if nothing reads that instance.
    ///
    /// A `tracing` subscriber is user code, so the caller must not hold the scope of a request.
    #[inline]
    pub(crate) fn for_site_outside_requests(site: &'static Site) -> Option<&'static Self> {
        let metrics = Self::outside_requests()?;
        if global_is_unread() {
            warn_about_site(site);
        }
        Some(metrics)
    }

    /// Returns the instance that records what user code reports outside any request, through the
    /// function `reporter`, or `None` if it is disabled. Warns once if nothing reads that instance.
    ///
    /// A `tracing` subscriber is user code, so the caller must not hold the scope of a request.
    #[inline]
    pub(crate) fn for_report_outside_requests(
        reporter: &'static str,
        warned: &'static WarnOnce,
    ) -> Option<&'static Self> {
        let metrics = Self::outside_requests()?;
        if global_is_unread() && warned.is_first() {
            warn_call_outside_requests(reporter);
        }
        Some(metrics)
    }

    /// Returns the instance that records usage which user code reports outside any request, or
    /// `None` if it is disabled. Warns once if any instance has a layer, because a request may have
    /// spawned the task.
    ///
    /// A `tracing` subscriber is user code, so the caller must not hold the scope of a request.
    pub(crate) fn for_usage_outside_requests() -> Option<&'static Self> {
        static WARNED: WarnOnce = WarnOnce::new();

        let metrics = Self::outside_requests()?;
        if any_instance_has_layer() && WARNED.is_first() {
            if global_is_unread() {
                warn_call_outside_requests("token_usage_context::record");
            } else {
                warn_usage_outside_requests();
            }
        }
        Some(metrics)
    }

    /// Returns the instance that [`metrics_endpoint`](crate::metrics_endpoint) serves outside any
    /// layer. Warns once if that instance is not the one that records requests.
    #[cfg(feature = "axum")]
    pub(crate) fn for_page_outside_layers() -> &'static Self {
        static WARNED: WarnOnce = WarnOnce::new();
        if global_is_unread() && WARNED.is_first() {
            warn_page_outside_layers();
        }
        Self::implicit_global()
    }
}

/// Returns whether nothing reads the global instance: another instance has a layer, and the program
/// has neither installed the global instance nor called [`Metrics::global`].
#[inline]
fn global_is_unread() -> bool {
    any_instance_has_layer() && !IS_USED.load(Relaxed)
}

#[cold]
fn warn_about_site(site: &'static Site) {
    if site.is_first_outside_requests() {
        match site.records() {
            Records::Requests(_) => warn_function_outside_requests(site.function()),
            Records::Streams(_) | Records::Tokens(_) => warn_call_outside_requests(site.function()),
        }
    }
}
