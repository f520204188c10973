//! The tower layer, which records what only the HTTP layer sees.
//!
//! The layer opens a [`Scope`](crate::request::Scope) for each request and keeps it until the
//! response has ended: in the response future until the head, then in the response body.

mod axum_version;
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

/// Records the requests that pass: their count, duration in seconds, body sizes in bytes and
/// outcome.
///
/// The families are `http_requests_total`, `http_request_duration_seconds`, `active_requests`,
/// `request_size_bytes`, `response_size_bytes` and `errors_total`. Not recorded are the requests
/// for the metrics page, and those that
/// [`MetricsBuilder::skip_paths`](crate::MetricsBuilder::skip_paths) and its neighbours skip.
///
/// Call [`Router::layer`](axum::Router::layer) with it after the last route is added, so that the
/// layer sees all routes. Layers that are added after it are outside: a timeout there is recorded
/// as a client disconnect, and a compressed size is not seen.
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
/// if no route matches. A layer that is wrapped around a whole router, as in `layer.layer(router)`,
/// does not see routes. Its label is then the endpoint that the attribute of an annotated handler
/// names, or the name of that handler; all other requests are `unmatched`.
///
/// The application must use axum 0.8, as this crate does. The layer also compiles with other
/// versions of axum, but finds no routes there: all requests are `unmatched`, and a warning is
/// logged once.
///
/// Services that `nest_service` mounts have no route either, unless they have a layer of their own.
/// A request that passes through several layers of one instance is recorded once, by the outermost
/// layer, which learns the route from the inner ones.
///
/// # Bodies
///
/// Bodies pass through frame by frame; the layer buffers nothing. A request body is counted while
/// it is read, because a client can declare any length. The body must be axum's `Body`, as it is
/// behind a `Router` and in `axum::serve`. The size of a body of another type is recorded only if
/// the body is empty or in memory.
///
/// If the client cuts an upload off while the handler reads it, the request is `cancelled`,
/// whatever the handler answers.
///
/// A response body is watched until its last frame. A body of known length up to 64 KiB is assumed
/// to be in memory, unless the handler has set `Content-Length` or an attribute reads the body. The
/// request is then recorded when its response head is ready, and a later disconnect is not seen.
/// Frames of more than 256 KiB are handed to the transport in pieces, so that the layer sees a
/// client that disconnects within a large body in memory.
#[derive(Clone)]
pub struct PrometheusLayer {
    metrics: Metrics,
}

impl PrometheusLayer {
    /// Creates a layer that records into [`Metrics::global`].
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use streamgauge::PrometheusLayer;
    ///
    /// let app: Router =
    ///     Router::new().route("/", get(|| async { "hello" })).layer(PrometheusLayer::new());
    /// ```
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
        self.instance().note_layer();
        PrometheusLayer { metrics: self.clone() }
    }
}

impl<S> Layer<S> for PrometheusLayer {
    type Service = Prometheus<S>;

    fn layer(&self, inner: S) -> Prometheus<S> {
        Prometheus::new(inner, self.metrics.instance())
    }
}

impl fmt::Debug for PrometheusLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrometheusLayer").field("metrics", &self.metrics).finish()
    }
}
