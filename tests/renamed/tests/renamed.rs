//! A crate that renames its dependency on streamgauge passes `crate = …` to the attributes.

use std::pin::Pin;

use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::stream::iter;
use gauge::{Metrics, TokenUsage, Usage, instrument_endpoint, streaming_metrics, track_tokens};
use scrape::Scrape;

mod reexport {
    pub(crate) use gauge as metrics;
}

#[derive(Debug, PartialEq, TokenUsage)]
#[token_usage(crate = gauge)]
struct Answer {
    #[token_usage(output)]
    tokens: u64,
}

const REPLY: &str =
    r#"{"model":"m-1","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":5}}"#;

#[instrument_endpoint(crate = gauge)]
async fn served(fail: bool) -> Result<u8, String> {
    std::future::ready(()).await;
    if fail { Err("fail".to_owned()) } else { Ok(1) }
}

#[instrument_endpoint(crate = ::gauge, endpoint = "/now", method = "GET")]
fn served_now(text: &str) -> &str {
    text
}

#[instrument_endpoint(crate = crate::reexport::metrics)]
#[track_tokens(crate = reexport::metrics, model = model)]
async fn asked(model: &str) -> Option<Answer> {
    let tokens = std::future::ready(model.len() as u64).await;
    Some(Answer { tokens })
}

#[track_tokens(crate = gauge, model = "small")]
fn asked_in_box(input: u64) -> Pin<Box<dyn Future<Output = Usage> + Send>> {
    Box::pin(async move { Usage::new(input, 1) })
}

#[streaming_metrics(crate = gauge)]
fn streamed(text: &str) -> impl Stream<Item = String> {
    iter(text.split(' ').map(str::to_owned))
}

#[track_tokens(crate = reexport::metrics, protocol = "openai", operation = "chat", separate)]
async fn replied() -> Result<Vec<u8>, String> {
    Ok(std::future::ready(REPLY.into()).await)
}

#[streaming_metrics(crate = reexport::metrics, protocol = "openai", operation = "chat")]
fn sent() -> &'static str {
    REPLY
}

#[streaming_metrics(crate = gauge, media_type = "text/plain")]
async fn responded() -> impl Stream<Item = &'static str> {
    std::future::ready(iter(["a", "b"])).await
}

#[tokio::test]
async fn attributes_record_with_a_renamed_crate() {
    let sum = |name, endpoint| Scrape::of(Metrics::global()).sum(name, &[("endpoint", endpoint)]);
    assert_eq!(served(false).await, Ok(1));
    assert!(served(true).await.is_err());
    assert_eq!(sum("app_http_requests_total", "served"), 2);
    assert_eq!(served_now("a"), "a");
    assert_eq!(sum("app_http_requests_total", "/now"), 1);
    assert_eq!(asked("small").await, Some(Answer { tokens: 5 }));
    assert_eq!(sum("app_token_usage_total", "asked"), 5);
    assert_eq!(asked_in_box(1).await, Usage::new(1, 1));
    assert_eq!(sum("app_token_usage_total", "asked_in_box"), 2);
    assert_eq!(streamed("a b").count().await, 2);
    assert_eq!(sum("app_stream_chunks_total", "streamed"), 2);
    assert_eq!(responded().await.status(), 200);
    assert_eq!(replied().await, Ok(REPLY.into()));
    assert_eq!(sum("app_token_usage_total", "replied"), 17);
    assert_eq!(sent(), REPLY);
}
