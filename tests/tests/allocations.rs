//! Counts the allocations of recording, so that a regression fails a test.
//!
//! All counts are of the steady state, after the first calls have created their series.

#![expect(clippy::unused_async, reason = "only the attribute is measured")]

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
    Metrics, RequestLabel, TokenUsage, Usage, instrument_endpoint, request_label,
    streaming_metrics, track_tokens, wrap_streaming_response,
};
use tokio::runtime::Builder;
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

/// Counts the allocations of a hundred calls whose futures complete on the first poll.
fn allocations<F: Future>(call: impl Fn() -> F) -> u64 {
    allocations_of(|| {
        assert!(call().now_or_never().is_some(), "the future is ready on the first poll");
    })
}

/// Counts the allocations of a hundred calls, after three calls that warm up.
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
fn async_function_with_an_attribute_does_not_allocate() {
    assert_eq!(allocations(|| plain(1)), 0);
    assert_eq!(allocations(|| fallible(1)), 0);
    assert_eq!(allocations(|| tracked(1)), 0);
    assert_eq!(allocations(|| both(1)), 0);
}

#[test]
fn sync_function_with_an_attribute_does_not_allocate() {
    assert_eq!(allocations_of(|| assert_eq!(synchronous(1), 2)), 0);
}

#[test]
fn stream_does_not_allocate() {
    assert_eq!(allocations(|| streamed().count()), 0);
    assert_eq!(allocations(|| wrap_streaming_response(stream::iter(["one"]), "/x").count()), 0);
}

/// Counts the allocations of polling 190 chunks, after ten chunks that warm up.
fn chunk_allocations<S: Stream>(stream: S) -> u64 {
    let mut stream = std::pin::pin!(stream);
    let mut next =
        || assert!(stream.next().now_or_never().flatten().is_some(), "the chunk is ready");
    (0..10).for_each(|_| next());
    measure(|| (0..190).for_each(|_| next())).count_total
}

/// A source of two hundred equal chunks that does not allocate.
fn repeated(chunk: &'static str) -> impl Stream<Item = Bytes> {
    stream::iter((0..200).map(move |_| Bytes::from_static(chunk.as_bytes())))
}

const CHAT: &str = "data: {\"object\":\"chat.completion.chunk\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}]}\n\n";
const MESSAGE: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"m-1\",\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n";
const CANDIDATE: &str = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}]}}],\"usageMetadata\":{\"promptTokenCount\":4,\"candidatesTokenCount\":1},\"modelVersion\":\"m-1\"}\n\n";
const LINE: &str =
    "{\"model\":\"m-1\",\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"done\":false}\n";

#[test]
fn chunk_of_a_stream_does_not_allocate() {
    #[streaming_metrics]
    fn metered(chunk: &'static str) -> impl Stream<Item = Bytes> {
        repeated(chunk)
    }
    #[streaming_metrics(protocol = "auto")]
    fn parsed(chunk: &'static str) -> impl Stream<Item = Bytes> {
        repeated(chunk)
    }
    for chunk in [CHAT, MESSAGE, CANDIDATE, LINE, ": keep-alive\n\n", "what is this?\n"] {
        assert_eq!(chunk_allocations(metered(chunk)), 0, "{chunk}");
        assert_eq!(chunk_allocations(parsed(chunk)), 0, "{chunk}");
    }
}

#[test]
fn chunk_of_a_response_body_does_not_allocate() {
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

/// Counts the allocations of one tracked reply with this many frames of one token each.
fn reply_allocations(frames: usize) -> u64 {
    #[track_tokens(protocol = "openai", provider = "house", model = "small-1")]
    fn frames_of(number: usize) -> impl Stream<Item = &'static str> {
        const TOKEN: &str = "data: {\"object\":\"chat.completion.chunk\",\"model\":\"small-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}],\"usage\":null}\n\n";
        stream::iter(std::iter::repeat_n(TOKEN, number))
    }
    allocations(|| frames_of(frames).count()) / 100
}

#[test]
fn frame_of_a_parsed_stream_does_not_allocate() {
    let few = reply_allocations(5);
    assert_eq!(reply_allocations(500), few);
    assert!(few <= 3, "{few} allocations for one reply");
}

#[test]
fn whole_reply_of_any_length_allocates_at_most_three_times() {
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
        assert!(
            allocations <= 300,
            "{words} words: {allocations} allocations for a hundred replies"
        );
    }
}

/// axum makes a template for each request to a nested service, of which only a few may be kept.
#[test]
fn requests_to_a_nested_service_leave_nothing_allocated() {
    let metrics = Metrics::builder().build().expect("the settings are valid");
    let inner = Router::new().route("/items/{id}", get("item")).layer(metrics.layer());
    let router = Router::new().nest_service("/api", inner);
    let request = || {
        let request = Request::get("/api/items/7").body(Body::empty()).expect("a valid request");
        let response = router.clone().oneshot(request).now_or_never();
        assert!(response.is_some(), "the future is ready on the first poll");
    };
    (0..10).for_each(|_| request());
    assert_eq!(measure(|| (0..100).for_each(|_| request())).count_current, 0);
}

#[test]
fn allocation_counter_counts_every_allocation() {
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
fn model_named_by_the_reply_does_not_allocate() {
    #[track_tokens]
    async fn named() -> Reply {
        Reply { model: "small-1", usage: Usage::new(1, 2) }
    }
    assert_eq!(allocations(named), 0);
}

/// Counts the allocations of one request to a router, with its response body read to the end.
fn request_allocations(router: &Router) -> u64 {
    request_allocations_with(router, &[])
}

/// Counts the allocations of one request with these headers, from its start to the drop of its
/// response.
fn request_allocations_with(router: &Router, headers: &[(&str, &str)]) -> u64 {
    let call = || {
        let request = headers
            .iter()
            .fold(Request::get("/"), |request, (name, value)| request.header(*name, *value));
        let request = request.body(Body::empty()).expect("the request is well formed");
        let response = router.clone().oneshot(request).now_or_never().expect("ready at once");
        let body = response.expect("a router does not fail").into_body();
        let size = body.into_data_stream().count().now_or_never();
        assert!(size.is_some());
    };
    let requests = 100;
    let allocations = allocations_of(call);
    assert_eq!(allocations % requests, 0, "every request allocates equally often");
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

/// Counts the allocations of one request behind a layer that does nothing.
fn bare<T: 'static>(handler: impl Handler<T, ()>) -> u64 {
    let router = Router::<()>::new().route("/", get(handler));
    request_allocations(&router.layer(PassThrough).with_state(()))
}

/// Counts the allocations of one request behind `PrometheusLayer`.
fn recorded<T: 'static>(handler: impl Handler<T, ()>) -> u64 {
    let metrics = Metrics::builder().build().expect("default settings are valid");
    let router = Router::<()>::new().route("/", get(handler));
    request_allocations(&router.layer(metrics.layer()).with_state(()))
}

#[test]
fn layer_does_not_allocate_for_a_response_of_fixed_size() {
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
fn live_page_adds_no_allocation_to_a_request() {
    async fn handler() -> &'static str {
        "hello"
    }
    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime can be created");
    let _entered = runtime.enter();
    let metrics = Metrics::builder().build().expect("default settings are valid");
    let router = Router::<()>::new().route("/", get(handler)).layer(metrics.layer()).with_state(());
    let page = metrics.live();
    assert_eq!(request_allocations(&router) - bare(handler), 0, "the page was never open");
    let request = Request::get("/events").body(Body::empty()).expect("the request is well formed");
    let events = page.oneshot(request).now_or_never().expect("ready at once");
    assert!(events.is_ok_and(|events| events.status().is_success()));
    assert_eq!(request_allocations(&router) - bare(handler), 0, "the page is closed again");
}

#[test]
fn tracked_calls_of_a_request_allocate_no_more_than_once_each_and_twice_for_the_request() {
    async fn none() {}
    async fn one() {
        tracked(1).await;
    }
    async fn ten() {
        for n in 0..10 {
            tracked(n).await;
        }
    }
    async fn ten_within_one() {
        #[track_tokens(provider = "house", model = "small-1")]
        async fn outer() -> Option<Usage> {
            ten().await;
            None
        }
        outer().await;
    }
    let untracked = recorded(none);
    assert_eq!(untracked, bare(none));
    for (allocations, max) in
        [(recorded(one), 3), (recorded(ten), 10), (recorded(ten_within_one), 11)]
    {
        assert!(allocations - untracked <= max, "{allocations} {max}");
    }
}

#[test]
fn layer_allocates_once_for_a_streamed_response_body() {
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

/// Counts the allocations that the layer adds to a request with this body.
fn allocations_for_body(body: impl Fn() -> Request) -> u64 {
    async fn handler(body: Body) -> &'static str {
        let size = body.into_data_stream().count().await;
        if size == 2 { "two" } else { "other" }
    }
    let allocations = |router: &Router| {
        allocations_of(|| {
            let response = router.clone().oneshot(body()).now_or_never().expect("ready at once");
            drop(response.expect("a router does not fail"));
        }) / 100
    };
    let metrics = Metrics::builder().build().expect("default settings are valid");
    let router = Router::<()>::new().route("/", get(handler));
    let bare = allocations(&router.clone().layer(PassThrough).with_state(()));
    allocations(&router.layer(metrics.layer()).with_state(())) - bare
}

#[test]
fn layer_allocates_once_for_a_request_body_that_is_read_from_a_client() {
    let unknown = || {
        let pieces = stream::iter(["one", "two"]).map(Ok::<_, Infallible>);
        Request::get("/").body(Body::from_stream(pieces)).expect("the request is well formed")
    };
    let declared = || {
        let request = Request::get("/").header("content-length", 3).body(Body::from("one"));
        request.expect("the request is well formed")
    };
    assert_eq!(allocations_for_body(unknown), 1);
    assert_eq!(allocations_for_body(declared), 1);
}

#[test]
fn layer_does_not_allocate_for_a_request_body_that_is_empty_or_in_memory() {
    let empty = || Request::get("/").body(Body::empty()).expect("the request is well formed");
    let in_memory = || Request::get("/").body(Body::from("one")).expect("well formed");
    assert_eq!(allocations_for_body(empty), 0);
    assert_eq!(allocations_for_body(in_memory), 0);
}

#[test]
fn request_labels_do_not_allocate() {
    async fn handler() -> &'static str {
        request_label::set("plan", "paid");
        "hello"
    }
    let metrics = Metrics::builder()
        .request_label(RequestLabel::new("tier").from_header("x-tier").values(["free"]))
        .request_label(RequestLabel::new("tenant").from_header("x-tenant").at_most(1))
        .request_label(RequestLabel::new("plan").values(["paid"]))
        .group_status()
        .ignore_unmatched()
        .skip_paths(["/health", "/internal/*"])
        .build()
        .expect("valid");
    let router = Router::<()>::new().route("/", get(handler));
    let bare = router.clone().layer(PassThrough).with_state(());
    let recorded = router.layer(metrics.layer()).with_state(());
    for headers in [
        &[][..],
        &[("x-tier", "free"), ("x-tenant", "acme")],
        &[("x-tier", "gold"), ("x-tenant", "past the bound")],
    ] {
        let allocations = request_allocations_with(&recorded, headers);
        assert_eq!(allocations - request_allocations_with(&bare, headers), 0, "{headers:?}");
    }
}

/// Returns by how many bytes memory grows over ten thousand requests, after forty that warm up.
fn memory_growth(router: &Router) -> i64 {
    let requests = |number| {
        for id in 0..number {
            for path in ["/fixed/", "/streamed/", "/fails/", "/nope/"] {
                let request = Request::get(format!("{path}{id}")).body(Body::empty());
                let request = request.expect("the request is well formed");
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
fn memory_stays_flat_over_ten_thousand_requests_to_a_router_with_state() {
    let metrics = Metrics::builder().build().expect("default settings are valid");
    assert_eq!(memory_growth(&routes().layer(metrics.layer()).with_state(())), 0);
}

#[test]
fn memory_stays_flat_over_ten_thousand_requests_to_a_router_without_state() {
    let metrics = Metrics::builder().build().expect("default settings are valid");
    assert_eq!(memory_growth(&routes().layer(metrics.layer())), 0);
    assert_eq!(memory_growth(&routes().layer(metrics.layer()).layer(metrics.layer())), 0);
}
