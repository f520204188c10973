//! Media types whose parts are not valid tokens.

use axum::body::Bytes;
use futures_core::Stream;
use futures_util::stream::empty;
use streamgauge::streaming_metrics;

#[streaming_metrics(media_type = "text/plain, text/html")]
fn two() -> impl Stream<Item = Bytes> {
    empty::<Bytes>()
}

#[streaming_metrics(media_type = "text /plain")]
fn space() -> impl Stream<Item = Bytes> {
    empty::<Bytes>()
}

#[streaming_metrics(media_type = "text/plain/more")]
fn two_slashes() -> impl Stream<Item = Bytes> {
    empty::<Bytes>()
}

fn main() {
    drop(two());
    drop(space());
    drop(two_slashes());
}
