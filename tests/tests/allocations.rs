//! What recording costs in allocations: counted, so that a regression is a failing test.
//!
//! Everything is measured in steady state, after a first call has resolved its series.

#![expect(clippy::unused_async, reason = "what is measured is the attribute")]

use std::convert::Infallible;
use std::future::Future;

use allocation_counter::measure;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::handler::Handler;
use axum::response::Response;
use axum::routing::get;
use futures_util::FutureExt;
use futures_util::stream::{self, Stream, StreamExt};
use streamgauge::{
    Metrics, TokenUsage, Usage, instrument_endpoint, streaming_metrics, track_tokens,
    wrap_streaming_response,
};
use tower::{Layer, ServiceExt};

#[instrument_endpoint]
async fn plain(n: u64) -> u64 {
    n + 1
}

#[instrument_endpoint]
async fn fallible(n: u64) -> Result<u64, u64> {
    Ok(n)
}

#[track_tokens(provider = "house", model = "small-1")]
async fn tracked(n: u64) -> Usage {
    Usage::new(n, 1).reasoning(1)
}

#[instrument_endpoint]
#[track_tokens(provider = "house", model = "small-1")]
async fn both(n: u64) -> Usage {
    Usage::new(n, 1)
}

#[instrument_endpoint]
fn synchronous(n: u64) -> u64 {
    n + 1
}

#[streaming_metrics(model = "small-1")]
fn streamed() -> impl Stream<Item = &'static str> {
    stream::iter(["one", "two", "three"])
}

/// Allocations of a future that is ready at once.
fn allocations<F: Future>(call: impl Fn() -> F) -> u64 {
    allocations_of(|| {
        assert!(call().now_or_never().is_some(), "it is ready at once");
    })
}

fn allocations_of(call: impl Fn()) -> u64 {
    for _ in 0..3 {
        call();
    }
    measure(|| {
        for _ in 0..100 {
            call();
        }
    })
    .count_total
}

#[test]
fn an_attribute_on_a_plain_async_function_allocates_nothing() {
    assert_eq!(allocations(|| plain(1)), 0);
    assert_eq!(allocations(|| fallible(1)), 0);
    assert_eq!(allocations(|| tracked(1)), 0);
    assert_eq!(allocations(|| both(1)), 0);
}

#[test]
fn an_attribute_on_a_plain_function_allocates_nothing() {
    assert_eq!(allocations_of(|| assert_eq!(synchronous(1), 2)), 0);
}

#[test]
fn a_metered_stream_allocates_nothing() {
    assert_eq!(allocations(|| streamed().count()), 0);
    assert_eq!(allocations(|| wrap_streaming_response(stream::iter(["one"]), "/x").count()), 0);
}

/// Allocations of polling the chunks of a stream after its first few, of which there are two hundred.
fn chunk_allocations<S: Stream>(stream: S) -> u64 {
    let mut stream = std::pin::pin!(stream);
    let mut next = || assert!(stream.next().now_or_never().flatten().is_some(), "it is ready");
    (0..10).for_each(|_| next());
    measure(|| (0..190).for_each(|_| next())).count_total
}

/// A source that repeats a chunk, and allocates nothing for it.
fn repeated(chunk: &'static str) -> impl Stream<Item = Bytes> {
    stream::iter((0..200).map(move |_| Bytes::from_static(chunk.as_bytes())))
}

const CHAT: &str = "data: {\"object\":\"chat.completion.chunk\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}]}\n\n";
const MESSAGE: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"m-1\",\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n";
const CANDIDATE: &str = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}]}}],\"usageMetadata\":{\"promptTokenCount\":4,\"candidatesTokenCount\":1},\"modelVersion\":\"m-1\"}\n\n";
const LINE: &str =
    "{\"model\":\"m-1\",\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"done\":false}\n";

#[test]
fn a_chunk_allocates_nothing() {
    #[streaming_metrics]
    fn counted(chunk: &'static str) -> impl Stream<Item = Bytes> {
        repeated(chunk)
    }
    #[streaming_metrics(protocol = "auto")]
    fn read(chunk: &'static str) -> impl Stream<Item = Bytes> {
        repeated(chunk)
    }
    for chunk in [CHAT, MESSAGE, CANDIDATE, LINE, ": keep-alive\n\n", "what is this?\n"] {
        assert_eq!(chunk_allocations(counted(chunk)), 0, "{chunk}");
        assert_eq!(chunk_allocations(read(chunk)), 0, "{chunk}");
    }
}

#[test]
fn a_chunk_of_a_body_allocates_nothing() {
    #[streaming_metrics(protocol = "openai", media_type = "text/event-stream")]
    fn response() -> impl Stream<Item = Bytes> {
        repeated(CHAT)
    }
    #[streaming_metrics(protocol = "openai")]
    fn body() -> Body {
        Body::from_stream(repeated(CHAT).map(Ok::<_, Infallible>))
    }
    assert_eq!(chunk_allocations(response().into_body().into_data_stream()), 0);
    assert_eq!(chunk_allocations(body().into_data_stream()), 0);
}

/// Allocations of a tracked reply of so many frames, each of which has a token in it.
fn read_allocations(frames: usize) -> u64 {
    #[track_tokens(protocol = "openai", provider = "house", model = "small-1")]
    fn frames_of(number: usize) -> impl Stream<Item = &'static str> {
        const TOKEN: &str = "data: {\"object\":\"chat.completion.chunk\",\"model\":\"small-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}],\"usage\":null}\n\n";
        stream::iter(std::iter::repeat_n(TOKEN, number))
    }
    allocations(|| frames_of(frames).count()) / 100
}

#[test]
fn a_frame_that_is_read_allocates_nothing() {
    let few = read_allocations(5);
    assert_eq!(read_allocations(500), few);
    assert!(few <= 3, "{few} for what reads a reply, whatever its length");
}

#[test]
fn a_whole_reply_that_is_read_costs_what_reads_it() {
    #[track_tokens(protocol = "openai", provider = "house", model = "small-1")]
    fn whole(reply: &[u8]) -> &[u8] {
        reply
    }
    let reply = |words: usize| {
        let text = "word ".repeat(words);
        format!(
            "{{\"model\":\"small-1\",\"choices\":[{{\"message\":{{\"content\":\"{text}\"}},\"finish_reason\":\
             \"stop\"}}],\"usage\":{{\"prompt_tokens\":1,\"completion_tokens\":2}}}}"
        )
    };
    for words in [1, 10_000] {
        let reply = reply(words);
        let allocations = allocations_of(|| assert_eq!(whole(reply.as_bytes()).len(), reply.len()));
        assert!(allocations <= 300, "{words} words: {allocations} for a hundred replies");
    }
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations_of(|| drop(Box::new(1))), 100);
}

#[derive(TokenUsage)]
struct Reply {
    #[token_usage(model)]
    model: &'static str,
    #[token_usage(nested)]
    usage: Usage,
}

#[test]
fn a_model_that_the_reply_names_allocates_nothing() {
    #[track_tokens]
    async fn named() -> Reply {
        Reply { model: "small-1", usage: Usage::new(1, 2) }
    }
    assert_eq!(allocations(named), 0);
}

/// Allocations a request of a router, response read to its end.
fn request_allocations(router: &Router) -> u64 {
    let call = || {
        let request = Request::get("/").body(Body::empty()).expect("it is well formed");
        let response = router.clone().oneshot(request).now_or_never().expect("ready at once");
        let body = response.expect("a router does not fail").into_body();
        let size = body.into_data_stream().count().now_or_never();
        assert!(size.is_some());
    };
    let requests = 100;
    let allocations = allocations_of(call);
    assert_eq!(allocations % requests, 0, "every request costs the same");
    allocations / requests
}

#[derive(Clone)]
struct PassThrough;

impl<S> Layer<S> for PassThrough {
    type Service = S;

    fn layer(&self, service: S) -> S {
        service
    }
}

/// Allocations of a request behind a layer that does nothing.
fn bare<T: 'static>(handler: impl Handler<T, ()>) -> u64 {
    let router = Router::<()>::new().route("/", get(handler));
    request_allocations(&router.layer(PassThrough).with_state(()))
}

/// Allocations of a request behind our layer.
fn recorded<T: 'static>(handler: impl Handler<T, ()>) -> u64 {
    let metrics = Metrics::builder().build().expect("default settings are valid");
    let router = Router::<()>::new().route("/", get(handler));
    request_allocations(&router.layer(metrics.layer()).with_state(()))
}

#[test]
fn a_response_of_fixed_size_costs_no_allocation() {
    async fn handler() -> &'static str {
        "hello"
    }
    #[instrument_endpoint]
    async fn annotated() -> &'static str {
        "hello"
    }
    assert_eq!(recorded(handler) - bare(handler), 0);
    assert_eq!(recorded(annotated) - bare(handler), 0);
}

#[test]
fn a_streamed_body_costs_one_allocation() {
    async fn handler() -> Response {
        let chunks = stream::iter(["one", "two"]).map(Ok::<_, Infallible>);
        Response::new(Body::from_stream(chunks))
    }
    #[streaming_metrics]
    fn chunks() -> impl Stream<Item = Result<&'static str, Infallible>> {
        stream::iter(["one", "two"]).map(Ok)
    }
    #[instrument_endpoint]
    async fn annotated() -> Response {
        Response::new(Body::from_stream(chunks()))
    }
    assert_eq!(recorded(handler) - bare(handler), 1);
    assert_eq!(recorded(annotated) - bare(handler), 1);
}

#[test]
fn an_upload_of_unknown_length_costs_what_counts_it() {
    async fn handler(body: Body) -> &'static str {
        let size = body.into_data_stream().count().await;
        if size == 2 { "two" } else { "other" }
    }
    let allocations = |router: &Router| {
        allocations_of(|| {
            let pieces = stream::iter(["one", "two"]).map(Ok::<_, Infallible>);
            let request =
                Request::get("/").body(Body::from_stream(pieces)).expect("it is well formed");
            let response = router.clone().oneshot(request).now_or_never().expect("ready at once");
            drop(response.expect("a router does not fail"));
        }) / 100
    };
    let metrics = Metrics::builder().build().expect("default settings are valid");
    let router = Router::<()>::new().route("/", get(handler));
    let bare = allocations(&router.clone().layer(PassThrough).with_state(()));
    assert_eq!(allocations(&router.layer(metrics.layer()).with_state(())) - bare, 2);
}

#[test]
fn a_label_taken_from_requests_costs_no_allocation() {
    async fn handler() -> &'static str {
        "hello"
    }
    let metrics = Metrics::builder()
        .label_from_header("tier", "x-tier", ["free"])
        .group_status()
        .ignore_unmatched()
        .skip_paths(["/health", "/internal/*"])
        .build()
        .expect("valid");
    let router = Router::<()>::new().route("/", get(handler)).layer(metrics.layer());
    assert_eq!(request_allocations(&router.with_state(())) - bare(handler), 0);
}

/// Bytes that are there after ten thousand requests and were not before, with a first few made already.
fn growth(router: &Router) -> i64 {
    let requests = |number| {
        for id in 0..number {
            for path in ["/fixed/", "/streamed/", "/fails/", "/nope/"] {
                let request = Request::get(format!("{path}{id}")).body(Body::empty());
                let request = request.expect("it is well formed");
                let response = router.clone().oneshot(request).now_or_never();
                let response = response.expect("ready at once").expect("a router does not fail");
                let frames = response.into_body().into_data_stream().count().now_or_never();
                assert!(frames.is_some());
            }
        }
    };
    requests(10);
    measure(|| requests(2_500)).bytes_current
}

fn routes() -> Router {
    #[streaming_metrics]
    fn chunks() -> impl Stream<Item = Result<&'static str, Infallible>> {
        stream::iter(["one", "two"]).map(Ok)
    }
    #[instrument_endpoint]
    async fn fails() -> Result<(), axum::http::StatusCode> {
        Err(axum::http::StatusCode::CONFLICT)
    }
    Router::new()
        .route("/fixed/{id}", get(|| async { "hello" }))
        .route("/streamed/{id}", get(|| async { Body::from_stream(chunks()) }))
        .route("/fails/{id}", get(fails))
}

#[test]
fn ten_thousand_requests_leave_memory_flat_on_a_finished_router() {
    let metrics = Metrics::builder().build().expect("default settings are valid");
    assert_eq!(growth(&routes().layer(metrics.layer()).with_state(())), 0);
}

#[test]
fn ten_thousand_requests_leave_memory_flat_on_an_unfinished_router() {
    let metrics = Metrics::builder().build().expect("default settings are valid");
    assert_eq!(growth(&routes().layer(metrics.layer())), 0);
    assert_eq!(growth(&routes().layer(metrics.layer()).layer(metrics.layer())), 0);
}
