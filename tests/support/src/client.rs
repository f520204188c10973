//! Sends requests to a router in the same process, without a socket.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use streamgauge::Metrics;
use tower::ServiceExt;

use crate::{Scrape, assert_identities};

/// Builds an instance with default settings that nothing else in the process records into.
///
/// # Panics
///
/// If the default settings are not valid.
#[must_use]
pub fn metrics() -> Metrics {
    Metrics::builder().build().expect("default settings are valid")
}

/// Sends a request without a body and returns the response with its body unread.
///
/// # Panics
///
/// If `path` is not a URI.
pub async fn send(app: &Router, method: Method, path: &str) -> Response<Body> {
    let request = Request::builder().method(method).uri(path).body(Body::empty());
    let request = request.expect("the request is well formed");
    app.clone().oneshot(request).await.expect("a router does not fail")
}

/// Sends a GET request and reads the response to its end.
///
/// # Panics
///
/// If `path` is not a URI, or the response body fails.
pub async fn get(app: &Router, path: &str) -> (StatusCode, Bytes) {
    let response = send(app, Method::GET, path).await;
    let status = response.status();
    let body = response.into_body().collect().await.expect("the body does not fail");
    (status, body.to_bytes())
}

/// Scrapes an instance, checks that no request and no stream is active, and that the families
/// agree.
///
/// # Panics
///
/// If a request or a stream is active, or if the families do not agree.
#[must_use]
pub fn settled(metrics: &Metrics) -> Scrape {
    let scrape = Scrape::of(metrics);
    assert_identities(&scrape);
    scrape
}
