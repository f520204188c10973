//! Invalid protocols, and a provider without a protocol.

use axum::response::Response;
use futures_core::Stream;
use futures_util::stream::empty;
use streamgauge::streaming_metrics;

#[streaming_metrics(protocol = "open-ai")]
fn misspelt() -> impl Stream<Item = String> {
    empty()
}

#[streaming_metrics(protocol = "OpenAI")]
fn in_capitals() -> impl Stream<Item = String> {
    empty()
}

#[streaming_metrics(protocol = "smoke signals")]
async fn unknown() -> Response {
    Response::default()
}

#[streaming_metrics(protocol = openai)]
fn no_string() -> impl Stream<Item = String> {
    empty()
}

#[streaming_metrics(protocol)]
fn no_value() -> impl Stream<Item = String> {
    empty()
}

#[streaming_metrics(protocol = "")]
fn nothing() -> impl Stream<Item = String> {
    empty()
}

#[streaming_metrics(provider = "house")]
fn provider_alone() -> impl Stream<Item = String> {
    empty()
}

#[streaming_metrics(protocl = "openai", provider = 7)]
fn several() -> impl Stream<Item = String> {
    empty()
}

#[tokio::main]
async fn main() {
    drop(misspelt());
    drop(in_capitals());
    drop(unknown().await);
    drop(no_string());
    drop(no_value());
    drop(nothing());
    drop(provider_alone());
    drop(several());
}
