//! Operations that are none, or that label no model call.

use futures_core::Stream;
use futures_util::stream::empty;
use streamgauge::streaming_metrics;

#[streaming_metrics(protocol = "openai", operation = "chta")]
fn mistyped() -> impl Stream<Item = String> {
    empty()
}

#[streaming_metrics(protocol = "openai", operation = Operation::Chat)]
fn not_a_literal() -> impl Stream<Item = String> {
    empty()
}

#[streaming_metrics(operation = "chat")]
fn without_protocol() -> impl Stream<Item = String> {
    empty()
}

#[streaming_metrics(operation = "chat", provider = "house", media_type = "text/plain")]
fn two_without_protocol() -> impl Stream<Item = String> {
    empty()
}

#[streaming_metrics(separate)]
fn of_another_attribute() -> impl Stream<Item = String> {
    empty()
}

fn main() {
    drop(mistyped());
    drop(not_a_literal());
    drop(without_protocol());
    drop(two_without_protocol());
    drop(of_another_attribute());
}
