//! The tower layer, which records what only the HTTP layer sees.
//!
//! The layer opens a [`Scope`](crate::request::Scope) for each request and keeps it until the
//! response has ended: in the response future until the head, then in the response body.

mod body;
mod future;
mod nested;
mod service;
mod upload;

use std::fmt;

use tower_layer::Layer;

pub use self::future::ResponseFuture;
pub use self::service::Prometheus;
use crate::metrics::Metrics;

/// Records every request that passes: its count, duration, sizes and outcome.
///
/// Add the layer to the finished router, so that it sees all routes.
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
/// use streamgauge::{Metrics, metrics_endpoint};
///
/// let metrics = Metrics::builder().prefix("shop").build()?;
/// let app: Router = Router::new()
///     .route("/items/{id}", get(|| async { "an item" }))
///     .route("/metrics", get(metrics_endpoint))
///     .layer(metrics.layer());
/// # Ok::<(), streamgauge::BuildError>(())
/// ```
///
/// # Endpoints
///
/// The `endpoint` label is the template of the matched route, such as `/items/{id}`, or `unmatched`
/// if no route matches. Use [`Router::layer`](axum::Router::layer): a layer that is wrapped around
/// a whole router does not see routes. There, the label is the endpoint that the attribute of an
/// annotated handler names, or the name of that handler; all other requests are `unmatched`.
///
/// Services that `nest_service` mounts have no route either, unless they have a layer of their own.
/// A request that passes through several layers of one instance is recorded once, by the outermost
/// layer, which learns the route from the inner ones.
///
/// # Bodies
///
/// Bodies pass through frame by frame; the layer collects nothing. A request body of unknown length
/// is counted while it is read, if it is axum's `Body`, as it is behind a `Router`. A response body
/// is watched until its last frame. Bodies of known length up to 64 KiB are assumed to be in
/// memory: such a request is recorded when its head is sent, without an allocation.
#[derive(Clone)]
pub struct PrometheusLayer {
    metrics: Metrics,
}

impl PrometheusLayer {
    /// Creates a layer that records into [`Metrics::global`].
    #[must_use]
    pub fn new() -> Self {
        Metrics::global().layer()
    }
}

impl Default for PrometheusLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Creates a layer that records into this instance.
    #[must_use]
    pub fn layer(&self) -> PrometheusLayer {
        self.note_layer();
        PrometheusLayer { metrics: self.clone() }
    }
}

impl<S> Layer<S> for PrometheusLayer {
    type Service = Prometheus<S>;

    fn layer(&self, inner: S) -> Prometheus<S> {
        Prometheus::new(inner, self.metrics.clone())
    }
}

impl fmt::Debug for PrometheusLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrometheusLayer").field("metrics", &self.metrics).finish()
    }
}
