//! Streams: duration, chunks and outcome, for every return type of a handler.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::Duration;

use async_stream::stream;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, Response, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response as AxumResponse};
use axum::routing::get as route_get;
use futures_core::Stream;
use futures_util::{FutureExt, StreamExt, stream as streams};
use http_body_util::BodyExt;
use streamgauge::{Metrics, streaming_metrics, wrap_streaming_response};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, send, settled};

type Io<T> = Result<T, std::io::Error>;

fn three() -> impl Stream<Item = Io<Bytes>> {
    streams::iter(["one", "two", "three"]).map(|text| Ok(Bytes::from(text)))
}

#[streaming_metrics]
fn opaque() -> impl Stream<Item = Io<Bytes>> {
    three()
}

#[streaming_metrics]
fn boxed() -> Pin<Box<dyn Stream<Item = Io<Bytes>> + Send>> {
    Box::pin(three())
}

#[streaming_metrics]
async fn fallible(fail: bool) -> Result<impl Stream<Item = Io<Bytes>>, StatusCode> {
    if fail {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    Ok(three())
}

#[streaming_metrics(media_type = "application/x-lines")]
fn lines() -> impl Stream<Item = &'static str> {
    streams::iter(["one", "two", "three"])
}

#[streaming_metrics(media_type = "application/x-lines")]
async fn fallible_lines() -> Result<impl Stream<Item = &'static str>, StatusCode> {
    Ok(streams::iter(["one", "two", "three"]))
}

#[streaming_metrics]
async fn response() -> AxumResponse {
    Body::from_stream(three()).into_response()
}

#[streaming_metrics]
async fn hidden() -> impl IntoResponse {
    Body::from_stream(three())
}

#[streaming_metrics]
async fn whole() -> AxumResponse {
    "all of it".into_response()
}

#[streaming_metrics]
async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(streams::iter(["one", "two"]).map(|text| Ok(Event::default().data(text))))
}

fn app(metrics: &Metrics) -> Router {
    let body = |stream| Response::new(Body::from_stream(stream));
    Router::new()
        .route("/opaque", route_get(move || async { Body::from_stream(opaque()) }))
        .route("/boxed", route_get(move || async move { body(boxed()) }))
        .route("/fallible", route_get(|| async { fallible(false).await.map(Body::from_stream) }))
        .route("/failed", route_get(|| async { fallible(true).await.map(Body::from_stream) }))
        .route("/lines", route_get(|| async { lines() }))
        .route("/fallible-lines", route_get(fallible_lines))
        .route("/response", route_get(response))
        .route("/hidden", route_get(hidden))
        .route("/whole", route_get(whole))
        .route("/events", route_get(events))
        .route(
            "/wrapped",
            route_get(|| async { Body::from_stream(wrap_streaming_response(three(), "/wrapped")) }),
        )
        .layer(metrics.layer())
}

/// Chunks, bytes, complete streams, first chunks and gaps between chunks of one endpoint.
fn streamed(scrape: &Scrape, endpoint: &str) -> [i64; 5] {
    let labels = [("endpoint", endpoint)];
    [
        scrape.sum("app_stream_chunks_total", &labels),
        scrape.sum("app_stream_bytes_total", &labels),
        scrape.sum("app_stream_duration_seconds_count", &[labels[0], ("outcome", "complete")]),
        scrape.sum("app_time_to_first_chunk_seconds_count", &labels),
        scrape.sum("app_inter_chunk_seconds_count", &labels),
    ]
}

#[tokio::test]
async fn return_types_of_streams_are_recorded_alike() {
    let metrics = metrics();
    let app = app(&metrics);
    for path in [
        "/opaque",
        "/boxed",
        "/fallible",
        "/lines",
        "/fallible-lines",
        "/response",
        "/hidden",
        "/wrapped",
    ] {
        assert_eq!(get(&app, path).await, (StatusCode::OK, Bytes::from("onetwothree")), "{path}");
        let scrape = settled(&metrics);
        assert_eq!(streamed(&scrape, path), [3, 11, 1, 1, 2], "{path}");
        let requests = [("endpoint", path), ("status", "200"), ("outcome", "success")];
        assert_eq!(scrape.sum("app_http_requests_total", &requests), 1, "{path}");
    }
    assert_eq!(Scrape::of(&metrics).sum("app_stream_errors_total", &[]), 0);
}

#[tokio::test]
async fn media_type_becomes_the_content_type() {
    let response = send(&app(&metrics()), Method::GET, "/lines").await;
    assert_eq!(response.headers()["content-type"], "application/x-lines");
}

#[tokio::test]
async fn server_sent_events_are_counted_in_their_encoded_form() {
    let metrics = metrics();
    let (_, body) = get(&app(&metrics), "/events").await;
    assert_eq!(body, "data: one\n\ndata: two\n\n");
    let scrape = settled(&metrics);
    assert_eq!(streamed(&scrape, "/events"), [2, body.len().try_into().unwrap(), 1, 1, 1]);
}

#[tokio::test]
async fn keep_alive_comments_are_not_chunks() {
    let metrics = metrics();
    #[streaming_metrics]
    async fn slow() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
        let events = streams::once(async { Ok(Event::default().data("one")) })
            .chain(streams::once(std::future::pending()));
        Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_millis(1)))
    }
    let app = Router::new().route("/slow", route_get(slow)).layer(metrics.layer());
    let mut body = send(&app, Method::GET, "/slow").await.into_body();
    for _ in 0..4 {
        body.frame().await.expect("the body has a frame").expect("the frame is not an error");
    }
    drop(body);
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_stream_chunks_total", &[("endpoint", "/slow")]), 1);
    assert_eq!(scrape.sum("app_stream_bytes_total", &[("endpoint", "/slow")]), 11);
}

#[tokio::test]
async fn response_of_known_length_is_a_stream_of_one_chunk() {
    let metrics = metrics();
    get(&app(&metrics), "/whole").await;
    assert_eq!(streamed(&settled(&metrics), "/whole"), [1, 9, 1, 1, 0]);
}

#[tokio::test]
async fn head_request_starts_no_stream() {
    let metrics = metrics();
    drop(send(&app(&metrics), Method::HEAD, "/events").await);
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 0);
    assert_eq!(scrape.sum("app_http_requests_total", &[("outcome", "success")]), 1);
}

#[tokio::test]
async fn error_response_starts_no_stream() {
    let metrics = metrics();
    assert_eq!(get(&app(&metrics), "/failed").await.0, StatusCode::SERVICE_UNAVAILABLE);
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 0);
    assert_eq!(scrape.count("app_active_streams", &[("endpoint", "/failed")]), 0);
}

#[tokio::test]
async fn client_disconnect_is_not_a_stream_error() {
    let metrics = metrics();
    for path in ["/opaque", "/events"] {
        let mut body = send(&app(&metrics), Method::GET, path).await.into_body();
        body.frame().await.expect("the body has a frame").expect("the frame is not an error");
        drop(body);
        let scrape = settled(&metrics);
        let stream = [("endpoint", path), ("outcome", "client_disconnect")];
        assert_eq!(scrape.sum("app_stream_duration_seconds_count", &stream), 1, "{path}");
        assert_eq!(scrape.sum("app_stream_chunks_total", &[("endpoint", path)]), 1, "{path}");
        let request = [("endpoint", path), ("outcome", "cancelled")];
        assert_eq!(scrape.sum("app_http_requests_total", &request), 1, "{path}");
    }
    assert_eq!(Scrape::of(&metrics).sum("app_stream_errors_total", &[]), 0);
}

#[tokio::test]
async fn error_item_fails_stream_and_request() {
    let metrics = metrics();
    #[streaming_metrics]
    fn broken() -> impl Stream<Item = Io<Bytes>> {
        streams::iter([Ok(Bytes::from("one")), Err(std::io::Error::other("cut"))])
    }
    let app = Router::new()
        .route("/broken", route_get(|| async { Body::from_stream(broken()) }))
        .layer(metrics.layer());
    let body = send(&app, Method::GET, "/broken").await.into_body();
    assert!(body.collect().await.is_err());
    let scrape = settled(&metrics);
    let stream = [("outcome", "stream_error")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &stream), 1);
    assert_eq!(scrape.sum("app_stream_errors_total", &[("error_type", "io::Error")]), 1);
    assert_eq!(scrape.sum("app_stream_chunks_total", &[("endpoint", "/broken")]), 1);
    let request = [("status", "200"), ("outcome", "server_error")];
    assert_eq!(scrape.sum("app_http_requests_total", &request), 1);
}

#[tokio::test]
async fn panic_in_a_stream_is_counted_and_propagated() {
    let metrics = metrics();
    #[streaming_metrics]
    fn explosive() -> impl Stream<Item = Io<Bytes>> {
        stream! {
            yield Ok(Bytes::from("one"));
            panic!("on purpose");
        }
    }
    let app = Router::new()
        .route("/explosive", route_get(|| async { Body::from_stream(explosive()) }))
        .layer(metrics.layer());
    let mut body = send(&app, Method::GET, "/explosive").await.into_body();
    body.frame().await.expect("the body has a frame").expect("the frame is not an error");
    assert!(AssertUnwindSafe(body.frame()).catch_unwind().await.is_err());
    // The panic is caught, and the body is dropped after unwinding has finished.
    drop(body);
    let scrape = settled(&metrics);
    let stream = [("outcome", "panic")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &stream), 1);
    assert_eq!(scrape.sum("app_stream_errors_total", &[("error_type", "panic")]), 1);
    assert_eq!(scrape.sum("app_http_requests_total", &[("outcome", "panic")]), 1);
}

#[tokio::test]
async fn chunk_counts_are_visible_while_a_stream_waits() {
    let metrics = metrics();
    #[streaming_metrics]
    fn waits() -> impl Stream<Item = Io<Bytes>> {
        streams::iter([Ok(Bytes::from("one")), Ok(Bytes::from("two"))])
            .chain(streams::once(std::future::pending()))
    }
    let app = Router::new()
        .route("/waits", route_get(|| async { Body::from_stream(waits()) }))
        .layer(metrics.layer());
    let mut body = send(&app, Method::GET, "/waits").await.into_body();
    for _ in 0..2 {
        body.frame().await.expect("the body has a frame").expect("the frame is not an error");
    }
    assert!(body.frame().now_or_never().is_none());
    let scrape = Scrape::of(&metrics);
    let labels = [("endpoint", "/waits")];
    assert_eq!(scrape.sum("app_stream_chunks_total", &labels), 2);
    assert_eq!(scrape.sum("app_stream_bytes_total", &labels), 6);
    assert_eq!(scrape.sum("app_active_streams", &labels), 1);
    assert_eq!(scrape.sum("app_active_requests", &labels), 1);
}

#[tokio::test]
async fn stream_duration_is_separate_from_request_duration() {
    let metrics = metrics();
    let delay = Duration::from_millis(60);
    let slow = move || async move {
        let chunks = stream! {
            tokio::time::sleep(delay).await;
            yield Ok::<_, Infallible>("late");
        };
        Body::from_stream(wrap_streaming_response(chunks, "/late"))
    };
    let app = Router::new().route("/late", route_get(slow)).layer(metrics.layer());
    get(&app, "/late").await;
    let scrape = settled(&metrics);
    let labels = [("endpoint", "/late")];
    let request = scrape.amount("app_http_request_duration_seconds_sum", &labels);
    let stream = scrape.amount("app_stream_duration_seconds_sum", &labels);
    assert!(stream >= delay.as_secs_f64(), "{stream}");
    assert!(request < stream / 2.0, "the head took {request} s, the stream {stream} s");
}

#[tokio::test]
async fn size_hint_is_that_of_the_source() {
    let wrapped = wrap_streaming_response(streams::iter(["a", "b"]), "/hint");
    assert_eq!(wrapped.size_hint(), (2, Some(2)));
    assert_eq!(wrapped.collect::<Vec<_>>().await, ["a", "b"]);
}

#[tokio::test]
async fn response_read_by_the_handler_is_recorded_as_a_stream() {
    let metrics = metrics();
    let handler = || async {
        let body = response().await.into_body().collect().await.expect("the body does not fail");
        format!("{} bytes", body.to_bytes().len())
    };
    let app = Router::new().route("/reads", route_get(handler)).layer(metrics.layer());
    assert_eq!(get(&app, "/reads").await.1, "11 bytes");
    assert_eq!(streamed(&settled(&metrics), "/reads"), [3, 11, 1, 1, 2]);
}

#[tokio::test]
async fn server_sent_events_that_are_never_sent_are_not_a_stream() {
    let metrics = metrics();
    let handler = || async {
        drop(events().await);
        StatusCode::NOT_FOUND
    };
    let app = Router::new().route("/drops", route_get(handler)).layer(metrics.layer());
    get(&app, "/drops").await;
    assert_eq!(settled(&metrics).sum("app_stream_duration_seconds_count", &[]), 0);
}

#[tokio::test]
async fn keep_alive_comments_are_recognized_in_event_streams_only() {
    #[streaming_metrics(media_type = "text/plain")]
    async fn text() -> impl Stream<Item = &'static str> {
        streams::iter([":smile:\n", "data: one\n\n"])
    }
    #[streaming_metrics(media_type = "text/event-stream")]
    async fn sent() -> impl Stream<Item = &'static str> {
        streams::iter([": keep-alive\n\n", ": with\ndata: one\n\n", "data: two\n\n"])
    }
    let metrics = metrics();
    let app = Router::new()
        .route("/text", route_get(text))
        .route("/sent", route_get(sent))
        .layer(metrics.layer());
    for path in ["/text", "/sent"] {
        get(&app, path).await;
        let chunks = settled(&metrics).sum("app_stream_chunks_total", &[("endpoint", path)]);
        assert_eq!(chunks, 2, "{path}");
    }
}

#[tokio::test]
async fn head_request_is_not_a_client_disconnect() {
    let metrics = metrics();
    let app = app(&metrics);
    for path in ["/opaque", "/boxed", "/lines", "/response", "/hidden", "/events", "/wrapped"] {
        drop(send(&app, Method::HEAD, path).await);
        let scrape = settled(&metrics);
        assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 0, "{path}");
    }
}

/// A transport stops polling after the number of bytes stated by `Content-Length`.
#[tokio::test]
async fn stream_with_content_length_is_complete_when_that_much_is_sent() {
    let metrics = metrics();
    let with_content_length = || async {
        let body = Body::from_stream(opaque());
        ([(axum::http::header::CONTENT_LENGTH, "11")], body)
    };
    let app = Router::new().route("/", route_get(with_content_length)).layer(metrics.layer());
    let mut body = send(&app, Method::GET, "/").await.into_body().into_data_stream();
    for _ in 0..3 {
        assert!(body.next().await.is_some_and(|chunk| chunk.is_ok()));
    }
    drop(body);
    let complete = [("outcome", "complete")];
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &complete), 1);
    assert_eq!(scrape.sum("app_http_requests_total", &[("outcome", "success")]), 1);
}
