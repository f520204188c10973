//! When an instance leaves its registry.
//!
//! Requests reach an instance through a `&'static` reference, so that no thread waits for a
//! reference count that another thread changes. The instance is in use as long as a `Metrics`, a
//! page in progress or a service of its layers exists. The first two share an [`Owner`]. Services
//! are cloned for each request, and counted in a `Gauge`, in which each thread writes numbers of
//! its own.
//!
//! No code runs when that gauge falls to zero. If the last `Metrics` is dropped before the last
//! service, the instance therefore leaves the registry when the next instance is built.

use std::sync::Arc;

use parking_lot::Mutex;
use prometheus::Registry;

use super::Instance;
use super::registration::Registration;

/// The owners of instances of which only services may be left.
static WITHOUT_METRICS: Mutex<Vec<Arc<Owner>>> = Mutex::new(Vec::new());

/// Holds the registry of an instance, and the names of the instance there. Dropping it releases
/// both.
pub(crate) struct Owner {
    pub(super) instance: &'static Instance,
    pub(super) registration: Registration,
}

impl Owner {
    /// Returns the registry that holds the families.
    pub(crate) fn registry(&self) -> &Registry {
        self.registration.registry()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.instance.zero_series.note_retired();
    }
}

/// The part of a [`Metrics`](super::Metrics) that all its clones share.
pub(super) struct MetricsHandle(pub(super) Arc<Owner>);

impl Drop for MetricsHandle {
    fn drop(&mut self) {
        if self.0.instance.services.value() > 0 {
            WITHOUT_METRICS.lock().push(Arc::clone(&self.0));
        }
    }
}

/// Drops the owners of instances that have neither a [`Metrics`](super::Metrics) nor a service.
pub(super) fn retire_unused() {
    let (used, unused): (Vec<_>, Vec<_>) = {
        let mut owners = WITHOUT_METRICS.lock();
        owners.drain(..).partition(|owner| owner.instance.services.value() > 0)
    };
    WITHOUT_METRICS.lock().extend(used);
    // Dropping a registry drops the collectors of users, which may build instances.
    drop(unused);
}

/// A reference from a service of a layer to its instance.
pub(crate) struct ServiceHandle(&'static Instance);

impl ServiceHandle {
    #[inline]
    pub(crate) fn new(instance: &'static Instance) -> Self {
        instance.services.inc();
        Self(instance)
    }

    #[inline]
    pub(crate) fn instance(&self) -> &'static Instance {
        self.0
    }
}

impl Clone for ServiceHandle {
    #[inline]
    fn clone(&self) -> Self {
        Self::new(self.0)
    }
}

impl Drop for ServiceHandle {
    #[inline]
    fn drop(&mut self) {
        self.0.services.dec();
    }
}
