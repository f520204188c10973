//! Metered streams with a protocol: outcome, usage, time to first token, time per output token.

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

use crate::sample_replies::{Ending, OPENAI, SAMPLES, Sample, metered_stream};

const ENDPOINT: (&str, &str) = ("endpoint", "/chat");

fn app(
    metrics: &Metrics,
    protocol: &'static str,
    frames: Vec<&'static str>,
    ending: Ending,
) -> Router {
    let handler = move || {
        let frames = frames.clone();
        async move { Body::from_stream(metered_stream(protocol, frames, ending)) }
    };
    Router::new().route("/chat", route_get(handler)).layer(metrics.layer())
}

/// Serves a stream and reads it to its end, or disconnects after the given number of frames.
async fn scrape_after_stream(
    protocol: &'static str,
    frames: Vec<&'static str>,
    ending: Ending,
    disconnect_after: Option<usize>,
) -> Scrape {
    let metrics = metrics();
    let app = app(&metrics, protocol, frames, ending);
    let mut body = send(&app, Method::GET, "/chat").await.into_body();
    if let Some(frames) = disconnect_after {
        for _ in 0..frames {
            body.frame().await.expect("the body has a frame").expect("the frame is not an error");
        }
    } else {
        while let Ok(Some(Ok(_))) = AssertUnwindSafe(body.frame()).catch_unwind().await {}
    }
    drop(body);
    settled(&metrics)
}

/// Checks that a family has counted once at the endpoint, with this label value; for `None`, not at
/// all.
#[track_caller]
fn assert_once(scrape: &Scrape, family: &str, label: &str, value: Option<&str>) {
    let all = scrape.sum(family, &[ENDPOINT]);
    assert_eq!(all, i64::from(value.is_some()), "{family}: {scrape:#?}");
    if let Some(value) = value {
        let with = scrape.sum(family, &[ENDPOINT, (label, value)]);
        assert_eq!(with, 1, "{family} with {label}={value}: {scrape:#?}");
    }
}

/// The expected records of a stream that has ended.
struct Expected<'a> {
    stream_outcome: &'a str,
    request_outcome: &'a str,
    /// `error_type` of the stream.
    stream_error: Option<&'a str>,
    /// `error_type` of the request.
    request_error: Option<&'a str>,
    finish_reason: &'a str,
    tokens: i64,
    missing_reason: Option<&'a str>,
}

impl Expected<'_> {
    #[track_caller]
    fn check(&self, scrape: &Scrape) {
        assert_once(
            scrape,
            "app_stream_duration_seconds_count",
            "outcome",
            Some(self.stream_outcome),
        );
        assert_once(scrape, "app_http_requests_total", "outcome", Some(self.request_outcome));
        assert_once(scrape, "app_stream_errors_total", "error_type", self.stream_error);
        assert_once(scrape, "app_errors_total", "error_type", self.request_error);
        assert_once(scrape, "app_llm_calls_total", "finish_reason", Some(self.finish_reason));
        assert_once(scrape, "app_usage_missing_total", "reason", self.missing_reason);
        assert_eq!(scrape.sum("app_token_usage_total", &[ENDPOINT]), self.tokens, "{scrape:#?}");
        assert_once(scrape, "app_llm_calls_total", "provider", Some("house"));
    }
}

/// The records of a complete stream.
fn complete_stream(tokens: i64) -> Expected<'static> {
    Expected {
        stream_outcome: "complete",
        request_outcome: "success",
        stream_error: None,
        request_error: None,
        finish_reason: "stop",
        tokens,
        missing_reason: None,
    }
}

/// The reason for missing usage if no tokens are known.
fn missing_reason(tokens: i64, reason: &'static str) -> Option<&'static str> {
    (tokens == 0).then_some(reason)
}

/// Pairs each sample with its own protocol and with `auto`.
fn samples_by_protocol() -> impl Iterator<Item = (&'static str, &'static Sample)> {
    SAMPLES.iter().flat_map(|sample| [(sample.protocol, sample), ("auto", sample)])
}

#[tokio::test]
async fn stream_with_end_marker_is_complete() {
    for (protocol, sample) in samples_by_protocol() {
        let scrape = scrape_after_stream(protocol, sample.frames(), Ending::Complete, None).await;
        complete_stream(sample.total()).check(&scrape);
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
async fn stream_without_end_marker_is_truncated() {
    for (protocol, sample) in samples_by_protocol() {
        let frames = vec![sample.opening, sample.tokens[0], sample.tokens[1]];
        let scrape = scrape_after_stream(protocol, frames, Ending::Complete, None).await;
        let expected = Expected {
            stream_outcome: "truncated",
            finish_reason: "",
            missing_reason: missing_reason(sample.partial_tokens, "not_sent"),
            ..complete_stream(sample.partial_tokens)
        };
        expected.check(&scrape);
    }
}

#[tokio::test]
async fn error_event_fails_stream_and_request_despite_status_200() {
    for (protocol, sample) in samples_by_protocol() {
        for (ending, disconnect_after) in [(Ending::Complete, None), (Ending::Pending, Some(4))] {
            let frames = vec![sample.opening, sample.tokens[0], sample.tokens[1], sample.error];
            let scrape = scrape_after_stream(protocol, frames, ending, disconnect_after).await;
            let expected = Expected {
                stream_outcome: "error_event",
                request_outcome: "server_error",
                stream_error: Some(sample.error_type),
                request_error: Some("stream"),
                finish_reason: "error",
                tokens: sample.partial_tokens,
                missing_reason: None,
            };
            expected.check(&scrape);
            let status = [ENDPOINT, ("status", "200")];
            assert_eq!(scrape.sum("app_http_requests_total", &status), 1);
            assert_eq!(scrape.sum("app_errors_total", &status), 1);
        }
    }
}

#[tokio::test]
async fn error_event_as_first_frame_fails_stream_and_request() {
    for (protocol, sample) in samples_by_protocol() {
        let scrape =
            scrape_after_stream(protocol, vec![sample.error], Ending::Complete, None).await;
        assert_once(&scrape, "app_stream_duration_seconds_count", "outcome", Some("error_event"));
        assert_once(&scrape, "app_http_requests_total", "outcome", Some("server_error"));
        assert_once(&scrape, "app_stream_errors_total", "error_type", Some(sample.error_type));
        assert_once(&scrape, "app_llm_calls_total", "finish_reason", Some("error"));
        assert_once(&scrape, "app_time_to_first_token_seconds_count", "model", None);
    }
}

/// `OpenAI`'s Responses API sends an `error` event before `response.failed`.
#[tokio::test]
async fn error_event_and_failed_response_are_one_error_however_split() {
    const UNNAMED: &str =
        "event: error\ndata: {\"type\":\"error\",\"code\":null,\"message\":\"no\"}\n\n";
    const NAMED: &str =
        "event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\",\"message\":\"no\"}\n\n";
    const FAILED: &str = "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"model\":\"m-1\",\"status\":\"failed\",\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"no\"},\"usage\":null}}\n\n";
    for (error, error_type) in [(UNNAMED, "rate_limit_exceeded"), (NAMED, "server_error")] {
        let all: &'static str = format!("{error}{FAILED}").leak();
        for at in (0..=all.len()).step_by(7).chain([error.len()]) {
            let (first, second) = all.split_at(at);
            for ending in [Ending::Complete, Ending::Error, Ending::Panic] {
                let frames = vec![first, second];
                let scrape = scrape_after_stream("openai", frames, ending, None).await;
                assert_once(&scrape, "app_stream_errors_total", "error_type", Some(error_type));
                assert_once(&scrape, "app_llm_calls_total", "finish_reason", Some("error"));
                assert_eq!(scrape.sum("app_errors_total", &[ENDPOINT]), 1, "{ending:?}");
            }
        }
    }
}

#[tokio::test]
async fn client_disconnect_after_the_end_marker_leaves_the_stream_complete() {
    for (protocol, sample) in samples_by_protocol() {
        let scrape = scrape_after_stream(protocol, sample.frames(), Ending::Pending, Some(5)).await;
        Expected { request_outcome: "cancelled", ..complete_stream(sample.total()) }.check(&scrape);
        assert_once(&scrape, "app_time_per_output_token_seconds_count", "model", Some("m-1"));
    }
}

#[tokio::test]
async fn client_disconnect_before_the_end_marker_keeps_partial_usage() {
    for (protocol, sample) in samples_by_protocol() {
        let scrape =
            scrape_after_stream(protocol, sample.frames(), Ending::Complete, Some(3)).await;
        let expected = Expected {
            stream_outcome: "client_disconnect",
            request_outcome: "cancelled",
            finish_reason: "cancelled",
            missing_reason: missing_reason(sample.partial_tokens, "disconnected"),
            ..complete_stream(sample.partial_tokens)
        };
        expected.check(&scrape);
    }
}

#[tokio::test]
async fn error_item_fails_the_stream_even_after_the_end_marker() {
    for (protocol, sample) in samples_by_protocol() {
        for (frames, finish_reason, tokens) in [
            (
                vec![sample.opening, sample.tokens[0], sample.tokens[1]],
                "error",
                sample.partial_tokens,
            ),
            (sample.frames(), "stop", sample.total()),
        ] {
            let scrape = scrape_after_stream(protocol, frames, Ending::Error, None).await;
            let expected = Expected {
                stream_outcome: "stream_error",
                request_outcome: "server_error",
                stream_error: Some("io::Error"),
                request_error: Some("stream"),
                finish_reason,
                tokens,
                missing_reason: None,
            };
            expected.check(&scrape);
        }
    }
}

#[tokio::test]
async fn panic_in_a_stream_keeps_partial_usage() {
    for (protocol, sample) in samples_by_protocol() {
        let frames = vec![sample.opening, sample.tokens[0], sample.tokens[1]];
        let scrape = scrape_after_stream(protocol, frames, Ending::Panic, None).await;
        let expected = Expected {
            stream_outcome: "panic",
            request_outcome: "panic",
            stream_error: Some("panic"),
            request_error: Some("panic"),
            finish_reason: "error",
            tokens: sample.partial_tokens,
            missing_reason: None,
        };
        expected.check(&scrape);
    }
}

#[tokio::test]
async fn time_to_first_token_ends_with_the_first_frame_that_has_text() {
    for (protocol, sample) in samples_by_protocol() {
        for (frames, tokens) in [(1, None), (2, Some("m-1")), (3, Some("m-1"))] {
            let scrape =
                scrape_after_stream(protocol, sample.frames(), Ending::Complete, Some(frames))
                    .await;
            assert_once(&scrape, "app_time_to_first_token_seconds_count", "model", tokens);
            assert_once(&scrape, "app_time_to_first_chunk_seconds_count", "model", Some("m-1"));
            let chunk = scrape.amount("app_time_to_first_chunk_seconds_sum", &[ENDPOINT]);
            let token = scrape.amount("app_time_to_first_token_seconds_sum", &[ENDPOINT]);
            assert!(tokens.is_none() || token >= chunk, "{token} and {chunk}");
        }
    }
}

#[tokio::test]
async fn pace_of_chunks_has_no_series_without_a_value() {
    for (protocol, sample) in samples_by_protocol() {
        for frames in [1, 3] {
            let scrape =
                scrape_after_stream(protocol, sample.frames(), Ending::Complete, Some(frames))
                    .await;
            for (family, series) in [
                ("app_time_to_first_chunk_seconds_count", 1),
                ("app_inter_chunk_seconds_count", usize::from(frames > 1)),
            ] {
                assert_eq!(scrape.count(family, &[("model", "")]), 0, "{family}: {scrape:#?}");
                assert_eq!(scrape.count(family, &[]), series, "{family}: {scrape:#?}");
            }
        }
    }
}

#[tokio::test]
async fn time_per_output_token_is_recorded_for_complete_streams_only() {
    for (protocol, sample) in samples_by_protocol() {
        let whole = scrape_after_stream(protocol, sample.frames(), Ending::Complete, None).await;
        assert_once(&whole, "app_time_per_output_token_seconds_count", "model", Some("m-1"));
        let cut = vec![sample.opening, sample.tokens[0], sample.tokens[1]];
        let truncated = scrape_after_stream(protocol, cut, Ending::Complete, None).await;
        let mut failed = sample.frames_before_end();
        failed.push(sample.error);
        let failed = scrape_after_stream(protocol, failed, Ending::Complete, None).await;
        let disconnected =
            scrape_after_stream(protocol, sample.frames(), Ending::Complete, Some(4)).await;
        for scrape in [truncated, failed, disconnected] {
            assert_once(&scrape, "app_time_per_output_token_seconds_count", "model", None);
        }
    }
}

#[tokio::test]
async fn time_per_output_token_needs_two_tokens() {
    let usage = "data: {\"model\":\"m-1\",\"choices\":[],\
                 \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\n";
    let frames = vec![OPENAI.tokens[0], usage, OPENAI.end];
    let scrape = scrape_after_stream("openai", frames, Ending::Complete, None).await;
    assert_once(&scrape, "app_time_to_first_token_seconds_count", "model", Some("m-1"));
    assert_once(&scrape, "app_time_per_output_token_seconds_count", "model", None);
}

#[tokio::test]
async fn usage_missing_is_counted_for_a_stream_without_usage() {
    let frames = vec![OPENAI.opening, OPENAI.tokens[0], OPENAI.end];
    let scrape = scrape_after_stream("openai", frames, Ending::Complete, None).await;
    Expected { finish_reason: "", missing_reason: Some("not_sent"), ..complete_stream(0) }
        .check(&scrape);
    let broken = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":tw\n\n";
    let scrape = scrape_after_stream(
        "openai",
        vec![OPENAI.tokens[0], broken, OPENAI.end],
        Ending::Complete,
        None,
    )
    .await;
    Expected { finish_reason: "", missing_reason: Some("unparsed"), ..complete_stream(0) }
        .check(&scrape);
}

#[tokio::test]
async fn finish_reasons_are_normalized_for_every_protocol() {
    for (protocol, frame, finish) in [
        (
            "openai",
            "data: {\"model\":\"m\",\
             \"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n",
            "length",
        ),
        (
            "openai",
            "data: {\"type\":\"response.completed\",\
             \"response\":{\"status\":\"completed\",\"output\":[{\"type\":\"function_call\"}]}}\n\n",
            "tool_calls",
        ),
        (
            "anthropic",
            "data: {\"type\":\"message_delta\",\
             \"delta\":{\"stop_reason\":\"tool_use\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n",
            "tool_calls",
        ),
        (
            "anthropic",
            "data: {\"type\":\"message_delta\",\
             \"delta\":{\"stop_reason\":\"refusal\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n",
            "content_filter",
        ),
        ("gemini", "data: {\"candidates\":[{\"finishReason\":\"MAX_TOKENS\"}]}\n\n", "length"),
        ("gemini", "data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\n\n", "content_filter"),
        ("ollama", "{\"model\":\"m\",\"done\":true,\"done_reason\":\"length\"}\n", "length"),
        ("ollama", "{\"model\":\"m\",\"done\":true,\"done_reason\":\"unload\"}\n", "other"),
    ] {
        let scrape = scrape_after_stream(protocol, vec![frame], Ending::Complete, None).await;
        assert_once(&scrape, "app_llm_calls_total", "finish_reason", Some(finish));
        assert_once(&scrape, "app_stream_duration_seconds_count", "outcome", Some("complete"));
    }
}
