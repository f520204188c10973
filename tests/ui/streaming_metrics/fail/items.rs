//! Streams whose items do not implement `StreamChunk`.

use std::convert::Infallible;

use axum::response::sse::Event;
use futures_core::Stream;
use futures_core::stream::BoxStream;
use futures_util::stream::{empty, iter};
use streamgauge::streaming_metrics;

struct Delta;

#[streaming_metrics]
fn numbers() -> impl Stream<Item = u32> {
    iter([1, 2, 3])
}

#[streaming_metrics]
async fn own_type() -> impl Stream<Item = Result<Delta, Infallible>> {
    iter([Ok(Delta)])
}

#[streaming_metrics]
fn events() -> Result<impl Stream<Item = Result<Event, Infallible>>, String> {
    Ok(empty())
}

#[streaming_metrics]
fn boxed() -> BoxStream<'static, Delta> {
    Box::pin(empty())
}

#[tokio::main]
async fn main() {
    drop(numbers());
    drop(own_type().await);
    drop(events());
    drop(boxed());
}
