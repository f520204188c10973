//! A stream in a tuple is no response without a media type, and a response needs none.

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use futures_util::stream::{Empty, empty};
use streamgauge::streaming_metrics;

#[streaming_metrics]
async fn status() -> (StatusCode, impl Stream<Item = String>) {
    (StatusCode::OK, empty())
}

#[streaming_metrics]
fn in_result() -> Result<(HeaderMap, impl Stream<Item = String>), StatusCode> {
    Ok((HeaderMap::new(), empty()))
}

#[streaming_metrics]
fn named() -> (StatusCode, Empty<String>) {
    (StatusCode::OK, empty())
}

#[streaming_metrics(media_type = "text/plain")]
fn response() -> (StatusCode, Response) {
    (StatusCode::OK, Response::default())
}

#[streaming_metrics(media_type = "text/plain")]
fn opaque() -> (HeaderMap, impl IntoResponse) {
    (HeaderMap::new(), "text")
}

#[streaming_metrics(media_type = "text/plain")]
fn not_a_part() -> (u32, impl Stream<Item = String>) {
    (7, empty())
}

#[tokio::main]
async fn main() {
    drop(status().await);
    drop(in_result());
    drop(named());
    drop(response());
    drop(opaque());
    drop(not_a_part());
}
