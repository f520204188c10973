//! Streams whose protocol is read: how they end, what they used, and how soon and fast they spoke.

use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::body::Body;
use axum::http::Method;
use axum::routing::get as route_get;
use futures_util::FutureExt;
use http_body_util::BodyExt;
use streamgauge::Metrics;
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{metrics, send, settled};

use crate::samples::{OPENAI, SAMPLES, Sample, Then, spoken};

const ENDPOINT: (&str, &str) = ("endpoint", "/chat");

fn app(metrics: &Metrics, protocol: &'static str, frames: Vec<&'static str>, then: Then) -> Router {
    let handler = move || {
        let frames = frames.clone();
        async move { Body::from_stream(spoken(protocol, frames, then)) }
    };
    Router::new().route("/chat", route_get(handler)).layer(metrics.layer())
}

/// Reads a stream to its end, or drops it after so many frames.
async fn read(
    protocol: &'static str,
    frames: Vec<&'static str>,
    then: Then,
    leave_after: Option<usize>,
) -> Scrape {
    let metrics = metrics();
    let app = app(&metrics, protocol, frames, then);
    let mut body = send(&app, Method::GET, "/chat").await.into_body();
    if let Some(frames) = leave_after {
        for _ in 0..frames {
            body.frame().await.expect("there is a frame").expect("it is no error");
        }
    } else {
        while let Ok(Some(Ok(_))) = AssertUnwindSafe(body.frame()).catch_unwind().await {}
    }
    drop(body);
    settled(&metrics)
}

/// A family has counted once at the endpoint, and with this label; with `None`, never.
#[track_caller]
fn assert_once(scrape: &Scrape, family: &str, label: &str, value: Option<&str>) {
    let all = scrape.sum(family, &[ENDPOINT]);
    assert_eq!(all, i64::from(value.is_some()), "{family}: {scrape:#?}");
    if let Some(value) = value {
        let with = scrape.sum(family, &[ENDPOINT, (label, value)]);
        assert_eq!(with, 1, "{family} with {label}={value}: {scrape:#?}");
    }
}

/// What there is to say about the end of a stream.
struct End<'a> {
    stream: &'a str,
    request: &'a str,
    /// The error within the stream.
    error: Option<&'a str>,
    /// The error of the request.
    failure: Option<&'a str>,
    finish: &'a str,
    tokens: i64,
    missing: Option<&'a str>,
}

impl End<'_> {
    #[track_caller]
    fn check(&self, scrape: &Scrape) {
        assert_once(scrape, "app_stream_duration_seconds_count", "outcome", Some(self.stream));
        assert_once(scrape, "app_http_requests_total", "outcome", Some(self.request));
        assert_once(scrape, "app_stream_errors_total", "error_type", self.error);
        assert_once(scrape, "app_errors_total", "error_type", self.failure);
        assert_once(scrape, "app_llm_calls_total", "finish_reason", Some(self.finish));
        assert_once(scrape, "app_usage_missing_total", "reason", self.missing);
        assert_eq!(scrape.sum("app_token_usage_total", &[ENDPOINT]), self.tokens, "{scrape:#?}");
        assert_once(scrape, "app_llm_calls_total", "provider", Some("house"));
    }
}

/// A stream that was whole.
fn complete(tokens: i64) -> End<'static> {
    End {
        stream: "complete",
        request: "success",
        error: None,
        failure: None,
        finish: "stop",
        tokens,
        missing: None,
    }
}

/// The reason, where no usage was known.
fn unless_known(so_far: i64, reason: &'static str) -> Option<&'static str> {
    (so_far == 0).then_some(reason)
}

/// Each sample is read as what it is, and as what it turns out to be.
fn each() -> impl Iterator<Item = (&'static str, &'static Sample)> {
    SAMPLES.iter().flat_map(|sample| [(sample.protocol, sample), ("auto", sample)])
}

#[tokio::test]
async fn a_stream_with_its_end_marker_is_complete() {
    for (protocol, sample) in each() {
        let scrape = read(protocol, sample.whole(), Then::End, None).await;
        complete(sample.total()).check(&scrape);
        let all = [ENDPOINT, ("model", "m-1"), ("provider", "house")];
        for (token_type, detail, tokens) in sample.usage {
            let class = [&all[..], &[("token_type", token_type), ("detail", detail)]].concat();
            assert_eq!(scrape.sum("app_token_usage_total", &class), *tokens, "{class:?}");
        }
        assert_eq!(scrape.sum("app_request_tokens_sum", &[ENDPOINT]), sample.total());
        assert_eq!(scrape.sum("app_stream_chunks_total", &[ENDPOINT]), 5);
    }
}

#[tokio::test]
async fn a_stream_without_its_end_marker_is_truncated() {
    for (protocol, sample) in each() {
        let frames = vec![sample.opening, sample.tokens[0], sample.tokens[1]];
        let scrape = read(protocol, frames, Then::End, None).await;
        let end = End {
            stream: "truncated",
            finish: "",
            missing: unless_known(sample.so_far, "not_sent"),
            ..complete(sample.so_far)
        };
        end.check(&scrape);
    }
}

#[tokio::test]
async fn an_error_event_fails_the_stream_and_the_request_though_its_status_was_200() {
    for (protocol, sample) in each() {
        for (then, leave_after) in [(Then::End, None), (Then::Wait, Some(4))] {
            let frames = vec![sample.opening, sample.tokens[0], sample.tokens[1], sample.error];
            let scrape = read(protocol, frames, then, leave_after).await;
            let end = End {
                stream: "error_event",
                request: "server_error",
                error: Some(sample.error_type),
                failure: Some("stream"),
                finish: "error",
                tokens: sample.so_far,
                missing: unless_known(sample.so_far, "not_sent"),
            };
            end.check(&scrape);
            let status = [ENDPOINT, ("status", "200")];
            assert_eq!(scrape.sum("app_http_requests_total", &status), 1);
            assert_eq!(scrape.sum("app_errors_total", &status), 1);
        }
    }
}

#[tokio::test]
async fn an_error_event_that_is_the_first_is_one_too() {
    for (protocol, sample) in each() {
        let scrape = read(protocol, vec![sample.error], Then::End, None).await;
        assert_once(&scrape, "app_stream_duration_seconds_count", "outcome", Some("error_event"));
        assert_once(&scrape, "app_http_requests_total", "outcome", Some("server_error"));
        assert_once(&scrape, "app_stream_errors_total", "error_type", Some(sample.error_type));
        assert_once(&scrape, "app_llm_calls_total", "finish_reason", Some("error"));
        assert_once(&scrape, "app_time_to_first_token_seconds_count", "model", None);
    }
}

#[tokio::test]
async fn a_client_that_leaves_after_the_end_marker_has_a_complete_stream() {
    for (protocol, sample) in each() {
        let scrape = read(protocol, sample.whole(), Then::Wait, Some(5)).await;
        End { request: "cancelled", ..complete(sample.total()) }.check(&scrape);
        assert_once(&scrape, "app_time_per_output_token_seconds_count", "model", Some("m-1"));
    }
}

#[tokio::test]
async fn a_client_that_leaves_before_it_is_a_disconnect_with_the_usage_so_far() {
    for (protocol, sample) in each() {
        let scrape = read(protocol, sample.whole(), Then::End, Some(3)).await;
        let end = End {
            stream: "client_disconnect",
            request: "cancelled",
            finish: "cancelled",
            missing: unless_known(sample.so_far, "disconnected"),
            ..complete(sample.so_far)
        };
        end.check(&scrape);
    }
}

#[tokio::test]
async fn an_item_that_is_an_error_fails_the_stream_whatever_came_before() {
    for (protocol, sample) in each() {
        for (frames, finish, tokens) in [
            (vec![sample.opening, sample.tokens[0], sample.tokens[1]], "error", sample.so_far),
            (sample.whole(), "stop", sample.total()),
        ] {
            let scrape = read(protocol, frames, Then::Fail, None).await;
            let end = End {
                stream: "stream_error",
                request: "server_error",
                error: Some("Error"),
                failure: Some("stream"),
                finish,
                tokens,
                missing: unless_known(tokens, "not_sent"),
            };
            end.check(&scrape);
        }
    }
}

#[tokio::test]
async fn a_panic_is_a_panic_and_keeps_the_usage() {
    for (protocol, sample) in each() {
        let frames = vec![sample.opening, sample.tokens[0], sample.tokens[1]];
        let scrape = read(protocol, frames, Then::Panic, None).await;
        let end = End {
            stream: "panic",
            request: "panic",
            error: Some("panic"),
            failure: Some("panic"),
            finish: "error",
            tokens: sample.so_far,
            missing: unless_known(sample.so_far, "not_sent"),
        };
        end.check(&scrape);
    }
}

#[tokio::test]
async fn the_first_token_is_the_first_that_says_something() {
    for (protocol, sample) in each() {
        for (frames, tokens) in [(1, None), (2, Some("m-1")), (3, Some("m-1"))] {
            let scrape = read(protocol, sample.whole(), Then::End, Some(frames)).await;
            assert_once(&scrape, "app_time_to_first_token_seconds_count", "model", tokens);
            assert_once(&scrape, "app_time_to_first_chunk_seconds_count", "model", Some("m-1"));
            let chunk = scrape.amount("app_time_to_first_chunk_seconds_sum", &[ENDPOINT]);
            let token = scrape.amount("app_time_to_first_token_seconds_sum", &[ENDPOINT]);
            assert!(tokens.is_none() || token >= chunk, "{token} and {chunk}");
        }
    }
}

#[tokio::test]
async fn the_time_of_a_token_is_told_of_complete_streams_alone() {
    for (protocol, sample) in each() {
        let whole = read(protocol, sample.whole(), Then::End, None).await;
        assert_once(&whole, "app_time_per_output_token_seconds_count", "model", Some("m-1"));
        let cut = read(protocol, sample.body(), Then::End, None).await;
        let mut failed = sample.body();
        failed.push(sample.error);
        let failed = read(protocol, failed, Then::End, None).await;
        let left = read(protocol, sample.whole(), Then::End, Some(4)).await;
        for scrape in [cut, failed, left] {
            assert_once(&scrape, "app_time_per_output_token_seconds_count", "model", None);
        }
    }
}

#[tokio::test]
async fn one_token_has_no_time_between_tokens() {
    let usage = "data: {\"model\":\"m-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\n";
    let frames = vec![OPENAI.tokens[0], usage, OPENAI.end];
    let scrape = read("openai", frames, Then::End, None).await;
    assert_once(&scrape, "app_time_to_first_token_seconds_count", "model", Some("m-1"));
    assert_once(&scrape, "app_time_per_output_token_seconds_count", "model", None);
}

#[tokio::test]
async fn a_reply_without_usage_is_missing_it() {
    let frames = vec![OPENAI.opening, OPENAI.tokens[0], OPENAI.end];
    let scrape = read("openai", frames, Then::End, None).await;
    End { finish: "", missing: Some("not_sent"), ..complete(0) }.check(&scrape);
    let broken = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":tw\n\n";
    let scrape = read("openai", vec![OPENAI.tokens[0], broken, OPENAI.end], Then::End, None).await;
    End { finish: "", missing: Some("unparsed"), ..complete(0) }.check(&scrape);
}

#[tokio::test]
async fn finish_reasons_are_the_same_for_every_protocol() {
    for (protocol, frame, finish) in [
        (
            "openai",
            "data: {\"model\":\"m\",\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n",
            "length",
        ),
        (
            "openai",
            "data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"output\":[{\"type\":\"function_call\"}]}}\n\n",
            "tool_calls",
        ),
        (
            "anthropic",
            "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n",
            "tool_calls",
        ),
        (
            "anthropic",
            "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"refusal\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n",
            "content_filter",
        ),
        ("gemini", "data: {\"candidates\":[{\"finishReason\":\"MAX_TOKENS\"}]}\n\n", "length"),
        ("gemini", "data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\n\n", "content_filter"),
        ("ollama", "{\"model\":\"m\",\"done\":true,\"done_reason\":\"length\"}\n", "length"),
        ("ollama", "{\"model\":\"m\",\"done\":true,\"done_reason\":\"unload\"}\n", "other"),
    ] {
        let scrape = read(protocol, vec![frame], Then::End, None).await;
        assert_once(&scrape, "app_llm_calls_total", "finish_reason", Some(finish));
        assert_once(&scrape, "app_stream_duration_seconds_count", "outcome", Some("complete"));
    }
}
