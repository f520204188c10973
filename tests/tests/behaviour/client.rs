//! A client of a router in the same process.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use streamgauge::Metrics;
use streamgauge_tests::Scrape;
use tower::ServiceExt;

/// An instance that nothing else in the process records into.
pub(crate) fn metrics() -> Metrics {
    Metrics::builder().build().expect("default settings are valid")
}

/// Sends a request without a body and takes the response head; the body is still to come.
pub(crate) async fn send(app: &Router, method: Method, path: &str) -> Response<Body> {
    let request = Request::builder().method(method).uri(path).body(Body::empty());
    let request = request.expect("the request is well formed");
    app.clone().oneshot(request).await.expect("a router does not fail")
}

/// Sends a GET and reads the response to its end.
pub(crate) async fn get(app: &Router, path: &str) -> (StatusCode, Bytes) {
    let response = send(app, Method::GET, path).await;
    let status = response.status();
    let body = response.into_body().collect().await.expect("the body does not fail");
    (status, body.to_bytes())
}

/// Reads an instance and makes sure that nothing is open any more.
pub(crate) fn settled(metrics: &Metrics) -> Scrape {
    let scrape = Scrape::of(metrics);
    assert_eq!(scrape.sum("app_active_requests", &[]), 0);
    assert_eq!(scrape.sum("app_active_streams", &[]), 0);
    assert_eq!(
        scrape.sum("app_http_requests_total", &[]),
        scrape.sum("app_http_request_duration_seconds_count", &[]),
        "every request has one duration"
    );
    scrape
}
