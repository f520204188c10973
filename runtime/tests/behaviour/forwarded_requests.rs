//! Requests that a handler sends to an inner router: each is counted separately.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get as route_get;
use streamgauge::instrument_endpoint;
use streamgauge_test_support::client::{get, metrics, settled};
use tower::{Layer, ServiceExt};

const PARTS: i64 = 5;

fn inner() -> Router {
    Router::new()
        .route("/part/{id}", route_get(|| async { "part" }))
        .route("/batch", route_get(|| async { "inner" }))
}

/// Sends one request per part to the inner router, each with the extensions of the served request.
async fn batch(State(inner): State<Router>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let mut last = Response::default();
    for part in 0..PARTS {
        let mut request = Request::from_parts(parts.clone(), Body::empty());
        *request.uri_mut() = format!("/part/{part}").parse().expect("the URI is valid");
        last = inner.clone().oneshot(request).await.expect("a router does not fail");
    }
    last
}

#[instrument_endpoint]
async fn annotated_batch(state: State<Router>, request: Request) -> Response {
    batch(state, request).await
}

/// Forwards the served request itself.
#[instrument_endpoint]
async fn gateway(State(inner): State<Router>, request: Request) -> Response {
    inner.oneshot(request).await.expect("a router does not fail")
}

#[tokio::test]
async fn inner_requests_built_from_the_served_request_are_counted_separately() {
    for handler in [route_get(batch), route_get(annotated_batch)] {
        let metrics = metrics();
        let inner = inner().layer(metrics.layer());
        let app = Router::new().route("/batch", handler).with_state(inner).layer(metrics.layer());
        for _ in 0..2 {
            assert_eq!(get(&app, "/batch").await.1, "part");
        }
        let scrape = settled(&metrics);
        assert_eq!(scrape.sum("app_http_requests_total", &[]), 2 * (1 + PARTS));
        let outer = [("endpoint", "/batch")];
        assert_eq!(scrape.sum("app_http_requests_total", &outer), 2);
    }
}

#[tokio::test]
async fn forwarded_request_is_counted_by_both_layers() {
    let metrics = metrics();
    let inner = inner().layer(metrics.layer());
    let app =
        Router::new().route("/batch", route_get(gateway)).with_state(inner).layer(metrics.layer());
    assert_eq!(get(&app, "/batch").await.1, "inner");
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 2);
}

#[tokio::test]
async fn inner_requests_to_the_same_path_are_counted_separately() {
    let metrics = metrics();
    let layer = metrics.layer();
    let inner = inner().layer(layer.clone());
    let send_parts = move || async move {
        for _ in 0..PARTS {
            get(&inner, "/batch").await;
        }
    };
    // The layer marks requests, to recognize them in nested layers, only after a clone of the layer
    // has served a request. So the first request is checked less strictly.
    let app = Router::new().route("/batch", route_get(send_parts)).layer(layer);
    get(&app, "/batch").await;
    let first = settled(&metrics).sum("app_http_requests_total", &[]);
    assert!(first >= PARTS, "{first}");
    get(&app, "/batch").await;
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), first + 1 + PARTS);
}

#[tokio::test]
async fn nested_layers_on_a_nested_service_count_once() {
    let metrics = metrics();
    let layer = metrics.layer();
    let app = Router::new().nest_service("/svc", inner().layer(layer.clone())).layer(layer);
    for id in 0..3 {
        get(&app, &format!("/svc/part/{id}")).await;
    }
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 3);
}

#[tokio::test]
async fn nested_layers_across_a_spawned_task_count_once() {
    let metrics = metrics();
    let spawned =
        axum::middleware::from_fn(|request: Request, next: axum::middleware::Next| async {
            tokio::spawn(next.run(request)).await.expect("the task does not panic")
        });
    let app = inner().layer(metrics.layer()).layer(spawned).layer(metrics.layer());
    for id in 0..3 {
        get(&app, &format!("/part/{id}")).await;
    }
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 3);
    // The same holds with another layer around the whole service.
    let service = metrics.layer().layer(app);
    let request = Request::get("/part/4").body(Body::empty()).expect("the request is well formed");
    drop(service.oneshot(request).await);
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 4);
}
