//! Streams of `Event` that `media_type` turns into a response.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::convert::Infallible;

use axum::response::sse::Event;
use axum::{Router, routing::get};
use futures_core::Stream;
use futures_util::stream::iter;
use streamgauge::streaming_metrics;

#[streaming_metrics(media_type = "text/event-stream")]
async fn events() -> impl Stream<Item = Event> {
    iter([Event::default().data("a")])
}

#[streaming_metrics(media_type = "text/event-stream", protocol = "openai")]
fn results() -> impl Stream<Item = Result<Event, Infallible>> {
    iter([Ok(Event::default().data("[DONE]"))])
}

#[streaming_metrics(media_type = "text/event-stream")]
async fn in_result() -> Result<impl Stream<Item = Result<Event, std::io::Error>>, String> {
    Ok(iter([Ok(Event::default().data("a"))]))
}

pub(crate) fn main() {
    let router = Router::<()>::new()
        .route("/events", get(events))
        .route("/results", get(|| async { results() }))
        .route("/in-result", get(in_result));
    drop(router);
}
