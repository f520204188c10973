//! Checks the comparison of the README: what each library records with its default settings.
//!
//! The other libraries record into registries of the process. So each of them has one test, which
//! makes all requests.

#![expect(clippy::float_cmp, reason = "counts are exact")]

use std::io;
use std::panic::AssertUnwindSafe;
use std::task::Poll;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use axum::routing::get;
use axum_prometheus::PrometheusMetricLayer;
use futures_util::{FutureExt, StreamExt, poll, stream};
use http_body_util::BodyExt;
use prometheus_axum_middleware::PrometheusAxumLayer;
use streamgauge::Metrics;
use streamgauge::testing::Page;
use tower::ServiceExt;

const PEER_REQUESTS: &str = "axum_http_requests_total";
const PEER_PENDING: &str = "axum_http_requests_pending";

fn router() -> Router {
    Router::new()
        .route("/panics", get(async || -> &'static str { panic!("the handler panics") }))
        .route("/fails", get(async || Body::from_stream(chunk().chain(failure()))))
        .route("/endless", get(async || Body::from_stream(chunk().chain(stream::pending()))))
}

fn chunk() -> impl stream::Stream<Item = io::Result<Bytes>> {
    stream::iter([Ok(Bytes::from_static(b"chunk"))])
}

fn failure() -> impl stream::Stream<Item = io::Result<Bytes>> {
    stream::iter([Err(io::Error::other("the source has failed"))])
}

/// Sends the requests that the README's table compares.
async fn send_requests(app: &Router) {
    for number in 0..100 {
        request(app, &format!("/invented/{number}")).await;
    }
    let panicking = AssertUnwindSafe(request(app, "/panics")).catch_unwind();
    assert!(panicking.await.is_err(), "no layer catches the panic");
    let failing = request(app, "/fails").await.into_body();
    assert!(failing.collect().await.is_err(), "the body fails after its first chunk");
    let mut left = request(app, "/endless").await.into_body();
    assert!(left.frame().await.is_some_and(|frame| frame.is_ok()));
    assert!(matches!(poll!(left.frame()), Poll::Pending));
}

async fn request(app: &Router, path: &str) -> Response<Body> {
    let request = Request::get(path).body(Body::empty()).expect("the request is well formed");
    app.clone().oneshot(request).await.expect("a router does not fail")
}

/// Counts the endpoints of a page's requests that were invented.
fn invented_endpoints(page: &Page, family: &str) -> usize {
    let endpoints = page.label_values(family, "endpoint");
    endpoints.into_iter().filter(|endpoint| endpoint.starts_with("/invented/")).count()
}

/// Checks what both other libraries record alike.
fn assert_peer(page: &Page) {
    assert_eq!(invented_endpoints(page, PEER_REQUESTS), 100);
    assert_eq!(page.count(PEER_REQUESTS, [("endpoint", "/panics")]), 0);
    for endpoint in ["/fails", "/endless"] {
        let labels = [("endpoint", endpoint), ("status", "200")];
        assert_eq!(page.value(PEER_REQUESTS, labels).ok(), Some(1.0));
    }
}

#[tokio::test]
async fn axum_prometheus_records_what_the_readme_says() {
    let (layer, handle) = PrometheusMetricLayer::pair();
    send_requests(&router().layer(layer)).await;
    let page = Page::parse(&handle.render()).expect("the page is valid");
    assert_peer(&page);
    assert_eq!(page.sum(PEER_PENDING, [("endpoint", "/panics")]), 0.0);
}

#[tokio::test]
async fn prometheus_axum_middleware_records_what_the_readme_says() {
    send_requests(&router().layer(PrometheusAxumLayer::new())).await;
    let text = prometheus_axum_middleware::render().await.into_body().collect().await;
    let text = text.expect("the page does not fail").to_bytes();
    let page = Page::parse(std::str::from_utf8(&text).expect("the page is text"));
    let page = page.expect("the page is valid");
    assert_peer(&page);
    assert_eq!(page.sum(PEER_PENDING, [("endpoint", "/panics")]), 1.0);
}

#[tokio::test]
async fn streamgauge_records_what_the_readme_says() {
    let metrics = Metrics::builder().prefix("").build().expect("the settings are valid");
    send_requests(&router().layer(metrics.layer())).await;
    let page = Page::parse(&metrics.encode_text().expect("the page can be encoded"));
    let page = page.expect("the page is valid");
    let requests = "http_requests_total";
    assert_eq!(invented_endpoints(&page, requests), 0);
    assert_eq!(page.value(requests, [("endpoint", "unmatched")]).ok(), Some(100.0));
    for (endpoint, outcome) in
        [("/panics", "panic"), ("/fails", "server_error"), ("/endless", "cancelled")]
    {
        let labels = [("endpoint", endpoint), ("outcome", outcome)];
        assert_eq!(page.value(requests, labels).ok(), Some(1.0));
    }
    assert_eq!(page.sum("active_requests", []), 0.0);
}
