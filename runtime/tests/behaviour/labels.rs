//! Configured labels: constant labels and grouped statuses.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::StatusCode;
use axum::routing::get as route_get;
use futures_util::FutureExt;
use streamgauge::testing::Page;
use streamgauge::{
    Metrics, Usage, instrument_endpoint, streaming_metrics, track_global_exception, track_tokens,
};
use streamgauge_test_support::client::{get, settled};
use streamgauge_test_support::page_of;
use tower::ServiceExt;

#[instrument_endpoint]
async fn answer(Path(status): Path<u16>) -> Result<StatusCode, StatusCode> {
    let status = StatusCode::from_u16(status).expect("the number is a status");
    if status.is_success() { Ok(status) } else { Err(status) }
}

#[streaming_metrics(media_type = "text/plain")]
#[track_tokens(model = "m")]
async fn stream() -> impl futures_core::Stream<Item = &'static str> {
    track_global_exception(&std::fmt::Error);
    streamgauge::token_usage_context::record(Usage::new(1, 1));
    futures_util::stream::iter(["one", "two"])
}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/answer/{status}", route_get(answer))
        .route("/stream", route_get(stream))
        .route("/pending", route_get(std::future::pending::<()>))
        .layer(metrics.layer())
}

#[tokio::test]
async fn constant_labels_are_on_every_series_of_every_family() {
    let metrics = Metrics::builder().label("region", "eu \"1\"\n").max_label_values(0);
    let metrics = metrics.label("zone", "b").build().expect("valid");
    let app = app(&metrics);
    for path in ["/answer/200", "/answer/500", "/stream", "/nope"] {
        get(&app, path).await;
    }
    let page = Page::parse(&page_of(&metrics)).expect("the page is valid");
    assert!(page.series().count() > 100);
    for series in page.series() {
        assert_eq!(series.label("region"), Some("eu \"1\"\n"), "{series}");
        assert_eq!(series.label("zone"), Some("b"), "{series}");
    }
}

#[tokio::test]
async fn group_status_applies_to_every_family() {
    let metrics = Metrics::builder().group_status().build().expect("valid");
    let app = app(&metrics);
    for status in [200, 204, 404, 409, 500, 503, 599] {
        get(&app, &format!("/answer/{status}")).await;
    }
    let request = Request::get("/pending").body(Body::empty()).expect("the request is well formed");
    assert!(app.oneshot(request).now_or_never().is_none());
    let scrape = settled(&metrics);
    for family in ["app_http_requests_total", "app_errors_total", "app_exceptions_total"] {
        let classes = scrape.values(family, "status");
        assert!(classes.iter().all(|class| ["2xx", "4xx", "5xx"].contains(class)), "{classes:?}");
        assert_eq!(scrape.sum(family, &[("status", "5xx")]), 3, "{family}");
    }
    assert_eq!(scrape.sum("app_http_requests_total", &[("status", "2xx")]), 2);
    let cancelled = [("status", "4xx"), ("outcome", "cancelled")];
    assert_eq!(scrape.sum("app_http_requests_total", &cancelled), 1);
    let refused = [("status", "4xx"), ("outcome", "client_error")];
    assert_eq!(scrape.sum("app_http_requests_total", &refused), 2);
}
