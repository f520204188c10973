//! A proxy in front of the demonstration gateway: both record the same calls.

use std::time::Duration;

use streamgauge_examples::llm_gateway::{self, Pace, proxy::Settings};
use streamgauge_test_support::Scrape;

use crate::client::{next_chunk, post, read_body, send};
use crate::samples::{CHAT, MESSAGES};
use crate::scripted_upstream::Gateway;

struct ProxyAndUpstream {
    proxy: Gateway,
    upstream: Gateway,
}

impl ProxyAndUpstream {
    async fn new(pace: Pace) -> Self {
        let upstream = Gateway::serve(|metrics| llm_gateway::app(pace, metrics)).await;
        let url = format!("http://{}", upstream.address);
        Self { proxy: Gateway::proxy(Settings::new(url)).await, upstream }
    }

    async fn ask(&self, path: &str, body: &'static str) -> String {
        let response = send(self.proxy.address, post(path, body)).await;
        assert_eq!(response.status(), 200);
        read_body(response).await
    }

    async fn scrapes(&self) -> [Scrape; 2] {
        [self.proxy.at_rest(1).await, self.upstream.at_rest(1).await]
    }
}

fn tokens(scrape: &Scrape) -> [i64; 2] {
    ["input", "output"].map(|kind| {
        let labels = [("model", "demo-1"), ("token_type", kind)];
        scrape.sum("app_token_usage_total", &labels)
    })
}

/// Asserts that both gateways have recorded one call with the same tokens.
#[track_caller]
fn assert_same_call(path: &str, scrapes: &[Scrape; 2], finish: &str) {
    let [proxy_tokens, upstream_tokens] = scrapes.each_ref().map(tokens);
    assert_eq!(proxy_tokens, upstream_tokens, "{path}");
    assert!(proxy_tokens.iter().all(|tokens| *tokens > 0), "{proxy_tokens:?}");
    for (scrape, provider) in scrapes.iter().zip(["house", "demo"]) {
        let call = [
            ("endpoint", path),
            ("provider", provider),
            ("model", "demo-1"),
            ("finish_reason", finish),
        ];
        assert_eq!(scrape.sum("app_llm_calls_total", &call), 1, "{path}: {scrape:#?}");
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{path}: {scrape:#?}");
        assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0, "{path}: {scrape:#?}");
    }
}

const CHAT_PLAIN: &str =
    "{\"model\":\"demo-1\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}";
const CHAT_STREAM: &str = "{\"model\":\"demo-1\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\
    \"stream\":true,\"stream_options\":{\"include_usage\":true},\"max_tokens\":9}";
const CHAT_TOOL: &str = "{\"model\":\"demo-1\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"tool_choice\":\
    \"required\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"weather\",\"parameters\":{\"properties\":\
    {\"city\":{\"type\":\"string\"}},\"required\":[\"city\"]}}}]}";
const MESSAGE_PLAIN: &str =
    "{\"model\":\"demo-1\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}";
const MESSAGE_TOOL: &str = "{\"model\":\"demo-1\",\"max_tokens\":99,\"stream\":true,\"tool_choice\":{\"type\":\"any\"},\
    \"tools\":[{\"name\":\"weather\",\"input_schema\":{\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":\
    [\"city\"]}}],\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}";

#[tokio::test]
async fn calls_have_the_same_tokens_in_proxy_and_upstream() {
    for (path, body, finish, expected) in [
        (CHAT, CHAT_PLAIN, "stop", "demonstration"),
        (CHAT, CHAT_STREAM, "length", "data: [DONE]"),
        (CHAT, CHAT_TOOL, "tool_calls", "\"arguments\":\"{\\\"city\\\":\\\"Hi\\\"}\""),
        (MESSAGES, MESSAGE_PLAIN, "length", "\"stop_reason\":\"max_tokens\""),
        (MESSAGES, MESSAGE_TOOL, "tool_calls", "\"stop_reason\":\"tool_use\""),
    ] {
        let both = ProxyAndUpstream::new(Pace::NONE).await;
        let answer = both.ask(path, body).await;
        assert!(answer.contains(expected), "{answer}");
        assert_same_call(path, &both.scrapes().await, finish);
    }
}

#[tokio::test]
async fn client_disconnect_is_recorded_in_proxy_and_upstream() {
    let both = ProxyAndUpstream::new(Pace::new(Duration::from_millis(20))).await;
    let body = "{\"model\":\"demo-1\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}";
    let mut response = send(both.proxy.address, post(CHAT, body)).await;
    for _ in 0..3 {
        next_chunk(&mut response)
            .await
            .expect("the response continues")
            .expect("the chunk is intact");
    }
    drop(response);
    for scrape in both.scrapes().await {
        let stream = [("endpoint", CHAT), ("outcome", "client_disconnect")];
        assert_eq!(scrape.sum("app_stream_duration_seconds_count", &stream), 1, "{scrape:#?}");
        assert_eq!(scrape.sum("app_llm_calls_total", &[("finish_reason", "cancelled")]), 1);
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1);
    }
}
