//! The route of the metrics page: its requests are not recorded, whoever answers them.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get as route_get, post};
use futures_util::FutureExt;
use streamgauge::{Metrics, instrument_endpoint, metrics_endpoint};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, send, settled};
use tokio::sync::Notify;

async fn status(app: &Router, method: Method, path: &str) -> u16 {
    send(app, method, path).await.status().as_u16()
}

fn requests(metrics: &Metrics, endpoint: &str) -> i64 {
    settled(metrics).sum("app_http_requests_total", &[("endpoint", endpoint)])
}

/// Refuses everybody without the header `authorization`.
async fn guard(request: Request, next: Next) -> Result<Response, StatusCode> {
    match request.headers().get("authorization") {
        Some(_) => Ok(next.run(request).await),
        None => Err(StatusCode::UNAUTHORIZED),
    }
}

fn authorized(path: &str) -> Request {
    let request = Request::get(path).header("authorization", "yes");
    request.body(axum::body::Body::empty()).expect("the request is well formed")
}

async fn scrape_authorized(app: &Router, path: &str) -> StatusCode {
    use tower::ServiceExt;
    app.clone().oneshot(authorized(path)).await.expect("a router does not fail").status()
}

#[tokio::test]
async fn guarded_page_is_not_recorded_from_the_first_request() {
    for path in ["/metrics", "/admin/metrics"] {
        let metrics = metrics();
        let app = Router::new()
            .route(path, route_get(metrics_endpoint).layer(from_fn(guard)))
            .layer(metrics.layer());
        for _ in 0..2 {
            assert_eq!(status(&app, Method::GET, path).await, 401);
            assert_eq!(status(&app, Method::POST, path).await, 401);
            assert_eq!(scrape_authorized(&app, path).await, 200);
        }
        assert!(!metrics.encode_text().expect("the page encodes").contains("metrics\""));
    }
}

#[tokio::test]
async fn refused_methods_of_the_page_are_not_recorded() {
    let metrics = metrics();
    let app = Router::new().route("/metrics", route_get(metrics.endpoint())).layer(metrics.layer());
    for _ in 0..2 {
        assert_eq!(status(&app, Method::POST, "/metrics").await, 405);
        assert_eq!(status(&app, Method::DELETE, "/metrics").await, 405);
        assert_eq!(status(&app, Method::GET, "/metrics").await, 200);
    }
    assert!(!metrics.encode_text().expect("the page encodes").contains("/metrics"));
}

#[tokio::test]
async fn scrape_in_a_slow_guard_is_never_active() {
    let metrics = metrics();
    let open = Arc::new(Notify::new());
    let slow = {
        let open = Arc::clone(&open);
        from_fn(move |request: Request, next: Next| {
            let open = Arc::clone(&open);
            async move {
                open.notified().await;
                next.run(request).await
            }
        })
    };
    let app = Router::new()
        .route("/metrics", route_get(metrics.endpoint()).layer(slow))
        .layer(metrics.layer());
    for _ in 0..2 {
        let mut scrape = Box::pin(get(&app, "/metrics"));
        assert!((&mut scrape).now_or_never().is_none());
        assert_eq!(Scrape::of(&metrics).sum("app_active_requests", &[]), 0);
        open.notify_one();
        assert_eq!(scrape.await.0, StatusCode::OK);
        // A scrape whose client leaves while the guard waits.
        assert!(get(&app, "/metrics").now_or_never().is_none());
    }
    assert_eq!(requests(&metrics, "/metrics"), 0);
}

#[tokio::test]
async fn page_at_another_route_is_not_recorded_after_its_first_scrape() {
    let metrics = metrics();
    let app = Router::new()
        .route("/internal/prom", route_get(metrics.endpoint()).layer(from_fn(guard)))
        .layer(metrics.layer());
    assert_eq!(scrape_authorized(&app, "/internal/prom").await, 200);
    assert_eq!(status(&app, Method::GET, "/internal/prom").await, 401);
    assert_eq!(status(&app, Method::POST, "/internal/prom").await, 401);
    assert_eq!(requests(&metrics, "/internal/prom"), 0);
}

#[tokio::test]
async fn other_handler_at_a_route_that_ends_in_metrics_is_recorded() {
    let metrics = metrics();
    let app = Router::new()
        .route("/api/metrics", route_get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
        .route("/ok/metrics", route_get(|| async { "numbers" }))
        .route("/own", route_get(metrics.endpoint()))
        .layer(metrics.layer());
    assert_eq!(status(&app, Method::GET, "/api/metrics").await, 500);
    assert_eq!(status(&app, Method::GET, "/ok/metrics").await, 200);
    assert_eq!(status(&app, Method::POST, "/ok/metrics").await, 405);
    assert_eq!(requests(&metrics, "/ok/metrics"), 2);
    assert_eq!(status(&app, Method::POST, "/api/metrics").await, 405);
    assert_eq!(requests(&metrics, "/api/metrics"), 1, "nobody was seen to serve this route yet");
    get(&app, "/own").await;
    assert_eq!(status(&app, Method::POST, "/api/metrics").await, 405);
    assert_eq!(requests(&metrics, "/api/metrics"), 2);
}

#[instrument_endpoint]
async fn annotated() -> StatusCode {
    StatusCode::FORBIDDEN
}

#[tokio::test]
async fn other_methods_of_the_route_are_recorded_if_a_handler_serves_them() {
    let metrics = metrics();
    let plain = Router::new()
        .route("/metrics", route_get(metrics_endpoint).post(|| async { "taken" }))
        .layer(metrics.layer());
    for _ in 0..2 {
        assert_eq!(status(&plain, Method::POST, "/metrics").await, 200);
        assert_eq!(status(&plain, Method::GET, "/metrics").await, 200);
    }
    assert_eq!(requests(&metrics, "/metrics"), 2);
    let app = Router::new()
        .route("/metrics", post(annotated).get(metrics_endpoint))
        .layer(metrics.layer());
    assert_eq!(status(&app, Method::POST, "/metrics").await, 403);
    assert_eq!(requests(&metrics, "/metrics"), 3, "an annotated handler has claimed the request");
}

#[tokio::test]
async fn route_with_parameters_and_fallback_do_not_silence_the_application() {
    let metrics = metrics();
    let page = |request: Request| async move {
        if request.uri().path().ends_with("metrics") {
            metrics_endpoint(request).await
        } else {
            Response::default()
        }
    };
    let app = Router::new()
        .route("/pages/{page}", route_get(page))
        .route("/files/{*rest}", route_get(page))
        .fallback(page)
        .layer(metrics.layer());
    for path in ["/pages/metrics", "/files/a/metrics", "/any/metrics"] {
        assert_eq!(status(&app, Method::GET, path).await, 200);
    }
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 0);
    for path in ["/pages/one", "/files/a/b", "/any/thing"] {
        assert_eq!(status(&app, Method::GET, path).await, 200);
    }
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 3);
}

#[tokio::test]
async fn page_of_one_instance_does_not_silence_another() {
    let (one, two) = (metrics(), metrics());
    let with_page = Router::new().route("/numbers", route_get(one.endpoint())).layer(one.layer());
    let without = Router::new().route("/numbers", route_get(|| async {})).layer(two.layer());
    assert_eq!(status(&with_page, Method::GET, "/numbers").await, 200);
    assert_eq!(status(&without, Method::GET, "/numbers").await, 200);
    assert_eq!((requests(&one, "/numbers"), requests(&two, "/numbers")), (0, 1));
}

#[tokio::test]
async fn page_behind_layers_of_two_instances_is_recorded_in_neither() {
    for path in ["/metrics", "/internal/prom"] {
        let (inner, outer) = (metrics(), metrics());
        let app = Router::new()
            .route(path, route_get(metrics_endpoint))
            .layer(inner.layer())
            .layer(outer.layer());
        for method in [Method::GET, Method::HEAD, Method::POST, Method::GET] {
            drop(send(&app, method, path).await);
        }
        assert_eq!((requests(&inner, path), requests(&outer, path)), (0, 0), "{path}");
    }
}
