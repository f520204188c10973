//! A tuple of a status and `Sse` is not a supported return type.

use std::convert::Infallible;

use axum::http::StatusCode;
use axum::response::Sse;
use axum::response::sse::Event;
use futures_core::Stream;
use futures_util::stream::empty;
use streamgauge::streaming_metrics;

#[streaming_metrics]
async fn events() -> (StatusCode, Sse<impl Stream<Item = Result<Event, Infallible>>>) {
    (StatusCode::OK, Sse::new(empty()))
}

fn main() {
    drop(events());
}
