//! Streamed replies without a protocol, which record their usage manually.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::convert::Infallible;
use std::io;
use std::pin::Pin;

use async_stream::stream;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_core::Stream;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt, stream as streams};
use streamgauge::{Usage, token_usage_context, track_tokens};

type EventResult = Result<Event, Infallible>;

#[track_tokens]
fn opaque(text: &str) -> impl Stream<Item = Bytes> {
    stream! {
        yield Bytes::from(text.to_owned());
        token_usage_context::record(Usage::new(1, 2));
    }
}

#[track_tokens]
async fn fallible(
    text: &str,
) -> Result<impl Stream<Item = io::Result<String>> + use<>, StatusCode> {
    let number: u32 = text.parse().map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(streams::iter([Ok(number.to_string())]))
}

#[track_tokens]
async fn events() -> Sse<impl Stream<Item = EventResult>> {
    Sse::new(stream! {
        yield Ok(Event::default().data("a"));
    })
}

#[track_tokens]
async fn events_in_result() -> Result<Sse<BoxStream<'static, EventResult>>, (StatusCode, String)> {
    Ok(Sse::new(streams::empty().boxed()))
}

#[track_tokens]
async fn response(stream: bool) -> Response {
    if !stream {
        return "text".into_response();
    }
    Response::new(Body::from_stream(streams::iter(["a"].map(Ok::<_, Infallible>))))
}

#[track_tokens]
fn response_in_result() -> axum::response::Result<Response> {
    Err(StatusCode::IM_A_TEAPOT)?
}

#[track_tokens]
fn body() -> Body {
    Body::empty()
}

#[track_tokens]
async fn boxed(text: &str) -> Pin<Box<dyn Stream<Item = String> + Send + '_>> {
    Box::pin(streams::iter(text.split(' ').map(str::to_owned)))
}

#[track_tokens]
fn boxed_in_result(flag: bool) -> Result<BoxStream<'static, u32>, Infallible> {
    if flag {
        return Ok(Box::pin(streams::empty()));
    }
    Ok(Box::pin(streams::iter([1])))
}

#[track_tokens]
fn with_status() -> (StatusCode, Sse<BoxStream<'static, EventResult>>) {
    (StatusCode::OK, Sse::new(streams::empty().boxed()))
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!(opaque("a").count().await, 1);
    assert_eq!(fallible("1").await.unwrap().count().await, 1);
    assert_eq!(fallible("a").await.err(), Some(StatusCode::BAD_REQUEST));
    assert_eq!(response(true).await.status(), StatusCode::OK);
    assert!(response_in_result().is_err());
    drop(body());
    assert_eq!(boxed("a b").await.count().await, 2);
    assert_eq!(boxed_in_result(false).unwrap().count().await, 1);
    assert_eq!(with_status().0, StatusCode::OK);
    let _app: Router = Router::new()
        .route("/events", get(events))
        .route("/events_in_result", get(events_in_result));
}
