//! Return types of tracked calls with a protocol: each is parsed, once.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get as route_get};
use axum::{Json, Router};
use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::stream as streams;
use streamgauge::{
    Metrics, Usage, instrument_endpoint, streaming_metrics, token_usage_context, track_tokens,
};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, send, settled};

use crate::sample_replies::{Ending, Frames, Io, OPENAI, source};

const WHOLE_REPLY: &str = r#"{"model":"m-1","choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17}}"#;

fn chat() -> impl Stream<Item = Io<Bytes>> + Send {
    source(OPENAI.frames(), Ending::Complete)
}

fn events() -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let data = OPENAI.frames().into_iter().flat_map(|frame| frame.split("\n\n"));
    let data = data.filter_map(|event| event.strip_prefix("data: "));
    streams::iter(data.map(|data| Ok(Event::default().data(data))).collect::<Vec<_>>())
}

#[track_tokens(protocol = "openai")]
fn opaque() -> impl Stream<Item = Io<Bytes>> {
    chat()
}

#[track_tokens(protocol = "openai")]
async fn in_result() -> Result<impl Stream<Item = Io<Bytes>>, StatusCode> {
    Ok(chat())
}

#[track_tokens(protocol = "openai")]
fn boxed() -> Frames {
    Box::pin(chat())
}

#[track_tokens(protocol = "openai")]
async fn body() -> Body {
    Body::from_stream(chat())
}

#[track_tokens(protocol = "openai")]
async fn response() -> Result<Response, StatusCode> {
    Ok(([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(chat())).into_response())
}

#[track_tokens(protocol = "openai")]
async fn whole_response() -> Response {
    ([(CONTENT_TYPE, "application/json")], WHOLE_REPLY).into_response()
}

#[track_tokens(protocol = "openai")]
async fn sse() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(events())
}

#[track_tokens(protocol = "openai")]
async fn hidden() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], WHOLE_REPLY)
}

#[track_tokens(protocol = "openai")]
async fn hidden_in_result() -> Result<impl IntoResponse, StatusCode> {
    Ok(WHOLE_REPLY)
}

#[track_tokens(protocol = "openai")]
async fn with_headers() -> (StatusCode, HeaderMap, String) {
    (StatusCode::OK, HeaderMap::new(), WHOLE_REPLY.to_owned())
}

#[track_tokens(protocol = "openai")]
async fn json() -> Json<serde_json::Value> {
    Json(serde_json::from_str(WHOLE_REPLY).expect("the reply is JSON"))
}

#[track_tokens(protocol = "openai")]
async fn bytes() -> Bytes {
    Bytes::from_static(WHOLE_REPLY.as_bytes())
}

#[track_tokens(protocol = "openai")]
async fn text() -> Result<&'static str, StatusCode> {
    Ok(WHOLE_REPLY)
}

#[track_tokens(protocol = "openai")]
fn optional() -> Option<String> {
    Some(WHOLE_REPLY.to_owned())
}

async fn scrape_after(handler: MethodRouter, method: Method) -> Scrape {
    let metrics = metrics();
    let app = Router::new().route("/chat", handler).layer(metrics.layer());
    let response = send(&app, method, "/chat").await;
    let _ = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    settled(&metrics)
}

/// Checks that one call of 17 tokens has been counted, as for all replies in this file.
#[track_caller]
fn assert_one(scrape: &Scrape, name: &str) {
    let labels = [("endpoint", "/chat"), ("model", "m-1")];
    assert_eq!(scrape.sum("app_token_usage_total", &labels), 17, "{name}: {scrape:#?}");
    let stop = [labels[0], labels[1], ("finish_reason", "stop")];
    assert_eq!(scrape.sum("app_llm_calls_total", &stop), 1, "{name}: {scrape:#?}");
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{name}: {scrape:#?}");
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0, "{name}: {scrape:#?}");
    assert_eq!(scrape.sum("app_http_requests_total", &[("outcome", "success")]), 1, "{name}");
}

#[tokio::test]
async fn return_types_of_replies_are_all_parsed() {
    let forms: Vec<(&str, MethodRouter)> = vec![
        ("opaque", route_get(|| async { Body::from_stream(opaque()) })),
        ("in_result", route_get(|| async { in_result().await.map(Body::from_stream) })),
        ("boxed", route_get(|| async { Body::from_stream(boxed()) })),
        ("body", route_get(body)),
        ("response", route_get(response)),
        ("whole_response", route_get(whole_response)),
        ("sse", route_get(sse)),
        ("hidden", route_get(hidden)),
        ("hidden_in_result", route_get(hidden_in_result)),
        ("with_headers", route_get(with_headers)),
        ("json", route_get(json)),
        ("bytes", route_get(bytes)),
        ("text", route_get(text)),
        ("optional", route_get(|| async { optional().unwrap_or_default() })),
    ];
    for (name, handler) in forms {
        let scrape = scrape_after(handler, Method::GET).await;
        assert_one(&scrape, name);
        assert_eq!(scrape.count("app_stream_chunks_total", &[("endpoint", "/chat")]), 0, "{name}");
    }
}

mod stacked {
    use super::*;

    #[track_tokens(protocol = "openai")]
    #[streaming_metrics(protocol = "openai")]
    pub(super) async fn tracked_first() -> Body {
        Body::from_stream(chat())
    }

    #[instrument_endpoint]
    #[streaming_metrics(protocol = "openai")]
    #[track_tokens(protocol = "openai")]
    pub(super) async fn metered_first() -> Result<Response, StatusCode> {
        Ok(Response::new(Body::from_stream(chat())))
    }

    #[track_tokens(protocol = "openai")]
    #[streaming_metrics(protocol = "openai")]
    pub(super) async fn events_tracked_first() -> Sse<impl Stream<Item = Result<Event, Infallible>>>
    {
        Sse::new(events())
    }

    #[streaming_metrics(protocol = "openai")]
    #[track_tokens(protocol = "openai")]
    pub(super) async fn events_metered_first() -> Sse<impl Stream<Item = Result<Event, Infallible>>>
    {
        Sse::new(events())
    }

    #[streaming_metrics(protocol = "openai", media_type = "text/event-stream")]
    #[track_tokens(protocol = "openai")]
    pub(super) async fn media_type() -> impl Stream<Item = Io<Bytes>> {
        chat()
    }

    /// `streaming_metrics` counts the stream, and `track_tokens` parses its protocol.
    #[track_tokens(protocol = "openai")]
    #[streaming_metrics]
    pub(super) async fn parsed_by_track_tokens() -> Body {
        Body::from_stream(chat())
    }

    #[streaming_metrics]
    #[track_tokens(protocol = "openai")]
    pub(super) async fn events_parsed_by_track_tokens()
    -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
        Sse::new(events())
    }
}

#[tokio::test]
async fn tracked_and_metered_stream_is_one_call() {
    use stacked::*;
    let forms: Vec<(&str, MethodRouter)> = vec![
        ("tracked_first", route_get(tracked_first)),
        ("metered_first", route_get(metered_first)),
        ("events_tracked_first", route_get(events_tracked_first)),
        ("events_metered_first", route_get(events_metered_first)),
        ("media_type", route_get(media_type)),
        ("parsed_by_track_tokens", route_get(parsed_by_track_tokens)),
        ("events_parsed_by_track_tokens", route_get(events_parsed_by_track_tokens)),
    ];
    for (name, handler) in forms {
        let scrape = scrape_after(handler, Method::GET).await;
        assert_one(&scrape, name);
        let labels = [("endpoint", "/chat"), ("outcome", "complete")];
        assert_eq!(scrape.sum("app_stream_duration_seconds_count", &labels), 1, "{name}");
    }
}

/// Two methods with the same name in one module: one is metered, the other tracked.
struct Metered;
struct Tracked;

impl Metered {
    #[streaming_metrics(protocol = "openai")]
    fn chat() -> Body {
        Body::from_stream(chat())
    }
}

impl Tracked {
    #[track_tokens(protocol = "openai")]
    fn chat() -> Body {
        Body::from_stream(chat())
    }
}

#[tokio::test]
async fn call_sites_of_the_same_name_are_separate() {
    for (name, handler) in [
        ("metered", route_get(|| async { Metered::chat() })),
        ("tracked", route_get(|| async { Tracked::chat() })),
    ] {
        assert_one(&scrape_after(handler, Method::GET).await, name);
    }
}

#[track_caller]
fn assert_missing(scrape: &Scrape, finish: &str, missing: &str) {
    assert_eq!(scrape.sum("app_llm_calls_total", &[("finish_reason", finish)]), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", missing)]), 1, "{scrape:#?}");
    assert_eq!(scrape.count("app_token_usage_total", &[]), 0, "{scrape:#?}");
}

#[tokio::test]
async fn compressed_reply_is_not_parsed() {
    #[track_tokens(protocol = "openai")]
    async fn compressed() -> Response {
        ([(CONTENT_ENCODING, "gzip")], WHOLE_REPLY).into_response()
    }
    #[track_tokens(protocol = "openai")]
    async fn compressed_opaque() -> impl IntoResponse {
        ([(CONTENT_ENCODING, "gzip")], WHOLE_REPLY)
    }
    for handler in [route_get(compressed), route_get(compressed_opaque)] {
        assert_missing(&scrape_after(handler, Method::GET).await, "", "unparsed");
    }
}

#[tokio::test]
async fn error_reply_is_a_failed_call() {
    #[track_tokens(protocol = "openai")]
    async fn refused() -> Response {
        (StatusCode::TOO_MANY_REQUESTS, WHOLE_REPLY).into_response()
    }
    #[track_tokens(protocol = "openai")]
    async fn refused_opaque() -> impl IntoResponse {
        (StatusCode::BAD_GATEWAY, WHOLE_REPLY)
    }
    #[track_tokens(protocol = "openai")]
    async fn error() -> Result<Response, StatusCode> {
        Err(StatusCode::BAD_GATEWAY)
    }
    #[track_tokens(protocol = "openai")]
    async fn error_of_opaque() -> Result<impl IntoResponse, StatusCode> {
        Err::<(), _>(StatusCode::BAD_GATEWAY)
    }
    #[streaming_metrics(protocol = "openai")]
    #[track_tokens(protocol = "openai")]
    async fn refused_stream() -> Response {
        (StatusCode::TOO_MANY_REQUESTS, Body::from_stream(chat())).into_response()
    }
    for handler in [
        route_get(refused),
        route_get(refused_opaque),
        route_get(error),
        route_get(error_of_opaque),
        route_get(refused_stream),
    ] {
        let scrape = scrape_after(handler, Method::GET).await;
        assert_eq!(scrape.sum("app_llm_calls_total", &[("finish_reason", "error")]), 1);
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1);
        assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
    }
}

#[tokio::test]
async fn reply_without_a_body_is_one_call() {
    for handler in [route_get(body), route_get(sse), route_get(hidden), route_get(boxed_body)] {
        assert_missing(&scrape_after(handler, Method::HEAD).await, "", "not_sent");
    }
    async fn boxed_body() -> Body {
        Body::from_stream(boxed())
    }
    #[track_tokens(protocol = "openai")]
    async fn none() -> Option<String> {
        None
    }
    let handler = route_get(|| async { none().await.unwrap_or_default() });
    assert_missing(&scrape_after(handler, Method::GET).await, "", "not_sent");
}

#[tokio::test]
async fn manual_usage_counts_if_larger_than_parsed_usage() {
    #[track_tokens(protocol = "openai", model = "m-1")]
    fn manual(usage: bool) -> impl Stream<Item = Io<Bytes>> {
        let frames = if usage { OPENAI.frames() } else { vec![OPENAI.tokens[0], OPENAI.end] };
        source(frames, Ending::Complete).inspect(|_| token_usage_context::record(Usage::new(2, 1)))
    }
    for (usage, tokens) in [(true, 17), (false, 6)] {
        let handler = route_get(move || async move { Body::from_stream(manual(usage)) });
        let scrape = scrape_after(handler, Method::GET).await;
        assert_eq!(scrape.sum("app_token_usage_total", &[("model", "m-1")]), tokens);
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1);
        assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
    }
}

#[tokio::test]
async fn function_name_is_the_endpoint_outside_a_request() {
    #[track_tokens(protocol = "openai")]
    async fn tracked_outside() -> String {
        WHOLE_REPLY.to_owned()
    }
    #[track_tokens(protocol = "openai")]
    fn streamed_outside() -> impl Stream<Item = Io<Bytes>> {
        chat()
    }
    #[track_tokens(protocol = "openai")]
    #[streaming_metrics(protocol = "openai")]
    fn both_outside() -> Body {
        Body::from_stream(chat())
    }
    drop(tracked_outside().await);
    assert_eq!(streamed_outside().count().await, 5);
    assert_eq!(both_outside().into_data_stream().count().await, 5);
    let scrape = Scrape::of(Metrics::global());
    for name in ["tracked_outside", "streamed_outside", "both_outside"] {
        let endpoint = [("endpoint", name)];
        assert_eq!(scrape.sum("app_token_usage_total", &endpoint), 17, "{name}");
        assert_eq!(scrape.sum("app_llm_calls_total", &endpoint), 1, "{name}");
        assert_eq!(scrape.sum("app_usage_missing_total", &endpoint), 0, "{name}");
    }
}

#[tokio::test]
async fn reply_read_by_the_handler_is_parsed_once() {
    let handler = route_get(|| async {
        let bytes = axum::body::to_bytes(body().await, usize::MAX).await;
        bytes.map_err(|_| StatusCode::BAD_GATEWAY)
    });
    let metrics = metrics();
    let app = Router::new().route("/chat", handler).layer(metrics.layer());
    assert_eq!(get(&app, "/chat").await.1, OPENAI.frames().concat());
    assert_one(&settled(&metrics), "read by the handler");
}
