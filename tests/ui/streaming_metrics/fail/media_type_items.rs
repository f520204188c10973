//! Return types that a media type cannot turn into a response.

use std::rc::Rc;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_core::Stream;
use futures_util::stream::{iter, once};
use streamgauge::{StreamChunk, streaming_metrics};

struct Delta;

impl StreamChunk for Delta {
    fn payload_bytes(&self) -> usize {
        1
    }
}

#[streaming_metrics(media_type = "text/plain")]
fn numbers() -> impl Stream<Item = u32> {
    iter([1, 2, 3])
}

#[streaming_metrics(media_type = "text/plain")]
async fn only_counted() -> impl Stream<Item = Delta> {
    iter([Delta])
}

#[streaming_metrics(media_type = "text/plain")]
fn no_error() -> Result<impl Stream<Item = Result<Bytes, u32>>, String> {
    Ok(iter([Err::<Bytes, u32>(1)]))
}

#[streaming_metrics(media_type = "text/plain")]
fn list() -> Vec<Bytes> {
    vec![]
}

#[streaming_metrics(media_type = "text/plain")]
async fn already_a_response() -> Response {
    Response::new(Body::empty())
}

#[streaming_metrics(media_type = "text/plain")]
fn not_send() -> impl Stream<Item = String> {
    let shared = Rc::new(1);
    once(async move { shared.to_string() })
}

#[tokio::main]
async fn main() {
    drop(numbers());
    drop(only_counted().await);
    drop(no_error());
    drop(list());
    drop(already_a_response().await);
    drop(not_send());
}
