//! Objectives that an attribute cannot have.

use futures_core::Stream;
use streamgauge::streaming_metrics;

#[streaming_metrics(endpoint = "/a", objective(success = 99.9))]
fn condition_of_requests() -> impl Stream<Item = &'static str> {
    futures_util::stream::empty()
}

#[streaming_metrics(objective(first_token("1s", 95.0)))]
fn without_endpoint() -> impl Stream<Item = &'static str> {
    futures_util::stream::empty()
}

#[streaming_metrics(endpoint = "/a", objective(first_token("1s", 95.0)))]
fn without_protocol() -> impl Stream<Item = &'static str> {
    futures_util::stream::empty()
}

fn main() {}
