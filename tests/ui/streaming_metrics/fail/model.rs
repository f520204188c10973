//! `model` expressions that are not text or do not resolve.

use futures_core::Stream;
use futures_util::stream::empty;
use streamgauge::streaming_metrics;

#[streaming_metrics(model = size)]
fn number(size: u32) -> impl Stream<Item = String> {
    println!("{size}");
    empty()
}

#[streaming_metrics(model = mdoel)]
fn missing(model: &str) -> impl Stream<Item = String> {
    println!("{model}");
    empty()
}

fn main() {
    drop(number(1));
    drop(missing("small-1"));
}
