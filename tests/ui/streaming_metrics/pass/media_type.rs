//! Stream functions that `media_type` turns into handlers.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::convert::Infallible;
use std::io;

use async_stream::{stream, try_stream};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use axum::routing::get;
use futures_core::Stream;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt, TryStream, stream as streams};
use streamgauge::streaming_metrics;

#[streaming_metrics(media_type = "text/plain; charset=utf-8")]
fn now(lines: Vec<String>) -> impl Stream<Item = io::Result<Bytes>> {
    try_stream! {
        for line in lines {
            yield Bytes::from(line);
        }
    }
}

#[streaming_metrics(media_type = "text/plain")]
fn tried() -> impl TryStream<Ok = String, Error = String> + Send {
    streams::iter([Ok("one".to_owned())])
}

#[streaming_metrics(media_type = "application/x-ndjson")]
async fn later(State(times): State<u32>, Path(mut from): Path<u32>) -> impl Stream<Item = String> {
    tokio::task::yield_now().await;
    stream! {
        while from < times {
            yield format!("{from}\n");
            from += 1;
        }
    }
}

#[streaming_metrics(media_type = "text/csv")]
fn fallible_now(text: &str) -> Result<impl Stream<Item = Vec<u8>>, std::num::ParseIntError> {
    let number: u8 = text.parse()?;
    Ok(streams::iter([vec![number]]))
}

#[streaming_metrics(media_type = "text/csv", endpoint = "/csv/{from}")]
async fn fallible(
    Path(from): Path<u32>,
) -> Result<impl Stream<Item = Result<&'static str, Infallible>>, (StatusCode, String)> {
    if from == 0 {
        return Err((StatusCode::BAD_REQUEST, "from 1".to_owned()));
    }
    Ok(streams::iter(["a", "b"].map(Ok)))
}

#[streaming_metrics(media_type = "text/plain")]
async fn boxed(flag: bool) -> BoxStream<'static, String> {
    if flag {
        return streams::empty().boxed();
    }
    Box::pin(streams::iter(["a".to_owned()]))
}

#[streaming_metrics(media_type = "text/plain")]
async fn boxed_fallible() -> Result<BoxStream<'static, &'static [u8]>, StatusCode> {
    Ok(Box::pin(streams::iter([b"a".as_slice()])))
}

/// A stream of a named type becomes a response too.
#[streaming_metrics(media_type = "text/plain")]
fn named() -> streams::Empty<String> {
    streams::empty()
}

/// The stream must not borrow from the arguments, but the function may take references.
#[streaming_metrics(media_type = "text/plain")]
fn from_borrowed(text: &str) -> impl Stream<Item = String> + use<> {
    streams::iter([text.to_owned()])
}

fn media_type(response: &Response) -> &str {
    response.headers()[CONTENT_TYPE].to_str().unwrap()
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!(media_type(&now(vec![])), "text/plain; charset=utf-8");
    assert_eq!(media_type(&later(State(2), Path(0)).await), "application/x-ndjson");
    assert_eq!(media_type(&fallible_now("7").unwrap()), "text/csv");
    assert!(fallible_now("seven").is_err());
    assert_eq!(fallible(Path(0)).await.unwrap_err().0, StatusCode::BAD_REQUEST);
    assert_eq!(boxed(true).await.status(), StatusCode::OK);
    assert_eq!(boxed_fallible().await.unwrap().status(), StatusCode::OK);
    assert_eq!(named().status(), StatusCode::OK);
    assert_eq!(media_type(&tried()), "text/plain");
    assert_eq!(from_borrowed("a").status(), StatusCode::OK);
    let _app: Router = Router::new()
        .route("/later/{from}", get(later))
        .route("/csv/{from}", get(fallible))
        .route("/boxed_fallible", get(boxed_fallible))
        .with_state(3);
}
