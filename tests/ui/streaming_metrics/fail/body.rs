//! Errors in the body are reported as without the attribute: once, and at the same location.

use std::pin::Pin;

use axum::http::StatusCode;
use futures_core::Stream;
use futures_util::stream::{empty, iter};
use streamgauge::streaming_metrics;

#[streaming_metrics]
fn other_items() -> impl Stream<Item = String> {
    iter([1, 2, 3])
}

#[streaming_metrics]
async fn no_stream() -> impl Stream<Item = String> {
    "text"
}

#[streaming_metrics]
fn wrong_return(flag: bool) -> Result<impl Stream<Item = String>, StatusCode> {
    if flag {
        return Err("text");
    }
    Ok(empty())
}

#[streaming_metrics]
async fn not_boxed() -> Pin<Box<dyn Stream<Item = String> + Send>> {
    empty()
}

#[streaming_metrics]
fn no_value() -> Pin<Box<dyn Stream<Item = String>>> {
    empty::<String>();
}

#[streaming_metrics]
async fn missing(count: usize) -> impl Stream<Item = String> {
    iter(vec![absent; count])
}

#[tokio::main]
async fn main() {
    drop(other_items());
    drop(no_stream().await);
    let _ = wrong_return(true);
    drop(not_boxed().await);
    drop(no_value());
    drop(missing(1).await);
}
