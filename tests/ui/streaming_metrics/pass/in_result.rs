//! Streams in a `Result`, also under an alias.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::convert::Infallible;
use std::io;

use async_stream::stream;
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, body::Body};
use futures_core::Stream;
use futures_util::{StreamExt, stream as streams};
use streamgauge::streaming_metrics;

#[derive(Debug)]
struct Refusal;

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        StatusCode::NOT_FOUND.into_response()
    }
}

impl From<std::num::ParseIntError> for Refusal {
    fn from(_: std::num::ParseIntError) -> Self {
        Self
    }
}

type AppResult<T> = Result<T, Refusal>;

#[streaming_metrics]
fn opaque(count: &str) -> Result<impl Stream<Item = String>, Refusal> {
    let count: usize = count.parse()?;
    if count == 0 {
        return Err(Refusal);
    }
    Ok(streams::repeat("a".to_owned()).take(count))
}

#[streaming_metrics]
async fn opaque_later(
    count: &str,
) -> std::result::Result<impl Stream<Item = String> + use<>, Refusal> {
    let count: usize = count.parse()?;
    Ok(stream! {
        for number in 0..count {
            yield number.to_string();
        }
    })
}

#[streaming_metrics]
fn of_io(path: &str) -> io::Result<impl Stream<Item = io::Result<String>>> {
    if path.is_empty() {
        Err(io::ErrorKind::NotFound)?;
    }
    Ok(streams::iter(path.split('/').map(|part| Ok(part.to_owned()))))
}

#[streaming_metrics]
async fn of_the_app() -> AppResult<impl Stream<Item = String>> {
    Ok(streams::empty())
}

#[streaming_metrics]
async fn events(
    fail: axum::extract::Path<bool>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    if fail.0 {
        return Err(Refusal);
    }
    Ok(Sse::new(streams::iter([Ok(Event::default().data("a"))])))
}

#[streaming_metrics]
async fn events_of_axum()
-> axum::response::Result<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    Err(StatusCode::IM_A_TEAPOT)?;
    Ok(Sse::new(streams::empty()))
}

#[streaming_metrics]
async fn response(fail: bool) -> AppResult<Response> {
    if fail { Err(Refusal) } else { Ok(Response::new(Body::empty())) }
}

#[streaming_metrics]
async fn opaque_response() -> Result<impl IntoResponse, Refusal> {
    Ok("text")
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert!(opaque("0").is_err());
    assert!(opaque("many").is_err());
    assert_eq!(opaque("2").unwrap().count().await, 2);
    assert_eq!(opaque_later("2").await.unwrap().count().await, 2);
    assert!(of_io("").is_err());
    assert_eq!(of_io("a/b").unwrap().count().await, 2);
    assert_eq!(of_the_app().await.unwrap().count().await, 0);
    assert!(response(true).await.is_err());
    assert_eq!(response(false).await.unwrap().status(), StatusCode::OK);
    assert_eq!(opaque_response().await.into_response().status(), StatusCode::OK);
    let _app: Router = Router::new()
        .route("/events/{fail}", get(events))
        .route("/events_of_axum", get(events_of_axum))
        .route("/opaque_response", get(opaque_response));
}
