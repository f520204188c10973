//! The page that Prometheus scrapes.

use std::fmt;
use std::future::{Ready, ready};

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

use crate::metrics::Metrics;
use crate::request::{self, Scope};

/// Serves the metrics in the Prometheus text format 0.0.4: a handler for `GET /metrics`.
///
/// Behind a layer it shows the instance of that layer, else [`Metrics::global`]. Scrapes are not
/// counted, wherever it is mounted.
///
/// ```
/// use axum::{Router, routing::get};
/// use streamgauge::{PrometheusLayer, metrics_endpoint};
///
/// let app: Router = Router::new()
///     .route("/metrics", get(metrics_endpoint))
///     .layer(PrometheusLayer::new());
/// ```
///
/// # Errors
///
/// Where a collector that was registered beside ours does not encode, the answer is 500 and says so.
pub async fn metrics_endpoint() -> Response {
    let metrics = request::current(|scope| scope.metrics().clone());
    page(metrics.as_ref().unwrap_or_else(|| Metrics::global()))
}

/// Serves one instance's metrics, whichever layer is around it: made by [`Metrics::endpoint`].
#[derive(Clone)]
pub struct MetricsEndpoint {
    metrics: Metrics,
}

impl Metrics {
    /// A handler that serves this instance's metrics, to be mounted with `get`.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use streamgauge::Metrics;
    ///
    /// let metrics = Metrics::builder().build()?;
    /// let inside: Router = Router::new().route("/metrics", get(metrics.endpoint()));
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    #[must_use]
    pub fn endpoint(&self) -> MetricsEndpoint {
        MetricsEndpoint { metrics: self.clone() }
    }
}

impl<S> Handler<(), S> for MetricsEndpoint {
    type Future = Ready<Response>;

    fn call(self, _request: Request, _state: S) -> Ready<Response> {
        ready(page(&self.metrics))
    }
}

impl fmt::Debug for MetricsEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsEndpoint").field("metrics", &self.metrics).finish()
    }
}

fn page(metrics: &Metrics) -> Response {
    request::current(Scope::exempt);
    match metrics.encode_text() {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            let text = format!("the metrics cannot be encoded: {error}\n");
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    }
}
