//! `model` literals that are invalid or reserved label values.

use futures_core::Stream;
use futures_util::stream::empty;
use streamgauge::streaming_metrics;

#[streaming_metrics(model = "")]
fn nothing() -> impl Stream<Item = String> {
    empty()
}

#[streaming_metrics(model = "other", media_type = "text/plain")]
async fn reserved() -> impl Stream<Item = String> {
    empty::<String>()
}

#[streaming_metrics(model = "small\t1")]
fn control_character() -> impl Stream<Item = String> {
    empty()
}

#[streaming_metrics(model = "small-111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111")]
fn too_long() -> impl Stream<Item = String> {
    empty()
}

#[tokio::main]
async fn main() {
    drop(nothing());
    drop(reserved().await);
    drop(control_character());
    drop(too_long());
}
