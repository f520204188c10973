//! `media_type` with a status and headers beside the stream.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::convert::Infallible;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::response::sse::Event;
use axum::routing::get;
use futures_core::Stream;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt, stream as streams};
use streamgauge::{streaming_metrics, track_tokens};

fn headers() -> HeaderMap {
    HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static("no-store"))])
}

#[streaming_metrics(media_type = "text/event-stream")]
async fn status() -> (StatusCode, impl Stream<Item = Bytes>) {
    (StatusCode::ACCEPTED, streams::iter([Bytes::new()]))
}

#[streaming_metrics(media_type = "text/event-stream")]
fn only_headers() -> (HeaderMap, impl Stream<Item = Event>) {
    (headers(), streams::iter([Event::default()]))
}

#[streaming_metrics(media_type = "text/event-stream", protocol = "openai", operation = "chat")]
#[track_tokens(protocol = "openai")]
async fn both(
    State(accepted): State<bool>,
) -> Result<(StatusCode, HeaderMap, impl Stream<Item = Result<String, Infallible>>), StatusCode> {
    if !accepted {
        return Err(StatusCode::FORBIDDEN);
    }
    Ok((StatusCode::CREATED, headers(), streams::iter([Ok(String::new())])))
}

#[track_tokens(model = "small-1")]
#[streaming_metrics(media_type = "text/event-stream", protocol = "openai")]
async fn above() -> (StatusCode, impl Stream<Item = String>) {
    (StatusCode::OK, streams::empty())
}

/// The headers name another media type, which loses.
#[streaming_metrics(media_type = "text/csv")]
fn named() -> (StatusCode, [(HeaderName, &'static str); 1], streams::Empty<String>) {
    (StatusCode::OK, [(CONTENT_TYPE, "text/html")], streams::empty())
}

#[streaming_metrics(media_type = "text/csv")]
fn boxed() -> Result<Result<(HeaderMap, BoxStream<'static, String>), String>, StatusCode> {
    Ok(Ok((headers(), streams::empty().boxed())))
}

/// A header that axum cannot send makes the response an error.
#[streaming_metrics(media_type = "text/csv")]
fn invalid() -> ([(&'static str, &'static str); 1], streams::Empty<String>) {
    ([("not a header", "")], streams::empty())
}

fn header(response: &Response, name: HeaderName) -> &str {
    response.headers()[name].to_str().unwrap()
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let response = status().await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(header(&response, CONTENT_TYPE), "text/event-stream");
    let response = only_headers();
    assert_eq!(header(&response, CACHE_CONTROL), "no-store");
    let response = both(State(true)).await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(header(&response, CONTENT_TYPE), "text/event-stream");
    assert_eq!(header(&response, CACHE_CONTROL), "no-store");
    assert_eq!(both(State(false)).await.unwrap_err(), StatusCode::FORBIDDEN);
    assert_eq!(above().await.status(), StatusCode::OK);
    assert_eq!(header(&named(), CONTENT_TYPE), "text/csv");
    let response = boxed().unwrap().unwrap();
    assert_eq!(header(&response, CACHE_CONTROL), "no-store");
    assert_eq!(invalid().status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!invalid().headers().contains_key(RETRY_AFTER));
    let _app: Router = Router::new()
        .route("/status", get(status))
        .route("/only_headers", get(|| async { only_headers() }))
        .route("/both", get(both))
        .with_state(true);
}
