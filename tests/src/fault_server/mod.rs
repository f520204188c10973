//! Every way in which a request can end, behind one route each.

mod bodies;
mod errors;
mod nested;
mod streams;
mod tokens;
#[cfg(feature = "traced")]
mod traced;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use streamgauge::Metrics;

#[cfg(feature = "traced")]
pub use self::traced::{install as install_traces, traced};

/// The server's routes, recorded into an instance.
pub fn app(metrics: &Metrics) -> Router {
    // Only a layer of its own knows the routes of a nested service. Its requests count once.
    routes(nested::service().layer(metrics.layer()))
        .route("/metrics", get(metrics.endpoint()))
        .layer(metrics.layer())
}

/// The same routes without the layer and the page, to compare with.
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
