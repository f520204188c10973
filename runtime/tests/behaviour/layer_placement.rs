//! Placement of the layer: on nested routers, on method routers, in stacks, around whole services.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response};
use axum::routing::get as route_get;
use futures_util::FutureExt;
use http_body_util::Full;
use streamgauge::{Metrics, instrument_endpoint};
use streamgauge_test_support::client::{get, metrics, send, settled};
use streamgauge_test_support::page_of;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

#[instrument_endpoint]
async fn item() -> &'static str {
    "item"
}

fn request(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("the request is well formed")
}

fn counted(metrics: &Metrics, endpoint: &str) -> i64 {
    settled(metrics).sum("app_http_requests_total", &[("endpoint", endpoint)])
}

#[tokio::test]
async fn layer_on_a_nested_router_records_its_routes() {
    let metrics = metrics();
    let inner = Router::new().route("/items/{id}", route_get(item)).layer(metrics.layer());
    let app = Router::new().nest("/api", inner).route("/outside", route_get(item));
    get(&app, "/api/items/1").await;
    get(&app, "/outside").await;
    assert_eq!(counted(&metrics, "/api/items/{id}"), 1);
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 1);
}

#[tokio::test]
async fn layer_on_a_method_router_records_its_route_and_405() {
    let metrics = metrics();
    let app = Router::new().route("/items/{id}", route_get(item).layer(metrics.layer()));
    get(&app, "/items/1").await;
    send(&app, Method::POST, "/items/1").await;
    assert_eq!(counted(&metrics, "/items/{id}"), 2);
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[("status", "405")]), 1);
}

#[tokio::test]
async fn layer_in_a_service_builder_records_the_route() {
    let metrics = metrics();
    let layers = ServiceBuilder::new()
        .map_request(|request: Request<Body>| request)
        .layer(metrics.layer())
        .map_response(|response: Response<Body>| response);
    let app = Router::new().route("/items/{id}", route_get(item)).layer(layers);
    get(&app, "/items/1").await;
    assert_eq!(counted(&metrics, "/items/{id}"), 1);
}

#[tokio::test]
async fn layer_as_route_layer_does_not_record_unmatched_paths() {
    let metrics = metrics();
    let app = Router::new().route("/items/{id}", route_get(item)).route_layer(metrics.layer());
    get(&app, "/items/1").await;
    get(&app, "/nope").await;
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 1);
}

#[tokio::test]
async fn layer_around_the_service_takes_the_endpoint_from_the_attribute() {
    let metrics = metrics();
    let router = Router::new()
        .route("/items/{id}", route_get(item))
        .route("/plain", route_get(|| async { "plain" }));
    let service = metrics.layer().layer(router);
    for path in ["/items/1", "/plain", "/nope"] {
        service.clone().oneshot(request(path)).await.expect("a router does not fail");
    }
    assert_eq!(counted(&metrics, "item"), 1);
    assert_eq!(counted(&metrics, "unmatched"), 2);
}

#[tokio::test]
async fn layer_does_not_record_routes_added_later() {
    let metrics = metrics();
    let app = Router::new()
        .route("/before", route_get(item))
        .layer(metrics.layer())
        .route("/after", route_get(|| async { "after" }));
    assert_eq!(get(&app, "/before").await.1, "item");
    assert_eq!(get(&app, "/after").await.1, "after");
    assert_eq!(counted(&metrics, "/before"), 1);
    assert_eq!(counted(&metrics, "/after"), 0);
}

#[tokio::test]
async fn layer_records_a_service_without_axum() {
    let metrics = metrics();
    let service = metrics.layer().layer(service_fn(|request: Request<String>| async move {
        Ok::<_, Infallible>(Response::new(Full::from(request.into_body())))
    }));
    let request = Request::put("/any").body("text".to_owned()).expect("the request is well formed");
    service.oneshot(request).await.expect("the service does not fail");
    let scrape = settled(&metrics);
    let labels = [("method", "PUT"), ("endpoint", "unmatched")];
    assert_eq!(scrape.sum("app_http_requests_total", &labels), 1);
    assert_eq!(scrape.sum("app_request_size_bytes_sum", &labels), 4);
    assert_eq!(scrape.sum("app_response_size_bytes_sum", &labels), 4);
}

#[test]
fn layer_works_outside_a_runtime() {
    let metrics = metrics();
    let app = Router::new().route("/items/{id}", route_get(item)).layer(metrics.layer());
    let response =
        app.oneshot(request("/items/1")).now_or_never().expect("the response is ready at once");
    drop(response.expect("a router does not fail"));
    assert_eq!(counted(&metrics, "/items/{id}"), 1);
}

/// A service whose third `poll_ready` returns ready, or an error.
struct ReadyAtThirdPoll {
    polls: u32,
    fails: bool,
}

impl Service<Request<Body>> for ReadyAtThirdPoll {
    type Response = Response<Body>;
    type Error = &'static str;
    type Future = Ready<Result<Response<Body>, &'static str>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        self.polls += 1;
        match self.polls {
            ..3 => Poll::Pending,
            _ if self.fails => Poll::Ready(Err("never ready")),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, _request: Request<Body>) -> Self::Future {
        assert!(self.polls >= 3, "called before it was ready");
        ready(Ok(Response::new(Body::empty())))
    }
}

#[tokio::test]
async fn layer_forwards_readiness_and_records_nothing_before_a_request() {
    let metrics = metrics();
    let before = page_of(&metrics);
    let mut service = metrics.layer().layer(ReadyAtThirdPoll { polls: 0, fails: false });
    let mut context = Context::from_waker(std::task::Waker::noop());
    assert!(service.poll_ready(&mut context).is_pending());
    assert!(service.poll_ready(&mut context).is_pending());
    assert!(service.poll_ready(&mut context).is_ready());
    assert_eq!(page_of(&metrics), before);
    service.call(request("/")).await.expect("the service does not fail");
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 1);
}

#[tokio::test]
async fn layer_forwards_a_readiness_error_and_records_nothing() {
    let metrics = metrics();
    let mut service = metrics.layer().layer(ReadyAtThirdPoll { polls: 2, fails: true });
    assert_eq!(service.ready().await.err(), Some("never ready"));
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 0);
}
