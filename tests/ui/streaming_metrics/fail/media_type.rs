//! Invalid media types.

use axum::body::Bytes;
use futures_core::Stream;
use futures_util::stream::empty;
use streamgauge::streaming_metrics;

#[streaming_metrics(media_type = "text")]
fn no_subtype() -> impl Stream<Item = Bytes> {
    empty::<Bytes>()
}

#[streaming_metrics(media_type = "")]
fn nothing() -> impl Stream<Item = Bytes> {
    empty::<Bytes>()
}

#[streaming_metrics(media_type = "/plain")]
fn no_type() -> impl Stream<Item = Bytes> {
    empty::<Bytes>()
}

#[streaming_metrics(media_type = "text/; charset=utf-8")]
fn only_a_parameter() -> impl Stream<Item = Bytes> {
    empty::<Bytes>()
}

#[streaming_metrics(media_type = "text/plain\n")]
fn control_character() -> impl Stream<Item = Bytes> {
    empty::<Bytes>()
}

fn main() {
    drop(no_subtype());
    drop(nothing());
    drop(no_type());
    drop(only_a_parameter());
    drop(control_character());
}
