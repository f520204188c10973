//! All attributes, in every order, on a function that returns a stream.

#![deny(warnings)]
#![forbid(unsafe_code)]

use axum::body::Bytes;
use futures_core::Stream;
use futures_util::StreamExt;
use streamgauge::{instrument_endpoint, streaming_metrics, track_tokens};

struct Request {
    model: &'static str,
}

#[instrument_endpoint(endpoint = "/ask", method = "POST")]
#[streaming_metrics(model = request.model)]
#[track_tokens(provider = "house", model = request.model)]
fn endpoint_stream_tokens(request: Request) -> impl Stream<Item = Bytes> {
    async_stream::stream! {
        yield Bytes::from(request.model);
    }
}

#[instrument_endpoint(endpoint = "/ask", method = "POST")]
#[track_tokens(provider = "house", model = request.model)]
#[streaming_metrics(model = request.model)]
fn endpoint_tokens_stream(request: Request) -> impl Stream<Item = Bytes> {
    async_stream::stream! {
        yield Bytes::from(request.model);
    }
}

#[streaming_metrics(model = request.model)]
#[instrument_endpoint(endpoint = "/ask", method = "POST")]
#[track_tokens(provider = "house", model = request.model)]
fn stream_endpoint_tokens(request: Request) -> impl Stream<Item = Bytes> {
    async_stream::stream! {
        yield Bytes::from(request.model);
    }
}

#[streaming_metrics(model = request.model)]
#[track_tokens(provider = "house", model = request.model)]
#[instrument_endpoint(endpoint = "/ask", method = "POST")]
fn stream_tokens_endpoint(request: Request) -> impl Stream<Item = Bytes> {
    async_stream::stream! {
        yield Bytes::from(request.model);
    }
}

#[track_tokens(provider = "house", model = request.model)]
#[instrument_endpoint(endpoint = "/ask", method = "POST")]
#[streaming_metrics(model = request.model)]
fn tokens_endpoint_stream(request: Request) -> impl Stream<Item = Bytes> {
    async_stream::stream! {
        yield Bytes::from(request.model);
    }
}

#[track_tokens(provider = "house", model = request.model)]
#[streaming_metrics(model = request.model)]
#[instrument_endpoint(endpoint = "/ask", method = "POST")]
fn tokens_stream_endpoint(request: Request) -> impl Stream<Item = Bytes> {
    async_stream::stream! {
        yield Bytes::from(request.model);
    }
}

async fn assert_same<S: Stream<Item = Bytes> + Send + 'static>(function: fn(Request) -> S) {
    let chunks: Vec<_> = function(Request { model: "small" }).collect().await;
    assert_eq!(chunks, ["small"]);
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_same(endpoint_stream_tokens).await;
    assert_same(endpoint_tokens_stream).await;
    assert_same(stream_endpoint_tokens).await;
    assert_same(stream_tokens_endpoint).await;
    assert_same(tokens_endpoint_stream).await;
    assert_same(tokens_stream_endpoint).await;
}
