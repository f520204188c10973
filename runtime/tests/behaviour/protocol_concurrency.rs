//! Metered streams with a protocol: several at once, and streams that another task or the handler
//! reads.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Method;
use axum::routing::get as route_get;
use futures_core::Stream;
use futures_util::{StreamExt, join, stream};
use http_body_util::BodyExt;
use streamgauge::{Usage, streaming_metrics, token_usage_context, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, send, settled};

type Item = Result<Bytes, std::io::Error>;

fn frames(frames: impl IntoIterator<Item = String>) -> impl Stream<Item = Item> + Unpin {
    stream::iter(frames.into_iter().map(|frame| Ok(Bytes::from(frame))).collect::<Vec<_>>())
}

fn text_frame() -> String {
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word\"}}]}\n\n".to_owned()
}

fn usage_frame(tokens: u64) -> String {
    format!(
        "data: {{\"choices\":[],\
         \"usage\":{{\"prompt_tokens\":{tokens},\"completion_tokens\":{tokens}}}}}\n\n"
    )
}

fn reply(tokens: u64) -> impl Stream<Item = Item> + Unpin {
    frames([text_frame(), usage_frame(tokens), "data: [DONE]\n\n".to_owned()])
}

#[track_tokens(model = model)]
#[streaming_metrics(protocol = "openai")]
async fn track_then_stream(
    model: &'static str,
    tokens: u64,
    delay_ms: u64,
) -> impl Stream<Item = Item> {
    tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    reply(tokens)
}

#[streaming_metrics(protocol = "openai")]
#[track_tokens(model = model)]
async fn stream_then_track(
    model: &'static str,
    tokens: u64,
    delay_ms: u64,
) -> impl Stream<Item = Item> {
    tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    reply(tokens)
}

#[tokio::test(start_paused = true)]
async fn concurrent_calls_keep_their_labels() {
    let metrics = metrics();
    let app = Router::new()
        .route(
            "/track-then-stream",
            route_get(|| async {
                let (big, small) =
                    join!(track_then_stream("big", 1_000, 10), track_then_stream("small", 1, 50));
                Body::from_stream(big.chain(small))
            }),
        )
        .route(
            "/stream-then-track",
            route_get(|| async {
                let (big, small) =
                    join!(stream_then_track("big", 1_000, 10), stream_then_track("small", 1, 50));
                Body::from_stream(big.chain(small))
            }),
        )
        .layer(metrics.layer());
    for path in ["/track-then-stream", "/stream-then-track"] {
        get(&app, path).await;
        let scrape = settled(&metrics);
        for (model, tokens) in [("big", 1_000), ("small", 1)] {
            let labels = [("endpoint", path), ("model", model), ("token_type", "output")];
            assert_eq!(scrape.sum("app_token_usage_total", &labels), tokens, "{path} {model}");
        }
        assert_eq!(scrape.sum("app_llm_calls_total", &[("endpoint", path)]), 2);
    }
}

#[streaming_metrics(protocol = "openai")]
fn failing_stream() -> impl Stream<Item = Item> + Send {
    let error = "data: {\"error\":{\"type\":\"overloaded\",\"message\":\"later\"}}\n\n";
    frames([text_frame(), error.to_owned()])
}

/// A spawned task reads the stream and forwards its items through a channel, as many gateways do.
async fn forwarded() -> Body {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let mut source = Box::pin(failing_stream());
    tokio::spawn(async move {
        while let Some(item) = source.next().await {
            if sender.send(item).await.is_err() {
                return;
            }
        }
    });
    Body::from_stream(stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|item| (item, receiver))
    }))
}

/// The handler reads the first item before it returns the response head.
async fn peeked() -> Body {
    let mut source = Box::pin(failing_stream().skip(1).peekable());
    source.as_mut().peek().await;
    Body::from_stream(source)
}

/// The handler reads a failing stream to its end, and returns the stream of another call.
async fn retried() -> Body {
    let mut failed = Box::pin(failing_stream());
    while failed.next().await.is_some() {}
    drop(failed);
    Body::from_stream(reply(1))
}

#[tokio::test]
async fn error_event_fails_the_request_wherever_its_stream_is_read() {
    let metrics = metrics();
    let app = Router::new()
        .route("/forwarded", route_get(forwarded))
        .route("/peeked", route_get(peeked))
        .route("/retried", route_get(retried))
        .layer(metrics.layer());
    for (path, outcome) in
        [("/forwarded", "server_error"), ("/peeked", "server_error"), ("/retried", "success")]
    {
        let body = send(&app, Method::GET, path).await.into_body();
        body.collect().await.expect("the body does not fail");
        let scrape = settled(&metrics);
        let labels = [("endpoint", path), ("status", "200"), ("outcome", outcome)];
        assert_eq!(scrape.sum("app_http_requests_total", &labels), 1, "{path}");
        let events = [("endpoint", path), ("outcome", "error_event")];
        assert_eq!(scrape.sum("app_stream_duration_seconds_count", &events), 1, "{path}");
    }
}

#[streaming_metrics(protocol = "openai", model = model, provider = "house")]
fn recording_stream(model: &'static str, tokens: u64) -> impl Stream<Item = Item> + Send {
    async_stream::stream! {
        token_usage_context::record(Usage::new(tokens, tokens));
        yield Ok(Bytes::from(text_frame()));
        yield Ok(Bytes::from_static(b"data: [DONE]\n\n"));
    }
}

#[tokio::test]
async fn manual_usage_in_a_generator_belongs_to_its_own_stream() {
    let metrics = metrics();
    let both = || async {
        let (one, two) = (recording_stream("one", 1), recording_stream("two", 100));
        Body::from_stream(one.chain(two))
    };
    let app = Router::new().route("/", route_get(both)).layer(metrics.layer());
    get(&app, "/").await;
    let scrape = settled(&metrics);
    for (model, tokens) in [("one", 1), ("two", 100)] {
        let output = [("model", model), ("token_type", "output")];
        assert_eq!(scrape.sum("app_token_usage_total", &output), tokens, "{model}");
    }
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}

#[streaming_metrics(media_type = "text/plain", protocol = "auto")]
fn plain_text() -> impl Stream<Item = &'static str> {
    stream::iter(["hello\n", ": world\n", "\n", ":)\n"])
}

#[tokio::test]
async fn keep_alive_comments_are_not_recognized_in_plain_text() {
    let metrics = metrics();
    let app = Router::new().route("/", route_get(async || plain_text())).layer(metrics.layer());
    let (_, body) = get(&app, "/").await;
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_stream_chunks_total", &[]), 4);
    assert_eq!(scrape.sum("app_stream_bytes_total", &[]), i64::try_from(body.len()).unwrap());
}

#[tokio::test]
async fn token_count_of_u64_max_is_ignored() {
    let metrics = metrics();
    let app = Router::new()
        .route("/", route_get(async || Body::from_stream(stream_with_implausible_usage())))
        .layer(metrics.layer());
    get(&app, "/").await;
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_token_usage_total", &[]), 0);
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "unparsed")]), 1);
}

#[streaming_metrics(protocol = "openai")]
fn stream_with_implausible_usage() -> impl Stream<Item = Item> + Send {
    frames([text_frame(), usage_frame(u64::MAX), "data: [DONE]\n\n".to_owned()])
}

/// The first chunk is counted at once, even if the client does not read any further.
#[tokio::test]
async fn first_chunk_is_counted_before_the_client_reads_more() {
    let metrics = metrics();
    let app = Router::new()
        .route("/", route_get(async || Body::from_stream(recording_stream("one", 1))))
        .layer(metrics.layer());
    let mut body = send(&app, Method::GET, "/").await.into_body();
    body.frame().await.expect("the body has a frame").expect("the frame is not an error");
    let scrape = Scrape::of(&metrics);
    assert_eq!(scrape.sum("app_stream_chunks_total", &[]), 1);
}
