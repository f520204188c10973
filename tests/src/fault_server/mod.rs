//! The routes of the fault server, one for each outcome of a request.

mod bodies;
mod errors;
mod labels;
mod nested;
mod streams;
mod tokens;
#[cfg(feature = "traced")]
mod traced;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use streamgauge::Metrics;

pub use self::labels::{labelled_routes, numbered_routes, record_stream};
#[cfg(feature = "traced")]
pub use self::traced::{install as install_traces, traced};

/// Builds the server's routes, recorded into an instance.
pub fn app(metrics: &Metrics) -> Router {
    // The outer layer sees only the prefix of a nested service, so the service has a layer of its
    // own. Nested layers count a request once.
    routes(nested::service().layer(metrics.layer()))
        .route("/metrics", get(metrics.endpoint()))
        .nest_service("/live", metrics.live())
        .layer(metrics.layer())
}

/// Builds the same routes without the layer and the metrics page.
pub fn bare() -> Router {
    routes(nested::service())
}

fn routes(service: Router) -> Router {
    Router::new()
        .route("/ok", get(bodies::ok))
        .route("/plain", get(bodies::plain))
        .route("/items/{id}", get(bodies::item))
        .route("/files/{*rest}", get(bodies::file))
        .route("/slow", get(bodies::slow))
        .route("/echo", post(bodies::echo))
        .route("/bytes", get(bodies::bytes))
        .route("/ws", get(bodies::upgrade))
        .route("/err", get(errors::status))
        .route("/fail", get(errors::fail))
        .route("/panic", get(errors::panics))
        .route("/sse", get(streams::events))
        .route("/stream", get(streams::lines))
        .route("/stream-err", get(streams::fails))
        .route("/stream-panic", get(streams::panics))
        .route("/tokens", get(tokens::replied))
        .route("/tokens-spawned", get(tokens::spawned))
        .route("/tokens-stream", get(tokens::streamed))
        .merge(nested::api())
        .nest_service("/svc", service)
        .layer(DefaultBodyLimit::disable())
}
