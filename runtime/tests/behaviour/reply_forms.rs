//! A tracked call's protocol is read in every form of a reply, once.

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

use crate::samples::{Frames, Io, OPENAI, Then, source};

const WHOLE: &str = r#"{"model":"m-1","choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17}}"#;

fn chat() -> impl Stream<Item = Io<Bytes>> + Send {
    source(OPENAI.whole(), Then::End)
}

fn events() -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let data = OPENAI.whole().into_iter().flat_map(|frame| frame.split("\n\n"));
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
async fn response_in_one_piece() -> Response {
    ([(CONTENT_TYPE, "application/json")], WHOLE).into_response()
}

#[track_tokens(protocol = "openai")]
async fn sse() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(events())
}

#[track_tokens(protocol = "openai")]
async fn hidden() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], WHOLE)
}

#[track_tokens(protocol = "openai")]
async fn hidden_in_result() -> Result<impl IntoResponse, StatusCode> {
    Ok(WHOLE)
}

#[track_tokens(protocol = "openai")]
async fn with_headers() -> (StatusCode, HeaderMap, String) {
    (StatusCode::OK, HeaderMap::new(), WHOLE.to_owned())
}

#[track_tokens(protocol = "openai")]
async fn json() -> Json<serde_json::Value> {
    Json(serde_json::from_str(WHOLE).expect("it is JSON"))
}

#[track_tokens(protocol = "openai")]
async fn bytes() -> Bytes {
    Bytes::from_static(WHOLE.as_bytes())
}

#[track_tokens(protocol = "openai")]
async fn text() -> Result<&'static str, StatusCode> {
    Ok(WHOLE)
}

#[track_tokens(protocol = "openai")]
fn optional() -> Option<String> {
    Some(WHOLE.to_owned())
}

async fn after(handler: MethodRouter, method: Method) -> Scrape {
    let metrics = metrics();
    let app = Router::new().route("/chat", handler).layer(metrics.layer());
    let response = send(&app, method, "/chat").await;
    let _ = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    settled(&metrics)
}

/// One call of 17 tokens, as all of these are.
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
async fn every_form_of_a_reply_is_read() {
    let forms: Vec<(&str, MethodRouter)> = vec![
        ("opaque", route_get(|| async { Body::from_stream(opaque()) })),
        ("in_result", route_get(|| async { in_result().await.map(Body::from_stream) })),
        ("boxed", route_get(|| async { Body::from_stream(boxed()) })),
        ("body", route_get(body)),
        ("response", route_get(response)),
        ("response_in_one_piece", route_get(response_in_one_piece)),
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
        let scrape = after(handler, Method::GET).await;
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
    pub(super) async fn made() -> impl Stream<Item = Io<Bytes>> {
        chat()
    }

    /// Here the stream is counted by one, and read by the other.
    #[track_tokens(protocol = "openai")]
    #[streaming_metrics]
    pub(super) async fn read_by_one() -> Body {
        Body::from_stream(chat())
    }

    #[streaming_metrics]
    #[track_tokens(protocol = "openai")]
    pub(super) async fn events_read_by_one() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
        Sse::new(events())
    }
}

#[tokio::test]
async fn a_stream_that_is_metered_and_tracked_is_one_call() {
    use stacked::*;
    let forms: Vec<(&str, MethodRouter)> = vec![
        ("tracked_first", route_get(tracked_first)),
        ("metered_first", route_get(metered_first)),
        ("events_tracked_first", route_get(events_tracked_first)),
        ("events_metered_first", route_get(events_metered_first)),
        ("made", route_get(made)),
        ("read_by_one", route_get(read_by_one)),
        ("events_read_by_one", route_get(events_read_by_one)),
    ];
    for (name, handler) in forms {
        let scrape = after(handler, Method::GET).await;
        assert_one(&scrape, name);
        let labels = [("endpoint", "/chat"), ("outcome", "complete")];
        assert_eq!(scrape.sum("app_stream_duration_seconds_count", &labels), 1, "{name}");
    }
}

/// Methods of one name in one module, of which one is metered.
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
async fn functions_of_one_name_are_told_apart() {
    for (name, handler) in [
        ("metered", route_get(|| async { Metered::chat() })),
        ("tracked", route_get(|| async { Tracked::chat() })),
    ] {
        assert_one(&after(handler, Method::GET).await, name);
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
async fn what_is_compressed_is_not_read() {
    #[track_tokens(protocol = "openai")]
    async fn compressed() -> Response {
        ([(CONTENT_ENCODING, "gzip")], WHOLE).into_response()
    }
    #[track_tokens(protocol = "openai")]
    async fn compressed_as_sent() -> impl IntoResponse {
        ([(CONTENT_ENCODING, "gzip")], WHOLE)
    }
    for handler in [route_get(compressed), route_get(compressed_as_sent)] {
        assert_missing(&after(handler, Method::GET).await, "", "unparsed");
    }
}

#[tokio::test]
async fn a_reply_that_is_an_error_is_a_call_that_failed() {
    #[track_tokens(protocol = "openai")]
    async fn refused() -> Response {
        (StatusCode::TOO_MANY_REQUESTS, WHOLE).into_response()
    }
    #[track_tokens(protocol = "openai")]
    async fn refused_as_sent() -> impl IntoResponse {
        (StatusCode::BAD_GATEWAY, WHOLE)
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
        route_get(refused_as_sent),
        route_get(error),
        route_get(error_of_opaque),
        route_get(refused_stream),
    ] {
        assert_missing(&after(handler, Method::GET).await, "error", "not_sent");
    }
}

#[tokio::test]
async fn a_reply_without_a_body_is_one_call() {
    for handler in [route_get(body), route_get(sse), route_get(hidden), route_get(boxed_body)] {
        assert_missing(&after(handler, Method::HEAD).await, "", "not_sent");
    }
    async fn boxed_body() -> Body {
        Body::from_stream(boxed())
    }
    #[track_tokens(protocol = "openai")]
    async fn none() -> Option<String> {
        None
    }
    let handler = route_get(|| async { none().await.unwrap_or_default() });
    assert_missing(&after(handler, Method::GET).await, "", "not_sent");
}

#[tokio::test]
async fn what_is_recorded_by_hand_counts_where_the_bytes_tell_of_less() {
    #[track_tokens(protocol = "openai", model = "m-1")]
    fn by_hand(usage: bool) -> impl Stream<Item = Io<Bytes>> {
        let frames = if usage { OPENAI.whole() } else { vec![OPENAI.tokens[0], OPENAI.end] };
        source(frames, Then::End).inspect(|_| token_usage_context::record(Usage::new(2, 1)))
    }
    for (usage, tokens) in [(true, 17), (false, 6)] {
        let handler = route_get(move || async move { Body::from_stream(by_hand(usage)) });
        let scrape = after(handler, Method::GET).await;
        assert_eq!(scrape.sum("app_token_usage_total", &[("model", "m-1")]), tokens);
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1);
        assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
    }
}

#[tokio::test]
async fn outside_a_request_a_call_has_the_functions_name() {
    #[track_tokens(protocol = "openai")]
    async fn tracked_outside() -> String {
        WHOLE.to_owned()
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
async fn a_reply_that_the_handler_reads_itself_is_read_once() {
    let handler = route_get(|| async {
        let bytes = axum::body::to_bytes(body().await, usize::MAX).await;
        bytes.map_err(|_| StatusCode::BAD_GATEWAY)
    });
    let metrics = metrics();
    let app = Router::new().route("/chat", handler).layer(metrics.layer());
    assert_eq!(get(&app, "/chat").await.1, OPENAI.whole().concat());
    assert_one(&settled(&metrics), "read by the handler");
}
