//! With a media type the body is still checked against the declared stream type.

use axum::body::Bytes;
use futures_core::Stream;
use futures_util::stream::{empty, iter};
use streamgauge::streaming_metrics;

#[streaming_metrics(media_type = "text/plain")]
fn other_items() -> impl Stream<Item = Bytes> {
    iter(["text".to_owned()])
}

#[streaming_metrics(media_type = "text/plain")]
async fn no_such_type() -> impl Stream<Item = Bites> {
    empty::<Bytes>()
}

#[tokio::main]
async fn main() {
    drop(other_items());
    drop(no_such_type().await);
}
