//! Streams of a named type, which the attribute cannot wrap without changing the type.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use futures_core::Stream;
use futures_util::stream::{Empty, empty};
use streamgauge::streaming_metrics;

struct Numbers;

impl Stream for Numbers {
    type Item = String;

    fn poll_next(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<String>> {
        Poll::Ready(None)
    }
}

#[streaming_metrics]
fn own() -> Numbers {
    Numbers
}

#[streaming_metrics]
async fn of_a_library() -> Result<Empty<Bytes>, String> {
    Ok(empty())
}

#[streaming_metrics]
fn optional() -> Option<impl Stream<Item = Bytes>> {
    Some(empty())
}

#[streaming_metrics]
fn boxed() -> Box<dyn Stream<Item = Bytes> + Unpin> {
    Box::new(empty())
}

#[tokio::main]
async fn main() {
    drop(own());
    drop(of_a_library().await);
    drop(optional());
    drop(boxed());
}
