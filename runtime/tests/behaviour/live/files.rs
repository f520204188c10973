//! The files of the page, and the responses to other requests.

use axum::Router;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::routing::get as route_get;
use serde_json::Value;
use streamgauge::Metrics;
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, send};

use super::{EVENTS, Events, with_live_page};
use crate::disabled::disabled;

fn assert_headers(headers: &HeaderMap) {
    assert_eq!(headers[header::CONTENT_SECURITY_POLICY], "default-src 'self'");
    assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
}

#[tokio::test]
async fn live_page_and_its_files_have_their_types_and_allow_no_other_sources() {
    let app = with_live_page(Router::new(), &metrics());
    for (path, content_type, content) in [
        ("/metrics/live/", "text/html; charset=utf-8", "<!doctype html>"),
        ("/metrics/live/live.css", "text/css; charset=utf-8", "{"),
        ("/metrics/live/live.js", "text/javascript; charset=utf-8", "import "),
        ("/metrics/live/heat-map.js", "text/javascript; charset=utf-8", "import "),
        ("/metrics/live/icon.svg", "image/svg+xml", "<svg"),
    ] {
        let response = send(&app, Method::GET, path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_headers(response.headers());
        assert_eq!(response.headers()[header::CONTENT_TYPE], content_type);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
        let (_, body) = get(&app, path).await;
        assert!(String::from_utf8_lossy(&body).contains(content), "{path}");

        let head = send(&app, Method::HEAD, path).await;
        assert_eq!(head.headers()[header::CONTENT_LENGTH], body.len().to_string());
        assert_eq!(head.headers()[header::CONTENT_TYPE], content_type);
    }
}

#[tokio::test]
async fn live_page_is_a_handler_too() {
    let metrics = metrics();
    let app = Router::new()
        .route("/live/", route_get(metrics.live()))
        .route("/live/{file}", route_get(metrics.live()));
    for path in ["/live/", "/live/live.js", "/live/icon.svg"] {
        assert_eq!(get(&app, path).await.0, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn live_page_without_the_slash_is_redirected_relative_to_its_path() {
    let metrics = metrics();
    let inner = Router::new().nest_service("/live", metrics.live());
    let app = with_live_page(Router::new().nest("/tools", inner), &metrics);
    for (path, location) in [("/metrics/live", "./live/"), ("/tools/live?a=/b", "./live/")] {
        let response = send(&app, Method::GET, path).await;
        assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT, "{path}");
        assert_eq!(response.headers()[header::LOCATION], location);
        assert_headers(response.headers());
    }
    for path in ["/metrics/live/", "/tools/live/"] {
        assert_eq!(get(&app, path).await.0, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn redirect_of_the_live_page_stays_on_the_server_whatever_its_path() {
    let app = Router::new().nest_service("/{name}", metrics().live());
    for (path, location) in
        [("/javascript:alert(1)", "./javascript:alert(1)/"), ("/evil.example", "./evil.example/")]
    {
        let response = send(&app, Method::GET, path).await;
        assert_eq!(response.headers()[header::LOCATION], location);
    }
}

#[tokio::test]
async fn other_requests_for_the_live_page_are_refused() {
    let app = with_live_page(Router::new(), &metrics());
    for path in ["/metrics/live/mod.rs", "/metrics/live/../secret", "/metrics/live/page.html"] {
        let response = send(&app, Method::GET, path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_headers(response.headers());
    }
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let response = send(&app, method, EVENTS).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()[header::ALLOW], "GET, HEAD");
    }
}

#[tokio::test]
async fn live_page_says_whether_its_instance_is_disabled() {
    for (metrics, is_disabled) in [(metrics(), false), (disabled(), true)] {
        let app = with_live_page(Router::new(), &metrics);
        let description = Events::open(&app).await.next("describe").await;
        let description: Value = serde_json::from_str(&description).expect("the text is JSON");
        assert_eq!(description["is_disabled"], is_disabled);
    }
}

#[tokio::test(start_paused = true)]
async fn requests_for_the_live_page_are_not_recorded_by_any_layer() {
    let (metrics, outer) = (metrics(), metrics());
    let app = with_live_page(Router::new(), &metrics).layer(outer.layer());
    for path in ["/metrics/live", "/metrics/live/", "/metrics/live/live.js", "/metrics/live/none"] {
        get(&app, path).await;
    }
    send(&app, Method::POST, EVENTS).await;
    send(&app, Method::HEAD, EVENTS).await;
    let mut events = Events::open(&app).await;
    events.next("describe").await;
    events.next("reading").await;
    let assert_nothing_recorded = |metrics: &Metrics| {
        let scrape = Scrape::of(metrics);
        assert_eq!(scrape.count("app_http_requests_total", &[]), 0, "{scrape:#?}");
        assert_eq!(scrape.sum("app_active_requests", &[]), 0, "{scrape:#?}");
        assert_eq!(scrape.count("app_response_size_bytes_count", &[]), 0, "{scrape:#?}");
        assert_eq!(scrape.sum("app_active_streams", &[]), 0, "{scrape:#?}");
    };
    assert_nothing_recorded(&metrics);
    assert_nothing_recorded(&outer);
    drop(events);
    assert_nothing_recorded(&metrics);
    assert_nothing_recorded(&outer);
}
