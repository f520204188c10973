//! `protocol` on every supported return type.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::convert::Infallible;
use std::pin::Pin;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use futures_util::{StreamExt, stream::iter};
use streamgauge::{instrument_endpoint, streaming_metrics, track_tokens};

struct Request {
    model: String,
}

#[track_tokens(protocol = "openai")]
fn opaque() -> impl Stream<Item = Bytes> + Send {
    iter([Bytes::new()])
}

#[track_tokens(protocol = "anthropic", provider = "anthropic")]
async fn in_result(
    fail: bool,
) -> Result<impl Stream<Item = Result<String, std::io::Error>>, StatusCode> {
    if fail {
        return Err(StatusCode::BAD_GATEWAY);
    }
    Ok(iter([Ok(String::new())]))
}

#[track_tokens(protocol = "gemini")]
fn boxed() -> Pin<Box<dyn Stream<Item = Vec<u8>> + Send>> {
    Box::pin(iter([Vec::new()]))
}

/// The body may move the values that the labels were read from.
#[instrument_endpoint]
#[streaming_metrics]
#[track_tokens(protocol = "auto", model = request.model)]
async fn events(
    Json(request): Json<Request>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(iter([Ok(Event::default().data(request.model))]))
}

#[track_tokens(protocol = "openai", endpoint = "/response/{size}")]
async fn response(size: u32) -> Response {
    size.to_string().into_response()
}

#[track_tokens(protocol = "openai")]
#[streaming_metrics(protocol = "openai")]
fn body() -> Body {
    Body::empty()
}

#[streaming_metrics(protocol = "openai", media_type = "text/event-stream")]
#[track_tokens(protocol = "openai")]
async fn made() -> impl Stream<Item = Event> {
    iter([Event::default()])
}

#[track_tokens(protocol = "openai")]
async fn hidden() -> impl IntoResponse {
    Body::empty()
}

#[track_tokens(protocol = "openai")]
async fn hidden_in_result(
    text: &str,
) -> Result<impl IntoResponse + use<>, std::num::ParseIntError> {
    let number: u32 = text.parse()?;
    Ok(number.to_string())
}

#[track_tokens(protocol = "ollama")]
async fn with_headers() -> Result<(StatusCode, HeaderMap, Json<u32>), StatusCode> {
    Ok((StatusCode::OK, HeaderMap::new(), Json(1)))
}

#[track_tokens(protocol = "openai")]
async fn json() -> Json<u32> {
    Json(1)
}

#[track_tokens(protocol = "openai")]
fn bytes() -> Option<Bytes> {
    Some(Bytes::new())
}

#[track_tokens(protocol = "openai")]
fn text(text: &str) -> &str {
    text
}

#[track_tokens(protocol = "openai")]
fn copied(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!(opaque().count().await, 1);
    assert_eq!(in_result(false).await.expect("the stream is returned").count().await, 1);
    assert_eq!(in_result(true).await.err(), Some(StatusCode::BAD_GATEWAY));
    assert_eq!(boxed().count().await, 1);
    drop(events(Json(Request { model: "small-1".to_owned() })).await);
    assert_eq!(response(1).await.status(), StatusCode::OK);
    drop(body());
    assert_eq!(made().await.headers()["content-type"], "text/event-stream");
    drop(hidden().await);
    assert!(hidden_in_result("one").await.is_err());
    assert_eq!(with_headers().await.map(|(.., number)| number.0), Ok(1));
    assert_eq!(json().await.0, 1);
    assert_eq!(bytes(), Some(Bytes::new()));
    assert_eq!(text("a"), "a");
    assert_eq!(copied("a"), "a");
}
