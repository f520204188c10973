//! Where requests enter.

use std::sync::{Arc, OnceLock};

use crate::metrics::Metrics;
use crate::site::EndpointSeries;

/// The label of requests that no route took.
pub(super) const UNMATCHED: &str = "unmatched";

/// One service that a layer has made. A router has one for each of its routes, so that the requests which pass
/// are nearly always of one endpoint: it is looked up once.
pub(crate) struct Gate {
    metrics: Metrics,
    usual: OnceLock<Arc<EndpointSeries>>,
}

impl Gate {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self { metrics, usual: OnceLock::new() }
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The endpoint of nearly all requests: that of the first, which has been asked for by its label.
    pub(super) fn usual(&self) -> &Arc<EndpointSeries> {
        self.usual.get_or_init(|| self.metrics.endpoints().get(UNMATCHED))
    }

    /// The endpoint of this label, where it is not the usual one.
    pub(super) fn other(&self, label: &str) -> Option<Arc<EndpointSeries>> {
        let endpoints = self.metrics.endpoints();
        let usual = self.usual.get_or_init(|| endpoints.get(label));
        (usual.label() != label).then(|| endpoints.get(label))
    }
}
