//! `provider` expressions that are not text or do not resolve.

use futures_core::Stream;
use futures_util::stream::empty;
use streamgauge::streaming_metrics;

#[streaming_metrics(protocol = "auto", provider = size)]
fn number(size: u32) -> impl Stream<Item = String> {
    println!("{size}");
    empty()
}

#[streaming_metrics(protocol = "auto", provider = provder)]
fn missing(provider: &str) -> impl Stream<Item = String> {
    println!("{provider}");
    empty()
}

fn main() {
    drop(number(1));
    drop(missing("house"));
}
