//! The tower layer: what only the wire knows.
//!
//! It opens a [`Scope`](crate::request::Scope) for every request and keeps it until the response has
//! ended: in the response's future up to the head, then in its body.

mod body;
mod future;
mod passage;
mod service;
mod upload;

use std::fmt;

use tower_layer::Layer;

pub use self::future::ResponseFuture;
pub use self::service::Prometheus;
use crate::metrics::Metrics;

/// Records every request that passes: its count, duration, sizes and outcome.
///
/// Put it on the finished router, so that it sees all routes:
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
/// Requests are labelled with the template of their route, `/items/{id}`, and those that no route
/// takes with `unmatched`. Around a whole router, where no route is known yet, an annotated handler gives
/// the endpoint, its `endpoint` or its name, and all others are `unmatched`: `Router::layer` is the place.
/// The same goes for what `nest_service` mounts, unless that has a layer too: a request that passes through
/// several layers of one instance is counted once, by the outermost, which learns the route from the others.
///
/// Bodies pass frame by frame; nothing is collected. An upload of unknown length is counted as it is read, if
/// its body is axum's `Body`: behind a `Router` it is. A response body is watched to its last frame, unless it is of
/// known length and at most 64 KiB: such a one is taken to lie in memory, and its request ends with the
/// head, at no allocation.
#[derive(Clone)]
pub struct PrometheusLayer {
    metrics: Metrics,
}

impl PrometheusLayer {
    /// A layer that records into [`Metrics::global`].
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
    /// A layer that records into this instance.
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
