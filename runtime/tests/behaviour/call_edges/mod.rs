//! Calls at the edges: cut off, replaced, made in other tasks, in drops and in panics. No token is
//! lost or counted twice, and no call stays behind.

use std::pin::Pin;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get as route_get};
use futures_util::{Stream, StreamExt, stream};
use http_body_util::BodyExt;
use streamgauge::{Metrics, Usage, token_usage_context, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, send, settled};

use crate::sample_replies::{ANTHROPIC, Io, OPENAI, Sample};

mod ends;
mod ownership;
mod tasks;

const CALLS: &str = "app_llm_calls_total";
const TOKENS: &str = "app_token_usage_total";

type Chunks = Pin<Box<dyn Stream<Item = Io<Bytes>> + Send>>;

/// The frames of a reply. Each is ready at the next poll.
fn frames(sample: &'static Sample) -> Chunks {
    Box::pin(stream::iter(sample.frames()).map(|frame| Ok(Bytes::from_static(frame.as_bytes()))))
}

fn events(chunks: Chunks) -> Response {
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(chunks)).into_response()
}

/// The frames in pieces of seven bytes.
fn rechunked(chunks: Chunks) -> Chunks {
    Box::pin(chunks.flat_map(|chunk| {
        let chunk = chunk.expect("the source does not fail");
        let pieces: Vec<_> = chunk.chunks(7).map(Bytes::copy_from_slice).collect();
        stream::iter(pieces.into_iter().map(Ok))
    }))
}

/// A call that returns its usage.
#[track_tokens(provider = "inner")]
async fn ask(input: u64, output: u64) -> Usage {
    tokio::task::yield_now().await;
    Usage::new(input, output)
}

#[track_tokens(provider = "inner", protocol = "anthropic")]
async fn anthropic() -> Chunks {
    frames(&ANTHROPIC)
}

#[track_tokens(provider = "inner", protocol = "openai")]
async fn openai() -> Chunks {
    frames(&OPENAI)
}

fn app(metrics: &Metrics, handler: MethodRouter) -> Router {
    Router::new().route("/chat", handler).layer(metrics.layer())
}

/// Sends a request, reads `count` frames of its response and disconnects.
async fn disconnect_after(app: &Router, count: usize) {
    let mut body = send(app, Method::GET, "/chat").await.into_body();
    for _ in 0..count {
        body.frame().await.expect("the body has a frame").expect("the frame is not an error");
    }
}

/// Serves one request, and reads its response to the end.
async fn scrape_of(handler: MethodRouter) -> Scrape {
    let metrics = metrics();
    get(&app(&metrics, handler), "/chat").await;
    let scrape = settled(&metrics);
    assert_eq!(
        scrape.sum("app_llm_calls_per_request_sum", &[]),
        scrape.sum(CALLS, &[]),
        "{scrape:#?}"
    );
    assert_no_call_is_current().await;
    scrape
}

/// Checks that no call of an earlier request is still the current one of this thread.
async fn assert_no_call_is_current() {
    async fn plain() {
        token_usage_context::record(Usage::new(1, 1));
    }
    let metrics = metrics();
    let app = Router::new().route("/plain", route_get(plain)).layer(metrics.layer());
    get(&app, "/plain").await;
    let usage_of_request = [("endpoint", "/plain"), ("provider", ""), ("model", "")];
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum(TOKENS, &usage_of_request), 2, "a call is still current: {scrape:#?}");
}

fn calls_of(scrape: &Scrape, provider: &str) -> i64 {
    scrape.sum(CALLS, &[("provider", provider)])
}

fn tokens(scrape: &Scrape) -> i64 {
    scrape.sum(TOKENS, &[])
}
