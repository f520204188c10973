//! `protocol` on every supported stream type.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::convert::Infallible;
use std::pin::Pin;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use futures_util::{StreamExt, stream::iter};
use streamgauge::{instrument_endpoint, streaming_metrics, track_tokens};

const HOUSE: &str = "house";

struct Request {
    model: String,
    provider: Option<String>,
}

#[streaming_metrics(protocol = "openai")]
fn opaque() -> impl Stream<Item = Bytes> + Send {
    iter([Bytes::new()])
}

#[streaming_metrics(protocol = "anthropic", provider = "anthropic")]
async fn in_result() -> Result<impl Stream<Item = Result<String, std::io::Error>>, StatusCode> {
    Ok(iter([Ok(String::new())]))
}

#[streaming_metrics(protocol = "gemini", provider = HOUSE)]
fn boxed() -> Pin<Box<dyn Stream<Item = Vec<u8>> + Send>> {
    Box::pin(iter([Vec::new()]))
}

#[streaming_metrics(protocol = "ollama", media_type = "application/x-ndjson")]
async fn lines() -> impl Stream<Item = String> {
    iter([String::new()])
}

/// The body may move the values that the labels were read from.
#[instrument_endpoint]
#[streaming_metrics(protocol = "auto", provider = request.provider, model = request.model)]
#[track_tokens]
async fn events(
    Json(request): Json<Request>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let texts = [request.model, request.provider.unwrap_or_default()];
    Sse::new(iter(texts).map(|text| Ok(Event::default().data(text))))
}

#[streaming_metrics(protocol = "openai", provider = format!("{HOUSE}-{size}"))]
async fn response(size: u32) -> Response {
    size.to_string().into_response()
}

#[track_tokens(provider = "house")]
#[streaming_metrics(protocol = "openai")]
fn body() -> Body {
    Body::empty()
}

#[streaming_metrics(protocol = "openai")]
async fn hidden() -> impl IntoResponse {
    Body::empty()
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let request = Request { model: "small-1".to_owned(), provider: None };
    assert_eq!(opaque().count().await, 1);
    assert_eq!(in_result().await.expect("the stream is returned").count().await, 1);
    assert_eq!(boxed().count().await, 1);
    assert_eq!(lines().await.headers()["content-type"], "application/x-ndjson");
    drop(events(Json(request)).await);
    drop(response(1).await);
    drop(body());
    drop(hidden().await);
}
