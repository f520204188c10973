//! A proxy in front of the demonstration gateway: both count the same.

use std::time::Duration;

use streamgauge_examples::llm_gateway::{self, Pace, proxy::Settings};
use streamgauge_test_support::Scrape;

use crate::client::{next, post, rest, send};
use crate::peer::Gateway;
use crate::samples::{CHAT, MESSAGES};

struct Both {
    proxy: Gateway,
    upstream: Gateway,
}

impl Both {
    async fn new(pace: Pace) -> Self {
        let upstream = Gateway::of(|metrics| llm_gateway::app(pace, metrics)).await;
        let url = format!("http://{}", upstream.address);
        Self { proxy: Gateway::proxy(Settings::new(url)).await, upstream }
    }

    async fn ask(&self, path: &str, body: &'static str) -> String {
        let response = send(self.proxy.address, post(path, body)).await;
        assert_eq!(response.status(), 200);
        rest(response).await
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

/// Both have counted one call alike, with some tokens.
#[track_caller]
fn assert_alike(path: &str, scrapes: &[Scrape; 2], finish: &str) {
    let [proxys, upstreams] = scrapes.each_ref().map(tokens);
    assert_eq!(proxys, upstreams, "{path}");
    assert!(proxys.iter().all(|tokens| *tokens > 0), "{proxys:?}");
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
async fn whole_replies_cost_the_same_on_both_sides() {
    for (path, body, finish, says) in [
        (CHAT, CHAT_PLAIN, "stop", "demonstration"),
        (CHAT, CHAT_STREAM, "length", "data: [DONE]"),
        (CHAT, CHAT_TOOL, "tool_calls", "\"arguments\":\"{\\\"city\\\":\\\"Hi\\\"}\""),
        (MESSAGES, MESSAGE_PLAIN, "length", "\"stop_reason\":\"max_tokens\""),
        (MESSAGES, MESSAGE_TOOL, "tool_calls", "\"stop_reason\":\"tool_use\""),
    ] {
        let both = Both::new(Pace::NONE).await;
        let answer = both.ask(path, body).await;
        assert!(answer.contains(says), "{answer}");
        assert_alike(path, &both.scrapes().await, finish);
    }
}

#[tokio::test]
async fn what_is_left_is_left_on_both_sides() {
    let both = Both::new(Pace::new(Duration::from_millis(20))).await;
    let body = "{\"model\":\"demo-1\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}";
    let mut response = send(both.proxy.address, post(CHAT, body)).await;
    for _ in 0..3 {
        next(&mut response).await.expect("it goes on").expect("it is whole");
    }
    drop(response);
    for scrape in both.scrapes().await {
        let stream = [("endpoint", CHAT), ("outcome", "client_disconnect")];
        assert_eq!(scrape.sum("app_stream_duration_seconds_count", &stream), 1, "{scrape:#?}");
        assert_eq!(scrape.sum("app_llm_calls_total", &[("finish_reason", "cancelled")]), 1);
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1);
    }
}
