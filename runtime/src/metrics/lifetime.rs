//! When an instance leaves its registry.
//!
//! Requests reach an instance through a `&'static` reference, so that no thread waits for a
//! reference count that another thread changes. The instance is in use as long as a [`Metrics`], a
//! service of its layers or a page in progress exists: they share an [`Owner`].

use std::sync::Arc;

use prometheus::Registry;

use super::registration::Registration;
use super::{Instance, Metrics};

/// What an instance gives up when it is no longer in use: the registry, and its names there.
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

/// A reference from a service of a layer to its instance.
///
/// A router clones its services for each request. These clones do not own the instance, because the
/// router keeps the services that it has cloned. If the user has passed a registry, which others
/// may read when the router has been cloned and the first one dropped, the clones own the instance
/// as well.
pub(crate) struct ServiceHandle {
    instance: &'static Instance,
    owner: Option<Arc<Owner>>,
}

impl ServiceHandle {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self { instance: metrics.instance, owner: Some(Arc::clone(&metrics.owner)) }
    }

    #[inline]
    pub(crate) fn instance(&self) -> &'static Instance {
        self.instance
    }
}

impl Clone for ServiceHandle {
    #[inline]
    fn clone(&self) -> Self {
        let owner = if self.instance.has_shared_registry { self.owner.clone() } else { None };
        Self { instance: self.instance, owner }
    }
}
