//! What a request starts with: the service that received it, and the size of its body.

use std::sync::{Arc, OnceLock};

use super::UploadProgress;
use crate::metrics::Metrics;
use crate::series::EndpointSeries;

/// The `endpoint` label of requests that match no route.
pub(super) const UNMATCHED: &str = "unmatched";

/// The state of one service that a layer has created.
///
/// `Router::layer` creates one service per route, so nearly all requests of a service have the same
/// endpoint. The service caches it.
pub(crate) struct ServiceState {
    metrics: Metrics,
    cached_endpoint: OnceLock<Arc<EndpointSeries>>,
}

impl ServiceState {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self { metrics, cached_endpoint: OnceLock::new() }
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns the endpoint of the first request of this service.
    pub(super) fn cached_endpoint(&self) -> &Arc<EndpointSeries> {
        self.cached_endpoint.get_or_init(|| self.first_endpoint(UNMATCHED))
    }

    /// Looks up the endpoint with this label. Returns `None` if it is the cached one.
    pub(super) fn lookup_endpoint(&self, label: &str) -> Option<Arc<EndpointSeries>> {
        let cached = self.cached_endpoint.get_or_init(|| self.first_endpoint(label));
        (cached.label() != label).then(|| self.metrics.endpoints().get_or_create(label))
    }

    fn first_endpoint(&self, label: &str) -> Arc<EndpointSeries> {
        self.metrics.decide_zero_series();
        self.metrics.endpoints().get_or_create(label)
    }
}

/// The size of a request body, in bytes.
#[derive(Debug)]
pub(crate) enum RequestSize {
    /// The size of a body that is in memory.
    InMemory(u64),
    /// The number of bytes that have been read so far.
    Read(UploadProgress),
    /// The body is of a type that the layer cannot wrap.
    Unknown,
}

impl RequestSize {
    /// Returns the size as far as it is known now.
    pub(super) fn known(&self) -> Option<u64> {
        match self {
            Self::InMemory(size) => Some(*size),
            Self::Read(progress) => Some(progress.read()),
            Self::Unknown => None,
        }
    }

    /// Returns whether the body still exists, so that it may still be read.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Read(progress) if progress.is_shared())
    }

    /// Returns whether the client disconnected before it had sent the whole body.
    pub(super) fn was_cut_off(&self) -> bool {
        matches!(self, Self::Read(progress) if progress.was_cut_off())
    }
}
