//! Requests: counted once each, under their route, with one outcome.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::{self, HeaderMap, Method, Request, Response, StatusCode};
use axum::routing::{get as route_get, post};
use futures_util::{FutureExt, StreamExt, stream};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use streamgauge::{Metrics, instrument_endpoint};
use streamgauge_test_support::client::{get, metrics, send, settled};
use streamgauge_test_support::{Scrape, page_of};
use tower::{ServiceBuilder, ServiceExt, service_fn};

fn chunked_response(chunks: &'static [&'static str]) -> Response<Body> {
    let chunks = stream::iter(chunks).map(|chunk| Ok::<_, Infallible>(Bytes::from(*chunk)));
    Response::new(Body::from_stream(chunks))
}

#[instrument_endpoint]
async fn item(Path(id): Path<u32>) -> String {
    format!("item {id}")
}

#[instrument_endpoint(endpoint = "/renamed/{id}")]
async fn renamed(Path(id): Path<u32>) -> String {
    format!("renamed {id}")
}

async fn panics() {
    panic!("on purpose")
}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/items/{id}", route_get(item))
        .route("/old/{id}", route_get(renamed))
        .route("/plain", route_get(|| async { "plain" }))
        .route("/chunks", route_get(|| async { chunked_response(&["one", "two", "three"]) }))
        .route("/pending", route_get(std::future::pending::<()>))
        .route("/panics", route_get(panics))
        .route("/echo", post(|body: Bytes| async { body }))
        .layer(metrics.layer())
}

#[tokio::test]
async fn request_is_counted_once_under_its_route() {
    let metrics = metrics();
    let app = app(&metrics);
    for id in 0..5 {
        assert_eq!(get(&app, &format!("/items/{id}")).await.1, format!("item {id}"));
    }
    let scrape = settled(&metrics);
    let labels = [("method", "GET"), ("endpoint", "/items/{id}")];
    assert_eq!(scrape.sum("app_http_requests_total", &labels), 5);
    assert_eq!(scrape.count("app_http_requests_total", &labels), 1);
    let success = [("status", "200"), ("outcome", "success")];
    assert_eq!(scrape.sum("app_http_requests_total", &success), 5);
    assert_eq!(scrape.sum("app_response_size_bytes_sum", &labels), 5 * 6);
    assert_eq!(scrape.sum("app_request_size_bytes_count", &labels), 5);
}

#[tokio::test]
async fn request_to_a_handler_without_an_attribute_is_counted() {
    let metrics = metrics();
    get(&app(&metrics), "/plain").await;
    let scrape = settled(&metrics);
    let labels = [("endpoint", "/plain"), ("outcome", "success")];
    assert_eq!(scrape.sum("app_http_requests_total", &labels), 1);
}

#[tokio::test]
async fn unmatched_path_has_the_endpoint_unmatched() {
    let metrics = metrics();
    let app = app(&metrics);
    let before = Scrape::of(&metrics).count("app_http_requests_total", &[]);
    for path in ["/nope", "/items", "/items/1/2", "/%FF"] {
        assert_eq!(get(&app, path).await.0, StatusCode::NOT_FOUND);
    }
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[("endpoint", "unmatched")]), 4);
    assert_eq!(scrape.count("app_http_requests_total", &[]), before + 1);
    assert_eq!(scrape.sum("app_errors_total", &[("error_type", "client")]), 4);
}

#[tokio::test]
async fn unknown_methods_share_one_label_value() {
    let metrics = metrics();
    let app = app(&metrics);
    for method in ["BREW", "PROPFIND", "X"] {
        let method = Method::from_bytes(method.as_bytes()).expect("the method name is valid");
        assert_eq!(send(&app, method, "/plain").await.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
    let scrape = settled(&metrics);
    let labels = [("method", "_OTHER"), ("endpoint", "/plain"), ("status", "405")];
    assert_eq!(scrape.sum("app_http_requests_total", &labels), 3);
}

#[tokio::test]
async fn endpoint_argument_overrides_the_route() {
    let metrics = metrics();
    assert_eq!(get(&app(&metrics), "/old/7").await.1, "renamed 7");
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[("endpoint", "/renamed/{id}")]), 1);
    assert_eq!(scrape.sum("app_http_requests_total", &[("endpoint", "/old/{id}")]), 0);
}

#[tokio::test]
async fn response_body_of_unknown_length_is_recorded_at_its_end() {
    let metrics = metrics();
    let response = send(&app(&metrics), Method::GET, "/chunks").await;
    let open = Scrape::of(&metrics);
    assert_eq!(open.sum("app_active_requests", &[("endpoint", "/chunks")]), 1);
    assert_eq!(open.sum("app_http_requests_total", &[("endpoint", "/chunks")]), 0);
    let body = response.into_body().collect().await.expect("the body does not fail").to_bytes();
    assert_eq!(body, "onetwothree");
    let scrape = settled(&metrics);
    let labels = [("endpoint", "/chunks"), ("outcome", "success")];
    assert_eq!(scrape.sum("app_http_requests_total", &labels), 1);
    assert_eq!(scrape.sum("app_response_size_bytes_sum", &[("endpoint", "/chunks")]), 11);
}

#[tokio::test]
async fn client_disconnect_before_the_head_is_cancelled_with_499() {
    let metrics = metrics();
    let app = app(&metrics);
    let pending = send(&app, Method::GET, "/pending").now_or_never();
    assert!(pending.is_none());
    let scrape = settled(&metrics);
    let labels = [("endpoint", "/pending"), ("status", "499"), ("outcome", "cancelled")];
    assert_eq!(scrape.sum("app_http_requests_total", &labels), 1);
    assert_eq!(scrape.sum("app_errors_total", &[]), 0);
}

#[tokio::test]
async fn client_disconnect_within_the_body_is_cancelled_with_the_sent_status() {
    let metrics = metrics();
    let mut body = send(&app(&metrics), Method::GET, "/chunks").await.into_body();
    body.frame().await.expect("the body has a frame").expect("the frame is not an error");
    drop(body);
    let scrape = settled(&metrics);
    let labels = [("endpoint", "/chunks"), ("status", "200"), ("outcome", "cancelled")];
    assert_eq!(scrape.sum("app_http_requests_total", &labels), 1);
    assert_eq!(scrape.sum("app_response_size_bytes_sum", &[("endpoint", "/chunks")]), 3);
}

#[tokio::test]
async fn response_body_error_is_a_server_error() {
    let metrics = metrics();
    let app = Router::new()
        .route(
            "/fails",
            route_get(|| async {
                let items = [Ok(Bytes::from("begun")), Err(std::io::Error::other("cut"))];
                Response::new(Body::from_stream(stream::iter(items)))
            }),
        )
        .layer(metrics.layer());
    let response = send(&app, Method::GET, "/fails").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.into_body().collect().await.is_err());
    let scrape = settled(&metrics);
    let labels = [("endpoint", "/fails"), ("status", "200"), ("outcome", "server_error")];
    assert_eq!(scrape.sum("app_http_requests_total", &labels), 1);
    assert_eq!(scrape.sum("app_errors_total", &[("error_type", "stream")]), 1);
    assert_eq!(scrape.sum("app_global_exceptions_total", &[]), 1);
}

#[tokio::test]
async fn panic_is_counted_and_propagated() {
    let metrics = metrics();
    let app = app(&metrics);
    let panicked = AssertUnwindSafe(send(&app, Method::GET, "/panics")).catch_unwind().await;
    assert!(panicked.is_err());
    let scrape = settled(&metrics);
    let labels = [("endpoint", "/panics"), ("status", "500"), ("outcome", "panic")];
    assert_eq!(scrape.sum("app_http_requests_total", &labels), 1);
    assert_eq!(scrape.sum("app_errors_total", &[("error_type", "panic")]), 1);
    assert_eq!(scrape.sum("app_global_exceptions_total", &[("exception_type", "panic")]), 1);
}

#[tokio::test]
async fn panic_caught_outside_the_layer_has_the_outcome_panic() {
    let metrics = metrics();
    let mut future = Box::pin(app(&metrics).oneshot(request("/panics")));
    let panicked = AssertUnwindSafe(&mut future).catch_unwind().await;
    assert!(panicked.is_err());
    // A layer that catches panics drops the future after unwinding has finished.
    drop(future);
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[("outcome", "panic")]), 1);
}

fn request(path: &str) -> Request<Body> {
    Request::builder().uri(path).body(Body::empty()).expect("the request is well formed")
}

#[tokio::test]
async fn request_size_is_the_declared_length() {
    let metrics = metrics();
    let request =
        Request::post("/echo").body(Body::from("12345")).expect("the request is well formed");
    app(&metrics).oneshot(request).await.expect("a router does not fail");
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_request_size_bytes_sum", &[("endpoint", "/echo")]), 5);
    assert_eq!(scrape.sum("app_response_size_bytes_sum", &[("endpoint", "/echo")]), 5);
}

#[tokio::test]
async fn head_request_succeeds_without_a_body() {
    let metrics = metrics();
    for path in ["/plain", "/chunks"] {
        drop(send(&app(&metrics), Method::HEAD, path).await);
    }
    let scrape = settled(&metrics);
    let labels = [("method", "HEAD"), ("outcome", "success")];
    assert_eq!(scrape.sum("app_http_requests_total", &labels), 2);
    assert_eq!(scrape.sum("app_response_size_bytes_sum", &[("method", "HEAD")]), 0);
}

#[tokio::test]
async fn skip_paths_serves_without_counting() {
    let metrics = Metrics::builder().skip_paths(["/plain", "/items/*"]).build().expect("valid");
    let app = app(&metrics);
    assert_eq!(get(&app, "/plain").await.1, "plain");
    assert_eq!(get(&app, "/items/3").await.1, "item 3");
    get(&app, "/plainer").await;
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[]), 1);
    assert_eq!(scrape.count("app_active_requests", &[("endpoint", "/plain")]), 0);
    assert_eq!(scrape.count("app_active_requests", &[("endpoint", "/items/{id}")]), 0);
}

#[tokio::test]
async fn service_error_is_a_server_error_and_is_propagated() {
    let metrics = metrics();
    let service = ServiceBuilder::new().layer(metrics.layer()).service(service_fn(
        |_: Request<Body>| async { Err::<Response<Body>, _>(std::io::Error::other("down")) },
    ));
    assert!(service.oneshot(request("/")).await.is_err());
    let scrape = settled(&metrics);
    let labels = [("status", "500"), ("outcome", "server_error")];
    assert_eq!(scrape.sum("app_http_requests_total", &labels), 1);
    assert_eq!(scrape.sum("app_global_exceptions_total", &[("exception_type", "io::Error")]), 1);
}

#[tokio::test]
async fn inner_router_called_by_a_handler_is_counted_separately() {
    let metrics = metrics();
    let inner = app(&metrics);
    let outer = Router::new()
        .route(
            "/outer",
            route_get(move || {
                let inner = inner.clone();
                async move { get(&inner, "/items/1").await.1 }
            }),
        )
        .layer(metrics.layer());
    assert_eq!(get(&outer, "/outer").await.1, "item 1");
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[("endpoint", "/outer")]), 1);
    assert_eq!(scrape.sum("app_http_requests_total", &[("endpoint", "/items/{id}")]), 1);
}

#[tokio::test]
async fn layer_around_the_router_takes_the_endpoint_from_the_attribute() {
    let metrics = metrics();
    let router = Router::new().route("/old/{id}", route_get(renamed));
    let service = ServiceBuilder::new().layer(metrics.layer()).service(router);
    service.oneshot(request("/old/1")).await.expect("a router does not fail");
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[("endpoint", "/renamed/{id}")]), 1);
}

/// Reads `frames` frames and drops the body, as a transport does after the last promised byte.
async fn transport(metrics: &Metrics, body: Body, head: http::response::Builder, frames: usize) {
    let response =
        std::sync::Mutex::new(Some(head.body(body).expect("the response is well formed")));
    let service = service_fn(move |_: Request<Body>| {
        let response = response
            .lock()
            .expect("the lock is not poisoned")
            .take()
            .expect("there is only one request");
        async { Ok::<_, Infallible>(response) }
    });
    let service = ServiceBuilder::new().layer(metrics.layer()).service(service);
    let response = service.oneshot(request("/")).await.expect("the service does not fail");
    let mut body = response.into_body();
    for _ in 0..frames {
        body.frame().await.expect("the body has a frame").expect("the frame is not an error");
    }
}

fn streaming_body(items: &'static [&'static str]) -> Body {
    Body::from_stream(stream::iter(items).map(|item| Ok::<_, Infallible>(Bytes::from(*item))))
}

/// Sends a response, of which the transport reads `frames` frames. Returns the outcome of the
/// request.
async fn outcome(body: Body, head: http::response::Builder, frames: usize) -> String {
    let metrics = metrics();
    transport(&metrics, body, head, frames).await;
    let scrape = settled(&metrics);
    let outcomes = ["success", "cancelled", "server_error"];
    let counted = outcomes
        .into_iter()
        .filter(|outcome| scrape.sum("app_http_requests_total", &[("outcome", outcome)]) == 1);
    counted.collect()
}

#[tokio::test]
async fn response_with_content_length_is_complete_when_that_much_is_sent() {
    let head = || Response::builder().header("content-length", "6");
    assert_eq!(outcome(streaming_body(&["one", "two"]), head(), 2).await, "success");
    assert_eq!(outcome(streaming_body(&["one", "two"]), head(), 1).await, "cancelled");
}

#[tokio::test]
async fn response_shorter_than_its_content_length_is_an_error() {
    let metrics = metrics();
    let short = || async { ([("content-length", "7")], streaming_body(&["one", "two"])) };
    let app = Router::new().route("/", route_get(short)).layer(metrics.layer());
    get(&app, "/").await;
    let failed = [("status", "200"), ("error_type", "stream")];
    assert_eq!(settled(&metrics).sum("app_errors_total", &failed), 1);
}

#[tokio::test]
async fn response_body_of_large_known_length_is_recorded_at_its_end() {
    let large = || Body::from(vec![0; 100_000]);
    assert_eq!(outcome(large(), Response::builder(), 1).await, "success");
    assert_eq!(outcome(large(), Response::builder(), 0).await, "cancelled");
}

#[tokio::test]
async fn trailers_end_the_response_body() {
    let frames = || {
        let frames = [Frame::data(Bytes::from("one")), Frame::trailers(HeaderMap::new())];
        Body::new(StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>))))
    };
    assert_eq!(outcome(frames(), Response::builder(), 2).await, "success");
    assert_eq!(outcome(frames(), Response::builder(), 1).await, "cancelled");
}

#[tokio::test]
async fn status_without_a_body_ends_the_request_at_its_head() {
    for status in [101, 204, 304] {
        let head = Response::builder().status(status);
        assert_eq!(outcome(streaming_body(&["never sent"]), head, 0).await, "success", "{status}");
    }
}

#[tokio::test]
async fn scrape_hides_only_its_own_request() {
    let metrics = metrics();
    let router = Router::new()
        .route("/pending", route_get(std::future::pending::<()>))
        .route("/metrics", route_get(metrics.endpoint()));
    // A layer around the router sees no routes, so all requests share one endpoint.
    let service = ServiceBuilder::new().layer(metrics.layer()).service(router);
    let mut pending = Box::pin(service.clone().oneshot(request("/pending")));
    assert!((&mut pending).now_or_never().is_none());
    service.oneshot(request("/metrics")).await.expect("a router does not fail");
    assert_eq!(Scrape::of(&metrics).sum("app_active_requests", &[("endpoint", "unmatched")]), 1);
    drop(pending);
    let scrape = settled(&metrics);
    assert_eq!(scrape.count("app_active_requests", &[("endpoint", "unmatched")]), 1);
}

#[tokio::test]
async fn panic_through_two_nested_requests_is_one_exception() {
    let metrics = metrics();
    let inner = app(&metrics);
    let outer = Router::new()
        .route("/outer", route_get(move || async move { get(&inner, "/panics").await.1 }))
        .layer(metrics.layer());
    assert!(AssertUnwindSafe(get(&outer, "/outer")).catch_unwind().await.is_err());
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[("outcome", "panic")]), 2);
    assert_eq!(scrape.sum("app_global_exceptions_total", &[]), 1);
}

#[tokio::test]
async fn series_do_not_grow_with_requests_to_a_router_without_with_state() {
    let metrics = metrics();
    // Without a call of `with_state`, axum applies the layer anew for every request.
    let app_without_state = app(&metrics);
    get(&app_without_state, "/items/1").await;
    get(&app_without_state, "/nope").await;
    let lines = page_of(&metrics).lines().count();
    for id in 0..10_000 {
        get(&app_without_state, &format!("/items/{id}")).await;
        get(&app_without_state, &format!("/nope/{id}")).await;
    }
    assert_eq!(page_of(&metrics).lines().count(), lines);
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 20_002);
}
