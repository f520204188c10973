//! Requests that are served without being recorded: skipped by path, by method, or unmatched.

use axum::Router;
use axum::http::{Method, StatusCode};
use axum::routing::{any, get as route_get};
use streamgauge::{Metrics, instrument_endpoint, track_global_exception};
use streamgauge_test_support::client::{get, send, settled};
use tower::{Layer, ServiceExt};

#[instrument_endpoint]
async fn failing() -> Result<(), StatusCode> {
    track_global_exception(&std::fmt::Error);
    Err(StatusCode::CONFLICT)
}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/failing", any(failing))
        .route("/plain", any(|| async { "plain" }))
        .layer(metrics.layer())
}

#[tokio::test]
async fn skip_methods_serves_without_recording() {
    let brew = Method::from_bytes(b"BREW").expect("the method name is valid");
    let methods = [Method::OPTIONS, brew.clone()];
    let metrics = Metrics::builder().skip_methods(methods.clone()).build().expect("valid");
    let app = app(&metrics);
    for method in methods {
        assert_eq!(send(&app, method.clone(), "/plain").await.status(), StatusCode::OK);
        assert_eq!(send(&app, method, "/failing").await.status(), StatusCode::CONFLICT);
    }
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[]), 0);
    assert_eq!(scrape.sum("app_exceptions_total", &[]), 0);
    assert_eq!(scrape.sum("app_global_exceptions_total", &[]), 0);
    assert_eq!(scrape.count("app_active_requests", &[("endpoint", "/plain")]), 0);
    let other = Method::from_bytes(b"BREWS").expect("the method name is valid");
    drop(send(&app, other, "/plain").await);
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[("method", "_OTHER")]), 1);
}

#[tokio::test]
async fn skip_paths_ignores_the_query() {
    let skip = ["/plain", "/failing/*"];
    let metrics = Metrics::builder().skip_paths(skip).build().expect("valid");
    let app = app(&metrics);
    get(&app, "/plain?q=1").await;
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 0);
    get(&app, "/failing").await;
    get(&app, "/plain/").await;
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 2);
}

#[tokio::test]
async fn skip_paths_accepts_route_templates() {
    let skip = ["/items/{id}", "/admin/{*rest}"];
    let metrics = Metrics::builder().skip_paths(skip).build().expect("valid");
    let app = Router::new()
        .route("/items/{id}", any(|| async {}))
        .route("/items/{id}/parts", any(|| async {}))
        .route("/admin/{page}", any(|| async {}))
        .route("/admin/", any(|| async {}))
        .layer(metrics.layer());
    for path in ["/items/1", "/items/a%2Fb?q=1", "/admin/a", "/admin/no/route"] {
        get(&app, path).await;
    }
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 0);
    for path in ["/items/1/parts", "/items/", "/items/1/", "/admin/"] {
        get(&app, path).await;
    }
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[]), 4);
    assert_eq!(scrape.sum("app_http_requests_total", &[("endpoint", "/items/{id}/parts")]), 1);
}

#[tokio::test]
async fn skip_paths_match_routes_of_nested_routers_with_the_prefix_of_the_nest() {
    for skip in ["/items/{id}", "/api/items/{id}", "/api/*", "/items/*"] {
        let metrics = Metrics::builder().skip_paths([skip, "/api/health"]).build().expect("valid");
        let inner = Router::new()
            .route("/items/{id}", any(|| async {}))
            .route("/health", any(|| async {}))
            .layer(metrics.layer());
        let app = Router::new().nest("/api", inner);
        for path in ["/api/items/1", "/api/health"] {
            assert_eq!(get(&app, path).await.0, StatusCode::OK);
        }
        assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 0, "{skip}");
    }
}

#[tokio::test]
async fn ignore_unmatched_records_matched_requests_only() {
    let metrics = Metrics::builder().ignore_unmatched().build().expect("valid");
    let app = app(&metrics);
    for path in ["/nope", "/plain/1", "/plain"] {
        get(&app, path).await;
    }
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[]), 1);
    assert_eq!(scrape.sum("app_http_requests_total", &[("endpoint", "/plain")]), 1);
    assert_eq!(scrape.count("app_active_requests", &[("endpoint", "unmatched")]), 0);
    assert_eq!(scrape.sum("app_errors_total", &[]), 0);
}

#[tokio::test]
async fn ignore_unmatched_records_annotated_handlers_without_a_route() {
    let metrics = Metrics::builder().ignore_unmatched().build().expect("valid");
    let router =
        Router::new().route("/failing", any(failing)).route("/plain", route_get(|| async {}));
    let service = metrics.layer().layer(router);
    for path in ["/failing", "/plain", "/nope"] {
        let request = axum::extract::Request::get(path).body(axum::body::Body::empty());
        let request = request.expect("the request is well formed");
        service.clone().oneshot(request).await.expect("a router does not fail");
    }
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[]), 1);
    assert_eq!(scrape.sum("app_http_requests_total", &[("endpoint", "failing")]), 1);
    assert_eq!(scrape.sum("app_exceptions_total", &[("endpoint", "failing")]), 1);
}

#[tokio::test]
async fn scrape_without_a_route_is_not_counted() {
    let metrics = Metrics::builder().ignore_unmatched().build().expect("valid");
    let app = Router::new().fallback(metrics.endpoint()).layer(metrics.layer());
    assert_eq!(get(&app, "/metrics").await.0, StatusCode::OK);
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 0);
}
