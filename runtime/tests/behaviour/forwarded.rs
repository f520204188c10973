//! Requests that handlers make of the one they serve: each is counted for itself.

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

/// Asks the inner router once a part, with all that the request carries.
async fn batch(State(inner): State<Router>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let mut last = Response::default();
    for part in 0..PARTS {
        let mut request = Request::from_parts(parts.clone(), Body::empty());
        *request.uri_mut() = format!("/part/{part}").parse().expect("it is a path");
        last = inner.clone().oneshot(request).await.expect("a router does not fail");
    }
    last
}

#[instrument_endpoint]
async fn annotated_batch(state: State<Router>, request: Request) -> Response {
    batch(state, request).await
}

/// Hands on the very request.
#[instrument_endpoint]
async fn gateway(State(inner): State<Router>, request: Request) -> Response {
    inner.oneshot(request).await.expect("a router does not fail")
}

#[tokio::test]
async fn requests_made_of_the_one_being_served_are_others() {
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
async fn a_request_that_an_annotated_handler_hands_on_is_served_twice() {
    let metrics = metrics();
    let inner = inner().layer(metrics.layer());
    let app =
        Router::new().route("/batch", route_get(gateway)).with_state(inner).layer(metrics.layer());
    assert_eq!(get(&app, "/batch").await.1, "inner");
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 2);
}

#[tokio::test]
async fn many_requests_of_the_same_path_are_not_taken_for_the_one_being_served() {
    let metrics = metrics();
    let layer = metrics.layer();
    let inner = inner().layer(layer.clone());
    let ask = move || async move {
        for _ in 0..PARTS {
            get(&inner, "/batch").await;
        }
    };
    // What is told apart by its marks is so from the second request on.
    let app = Router::new().route("/batch", route_get(ask)).layer(layer);
    get(&app, "/batch").await;
    let first = settled(&metrics).sum("app_http_requests_total", &[]);
    assert!(first >= PARTS, "{first}");
    get(&app, "/batch").await;
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), first + 1 + PARTS);
}

#[tokio::test]
async fn a_cloned_layer_on_a_nested_service_counts_once() {
    let metrics = metrics();
    let layer = metrics.layer();
    let app = Router::new().nest_service("/svc", inner().layer(layer.clone())).layer(layer);
    for id in 0..3 {
        get(&app, &format!("/svc/part/{id}")).await;
    }
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 3);
}

#[tokio::test]
async fn a_task_between_two_layers_does_not_hide_the_request() {
    let metrics = metrics();
    let spawned =
        axum::middleware::from_fn(|request: Request, next: axum::middleware::Next| async {
            tokio::spawn(next.run(request)).await.expect("nothing panics")
        });
    let app = inner().layer(metrics.layer()).layer(spawned).layer(metrics.layer());
    for id in 0..3 {
        get(&app, &format!("/part/{id}")).await;
    }
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 3);
    // Around a service that is no router, too.
    let service = metrics.layer().layer(app);
    let request = Request::get("/part/4").body(Body::empty()).expect("it is well formed");
    drop(service.oneshot(request).await);
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 4);
}
