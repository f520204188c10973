//! Request size: the number of bytes read, or the length of a body in memory.

use std::convert::Infallible;
use std::io::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::routing::post;
use futures_util::{StreamExt, stream};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use streamgauge::Metrics;
use streamgauge_test_support::client::{metrics, settled};
use tower::{ServiceBuilder, ServiceExt, service_fn};

fn chunks(chunks: &'static [&'static str]) -> Body {
    Body::from_stream(stream::iter(chunks).map(|chunk| Ok::<_, Infallible>(Bytes::from(*chunk))))
}

async fn first_frame(mut body: Body) -> String {
    let frame =
        body.frame().await.expect("the body has a frame").expect("the frame is not an error");
    String::from_utf8_lossy(frame.data_ref().expect("the frame holds data")).into_owned()
}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/all", post(|body: Bytes| async { body }))
        .route("/first", post(first_frame))
        .route("/none", post(|| async { "not read" }))
        .route(
            "/in-task",
            post(|body: Body| async {
                let task = tokio::spawn(async { body.collect().await });
                let read = task.await.expect("the task does not panic");
                read.expect("the body does not fail").to_bytes()
            }),
        )
        .layer(metrics.layer())
}

/// Returns the status, the bytes observed, and the number of observations.
async fn upload(path: &str, body: Body) -> (StatusCode, i64, i64) {
    let metrics = metrics();
    let request = Request::post(path).body(body).expect("the request is well formed");
    let response = app(&metrics).oneshot(request).await.expect("a router does not fail");
    let status = response.status();
    response.into_body().collect().await.expect("the body does not fail");
    let scrape = settled(&metrics);
    let labels = [("method", "POST"), ("endpoint", path)];
    (
        status,
        scrape.sum("app_request_size_bytes_sum", &labels),
        scrape.sum("app_request_size_bytes_count", &labels),
    )
}

#[tokio::test]
async fn request_size_of_unknown_length_is_the_number_of_bytes_read() {
    let body = || chunks(&["one", "two", "three"]);
    assert_eq!(upload("/all", body()).await, (StatusCode::OK, 11, 1));
    assert_eq!(upload("/first", body()).await, (StatusCode::OK, 3, 1));
    assert_eq!(upload("/none", body()).await, (StatusCode::OK, 0, 1));
}

#[tokio::test]
async fn request_size_includes_bytes_read_by_another_task() {
    assert_eq!(upload("/in-task", chunks(&["one", "two"])).await, (StatusCode::OK, 6, 1));
}

#[tokio::test]
async fn request_size_of_a_body_in_memory_is_its_length_whatever_is_read() {
    for path in ["/all", "/first", "/none"] {
        assert_eq!(upload(path, Body::from("12345")).await, (StatusCode::OK, 5, 1));
    }
}

/// A body whose size hint says what its client has declared.
struct Declared {
    body: Body,
    length: u64,
}

impl HttpBody for Declared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

#[tokio::test]
async fn request_size_of_a_declared_length_is_the_number_of_bytes_read() {
    for length in [11, 1_000, u64::MAX - 2] {
        for (path, read) in [("/all", 11), ("/first", 3), ("/none", 0)] {
            let metrics = metrics();
            for requests in 1..=3 {
                let body = Declared { body: chunks(&["one", "two", "three"]), length };
                let request = Request::post(path)
                    .header("content-length", length)
                    .body(Body::new(body))
                    .expect("the request is well formed");
                let response = app(&metrics).oneshot(request).await.expect("it does not fail");
                response.into_body().collect().await.expect("the body does not fail");
                let sum = settled(&metrics).sum("app_request_size_bytes_sum", &[]);
                assert_eq!(sum, read * requests, "{path} {length}");
            }
        }
    }
}

#[tokio::test]
async fn request_size_of_another_body_type_with_a_declared_length_is_not_recorded() {
    let metrics = metrics();
    let service = ServiceBuilder::new().layer(metrics.layer()).service(service_fn(
        |_: Request<Declared>| async { Ok::<_, Infallible>(Response::new(Body::empty())) },
    ));
    let body = Declared { body: chunks(&["abc"]), length: u64::MAX - 2 };
    let request = Request::post("/").header("content-length", body.length).body(body);
    let request = request.expect("the request is well formed");
    service.oneshot(request).await.expect("the service does not fail");
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[]), 1);
    assert_eq!(scrape.sum("app_request_size_bytes_count", &[]), 0);
}

#[tokio::test]
async fn request_size_of_a_failed_upload_is_the_number_of_bytes_received() {
    let body = || {
        let chunks = [Ok(Bytes::from("half")), Err(Error::other("cut"))];
        Body::from_stream(stream::iter(chunks))
    };
    assert_eq!(upload("/all", body()).await, (StatusCode::BAD_REQUEST, 4, 1));
}

#[tokio::test]
async fn request_body_reaches_the_handler_unchanged() {
    async fn describe(mut body: Body) -> String {
        let before = (body.size_hint().lower(), body.size_hint().upper(), body.is_end_stream());
        let mut frames = Vec::new();
        while let Some(frame) = body.frame().await {
            frames.push(frame.expect("the frame is not an error"));
        }
        format!("{before:?} {frames:?} {}", body.is_end_stream())
    }
    let body = || {
        let trailers = HeaderMap::from_iter([(
            "x-sum".parse().expect("a name"),
            "7".parse().expect("a value"),
        )]);
        let frames = [Frame::data(Bytes::from("one")), Frame::trailers(trailers)];
        let body = StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>)));
        // `Limited` gives the body an upper size hint.
        Body::new(Limited::new(body, 1_000))
    };
    let router = Router::new().route("/", post(describe));
    let mut responses = Vec::new();
    for app in [router.clone(), router.layer(metrics().layer())] {
        let request = Request::post("/").body(body()).expect("the request is well formed");
        let response = app.oneshot(request).await.expect("a router does not fail");
        let response =
            response.into_body().collect().await.expect("the body does not fail").to_bytes();
        let text = String::from_utf8_lossy(&response);
        assert!(text.starts_with("(0, Some(1000), false)") && text.contains("x-sum"), "{text}");
        responses.push(response);
    }
    assert_eq!(responses[0], responses[1]);
}

type UnknownLength = StreamBody<stream::Empty<Result<Frame<Bytes>, Infallible>>>;

#[tokio::test]
async fn request_size_of_another_body_type_needs_a_declared_length() {
    let metrics = metrics();
    let declared = ServiceBuilder::new().layer(metrics.layer()).service(service_fn(
        |_: Request<Full<Bytes>>| async { Ok::<_, Infallible>(Response::new(Body::empty())) },
    ));
    let body = Full::new(Bytes::from("12345"));
    declared.oneshot(Request::new(body)).await.expect("the service does not fail");

    let undeclared = ServiceBuilder::new().layer(metrics.layer()).service(service_fn(
        |_: Request<UnknownLength>| async { Ok::<_, Infallible>(Response::new(Body::empty())) },
    ));
    let body = StreamBody::new(stream::empty());
    undeclared.oneshot(Request::new(body)).await.expect("the service does not fail");

    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[]), 2);
    assert_eq!(scrape.sum("app_request_size_bytes_sum", &[]), 5);
    assert_eq!(scrape.sum("app_request_size_bytes_count", &[]), 1);
}

#[tokio::test]
async fn size_of_a_body_that_the_response_passes_on_is_what_was_read() {
    let metrics = metrics();
    let pass_on = |request: Request<Body>| async { request.into_body() };
    let app = Router::new().route("/", post(pass_on)).layer(metrics.layer());
    let request = Request::post("/").header("content-length", "5").body(Body::from("hello"));
    let response = app.oneshot(request.expect("well formed")).await.expect("no error");
    let body = response.into_body().collect().await.expect("no error").to_bytes();
    assert_eq!(body, "hello");
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_request_size_bytes_sum", &[]), 5);
    assert_eq!(scrape.sum("app_request_size_bytes_count", &[]), 1);
    assert_eq!(scrape.sum("app_response_size_bytes_sum", &[]), 5);
}
