//! Streams whose protocol is read, several at once and away from their request.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Method;
use axum::routing::get as route_get;
use futures_core::Stream;
use futures_util::{StreamExt, join, stream};
use http_body_util::BodyExt;
use streamgauge::{Usage, streaming_metrics, token_usage_context, track_tokens};
use streamgauge_test_support::client::{get, metrics, send, settled};

type Item = Result<Bytes, std::io::Error>;

fn frames(frames: impl IntoIterator<Item = String>) -> impl Stream<Item = Item> + Unpin {
    stream::iter(frames.into_iter().map(|frame| Ok(Bytes::from(frame))).collect::<Vec<_>>())
}

fn word() -> String {
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word\"}}]}\n\n".to_owned()
}

fn usage(tokens: u64) -> String {
    format!(
        "data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":{tokens},\"completion_tokens\":{tokens}}}}}\n\n"
    )
}

fn answer(tokens: u64) -> impl Stream<Item = Item> + Unpin {
    frames([word(), usage(tokens), "data: [DONE]\n\n".to_owned()])
}

#[track_tokens(model = model)]
#[streaming_metrics(protocol = "openai")]
async fn tracked_inside(model: &'static str, tokens: u64, after: u64) -> impl Stream<Item = Item> {
    tokio::time::sleep(Duration::from_millis(after)).await;
    answer(tokens)
}

#[streaming_metrics(protocol = "openai")]
#[track_tokens(model = model)]
async fn tracked_outside(model: &'static str, tokens: u64, after: u64) -> impl Stream<Item = Item> {
    tokio::time::sleep(Duration::from_millis(after)).await;
    answer(tokens)
}

#[tokio::test(start_paused = true)]
async fn calls_that_run_at_once_keep_their_labels() {
    let metrics = metrics();
    let app = Router::new()
        .route(
            "/inside",
            route_get(|| async {
                let (big, small) =
                    join!(tracked_inside("big", 1_000, 10), tracked_inside("small", 1, 50));
                Body::from_stream(big.chain(small))
            }),
        )
        .route(
            "/outside",
            route_get(|| async {
                let (big, small) =
                    join!(tracked_outside("big", 1_000, 10), tracked_outside("small", 1, 50));
                Body::from_stream(big.chain(small))
            }),
        )
        .layer(metrics.layer());
    for path in ["/inside", "/outside"] {
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
fn fails() -> impl Stream<Item = Item> + Send {
    let error = "data: {\"error\":{\"type\":\"overloaded\",\"message\":\"later\"}}\n\n";
    frames([word(), error.to_owned()])
}

/// A task reads the stream and hands on what it reads, as many gateways do.
async fn pumped() -> Body {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let mut source = Box::pin(fails());
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

/// The first item is read before there is a head.
async fn peeked() -> Body {
    let mut source = Box::pin(fails().skip(1).peekable());
    source.as_mut().peek().await;
    Body::from_stream(source)
}

/// What has failed is left, and another asked.
async fn asked_again() -> Body {
    let mut first = Box::pin(fails());
    while first.next().await.is_some() {}
    drop(first);
    Body::from_stream(answer(1))
}

#[tokio::test]
async fn an_error_fails_the_request_wherever_its_stream_is_read() {
    let metrics = metrics();
    let app = Router::new()
        .route("/pumped", route_get(pumped))
        .route("/peeked", route_get(peeked))
        .route("/again", route_get(asked_again))
        .layer(metrics.layer());
    for (path, outcome) in
        [("/pumped", "server_error"), ("/peeked", "server_error"), ("/again", "success")]
    {
        let body = send(&app, Method::GET, path).await.into_body();
        body.collect().await.expect("the bytes are whole");
        let scrape = settled(&metrics);
        let labels = [("endpoint", path), ("status", "200"), ("outcome", outcome)];
        assert_eq!(scrape.sum("app_http_requests_total", &labels), 1, "{path}");
        let events = [("endpoint", path), ("outcome", "error_event")];
        assert_eq!(scrape.sum("app_stream_duration_seconds_count", &events), 1, "{path}");
    }
}

#[streaming_metrics(protocol = "openai", model = model, provider = "house")]
fn speaks(model: &'static str, tokens: u64) -> impl Stream<Item = Item> + Send {
    async_stream::stream! {
        token_usage_context::record(Usage::new(tokens, tokens));
        yield Ok(Bytes::from(word()));
        yield Ok(Bytes::from_static(b"data: [DONE]\n\n"));
    }
}

#[tokio::test]
async fn what_a_generator_records_is_its_own_streams() {
    let metrics = metrics();
    let both = || async {
        let (one, two) = (speaks("one", 1), speaks("two", 100));
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
fn smiles() -> impl Stream<Item = &'static str> {
    stream::iter(["hello\n", ": world\n", "\n", ":)\n"])
}

#[tokio::test]
async fn a_stream_that_is_none_of_events_has_no_comments() {
    let metrics = metrics();
    let app = Router::new().route("/", route_get(async || smiles())).layer(metrics.layer());
    let (_, body) = get(&app, "/").await;
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_stream_chunks_total", &[]), 4);
    assert_eq!(scrape.sum("app_stream_bytes_total", &[]), i64::try_from(body.len()).unwrap());
}

#[tokio::test]
async fn a_count_that_no_model_could_have_read_wraps_no_counter() {
    let metrics = metrics();
    let app = Router::new()
        .route("/", route_get(async || Body::from_stream(absurd())))
        .layer(metrics.layer());
    get(&app, "/").await;
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_token_usage_total", &[]), 0);
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "unparsed")]), 1);
}

#[streaming_metrics(protocol = "openai")]
fn absurd() -> impl Stream<Item = Item> + Send {
    frames([word(), usage(u64::MAX), "data: [DONE]\n\n".to_owned()])
}

/// The first chunk shows at once, though the client takes no more for now.
#[tokio::test]
async fn a_stream_that_waits_for_its_client_shows_that_it_has_begun() {
    let metrics = metrics();
    let app = Router::new()
        .route("/", route_get(async || Body::from_stream(speaks("one", 1))))
        .layer(metrics.layer());
    let mut body = send(&app, Method::GET, "/").await.into_body();
    body.frame().await.expect("there is a frame").expect("it is no error");
    let scrape = streamgauge_test_support::Scrape::of(&metrics);
    assert_eq!(scrape.sum("app_stream_chunks_total", &[]), 1);
}
