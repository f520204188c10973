//! Responses: the attribute meters their body.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::sse::{Event, KeepAlive, KeepAliveStream, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_core::Stream;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt, stream as streams};
use streamgauge::streaming_metrics;

type EventResult = Result<Event, Infallible>;

fn source() -> impl Stream<Item = EventResult> {
    streams::iter([Ok(Event::default().data("a"))])
}

#[streaming_metrics]
async fn events(State(times): State<usize>) -> Sse<impl Stream<Item = EventResult>> {
    Sse::new(streams::iter(0..times).flat_map(|_| source().boxed()))
}

#[streaming_metrics]
fn events_now() -> Sse<BoxStream<'static, EventResult>> {
    Sse::new(source().boxed())
}

#[streaming_metrics]
async fn kept_alive() -> Sse<KeepAliveStream<impl Stream<Item = EventResult>>> {
    Sse::new(source()).keep_alive(KeepAlive::new().interval(Duration::from_secs(1)))
}

#[streaming_metrics]
async fn response(State(times): State<usize>) -> Response {
    if times == 0 {
        return StatusCode::NO_CONTENT.into_response();
    }
    Response::new(Body::from_stream(streams::iter(["a", "b"].map(Ok::<_, Infallible>))))
}

#[streaming_metrics]
fn body() -> Body {
    Body::from("text")
}

#[streaming_metrics]
async fn opaque(State(times): State<usize>) -> impl IntoResponse {
    let body = Body::from_stream(streams::iter(vec![Ok::<_, Infallible>("a"); times]));
    ([(CONTENT_TYPE, "text/plain")], body)
}

#[streaming_metrics]
fn opaque_now() -> impl IntoResponse + Send + use<> {
    (StatusCode::ACCEPTED, Sse::new(source()))
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!(response(State(0)).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(response(State(1)).await.status(), StatusCode::OK);
    assert_eq!(opaque(State(1)).await.into_response().status(), StatusCode::OK);
    assert_eq!(opaque_now().into_response().status(), StatusCode::ACCEPTED);
    let _app: Router = Router::new()
        .route("/events", get(events))
        .route("/events_now", get(|| async { events_now() }))
        .route("/kept_alive", get(kept_alive))
        .route("/response", get(response))
        .route("/body", get(|| async { body() }))
        .route("/opaque", get(opaque))
        .with_state(1);
}
