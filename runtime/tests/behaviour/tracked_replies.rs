//! Replies of tracked calls with a protocol: each format, as a whole and as a stream.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use http_body_util::BodyExt;
use streamgauge::{Metrics, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, send, settled};

use crate::sample_replies::{Ending, Frames, OPENAI, SAMPLES, Sample, source};

/// A whole reply in a published format.
struct WholeReply {
    protocol: &'static str,
    json: &'static str,
    finish_reason: &'static str,
    usage: &'static [(&'static str, &'static str, i64)],
    /// Total as the provider states it, or the sum for a provider that states none.
    total: i64,
}

const WHOLE_REPLIES: [WholeReply; 9] = [
    WholeReply {
        protocol: "openai",
        json: r#"{"id":"chatcmpl-1","object":"chat.completion","model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":"Hello","refusal":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":1200,"completion_tokens":300,"total_tokens":1500,"prompt_tokens_details":{"cached_tokens":1000,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":250}}}"#,
        finish_reason: "stop",
        usage: &[
            ("input", "uncached", 200),
            ("input", "cache_read", 1000),
            ("output", "response", 50),
            ("output", "reasoning", 250),
        ],
        total: 1500,
    },
    WholeReply {
        protocol: "openai",
        json: r#"{"id":"resp_1","object":"response","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"model":"m-1","output":[{"type":"message","content":[{"type":"output_text","text":"Hel"}]}],"usage":{"input_tokens":36,"input_tokens_details":{"cached_tokens":6},"output_tokens":87,"output_tokens_details":{"reasoning_tokens":80},"total_tokens":123}}"#,
        finish_reason: "length",
        usage: &[
            ("input", "uncached", 30),
            ("input", "cache_read", 6),
            ("output", "response", 7),
            ("output", "reasoning", 80),
        ],
        total: 123,
    },
    WholeReply {
        protocol: "openai",
        json: r#"{"id":"d-1","object":"chat.completion","model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":16,"completion_tokens":10,"total_tokens":26,"prompt_cache_hit_tokens":12,"prompt_cache_miss_tokens":4}}"#,
        finish_reason: "tool_calls",
        usage: &[
            ("input", "uncached", 4),
            ("input", "cache_read", 12),
            ("output", "unspecified", 10),
        ],
        total: 26,
    },
    WholeReply {
        protocol: "anthropic",
        json: r#"{"id":"msg_1","type":"message","role":"assistant","model":"m-1","content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":50,"cache_creation_input_tokens":100,"cache_read_input_tokens":2000,"output_tokens":503}}"#,
        finish_reason: "stop",
        usage: &[
            ("input", "uncached", 50),
            ("input", "cache_write", 100),
            ("input", "cache_read", 2000),
            ("output", "unspecified", 503),
        ],
        total: 2653,
    },
    WholeReply {
        protocol: "gemini",
        json: r#"{"candidates":[{"content":{"parts":[{"text":"Hello"}],"role":"model"},"finishReason":"MAX_TOKENS","index":0}],"usageMetadata":{"promptTokenCount":100,"cachedContentTokenCount":60,"toolUsePromptTokenCount":9,"candidatesTokenCount":20,"thoughtsTokenCount":30,"totalTokenCount":159},"modelVersion":"m-1"}"#,
        finish_reason: "length",
        usage: &[
            ("input", "uncached", 49),
            ("input", "cache_read", 60),
            ("output", "response", 20),
            ("output", "reasoning", 30),
        ],
        total: 159,
    },
    WholeReply {
        protocol: "gemini",
        json: r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":8,"totalTokenCount":8},"modelVersion":"m-1"}"#,
        finish_reason: "content_filter",
        usage: &[("input", "unspecified", 8)],
        total: 8,
    },
    WholeReply {
        protocol: "ollama",
        json: r#"{"model":"m-1","created_at":"t","message":{"role":"assistant","content":"Hello"},"done_reason":"stop","done":true,"total_duration":174560334,"prompt_eval_count":18,"prompt_eval_duration":73,"eval_count":42,"eval_duration":99}"#,
        finish_reason: "stop",
        usage: &[("input", "unspecified", 18), ("output", "unspecified", 42)],
        total: 60,
    },
    WholeReply {
        protocol: "bedrock",
        json: r#"{"model":"m-1","output":{"message":{"role":"assistant","content":[{"text":"Hello"}]}},"stopReason":"max_tokens","usage":{"inputTokens":12,"outputTokens":5,"totalTokens":47,"cacheReadInputTokens":30,"cacheWriteInputTokens":0}}"#,
        finish_reason: "length",
        usage: &[
            ("input", "uncached", 12),
            ("input", "cache_read", 30),
            ("input", "cache_write", 0),
            ("output", "unspecified", 5),
        ],
        total: 47,
    },
    WholeReply {
        protocol: "cohere",
        json: r#"{"model":"m-1","message":{"role":"assistant","content":[{"type":"text","text":"Hello"}]},"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":2,"output_tokens":5},"tokens":{"input_tokens":12,"output_tokens":5}}}"#,
        finish_reason: "stop",
        usage: &[("input", "unspecified", 12), ("output", "unspecified", 5)],
        total: 17,
    },
];

macro_rules! tracked {
    ($($name:ident = $protocol:literal;)*) => {
        $(
            mod $name {
                use super::{Frames, track_tokens};

                #[track_tokens(protocol = $protocol, provider = "house")]
                pub(super) fn whole_reply(reply: Vec<u8>) -> Vec<u8> {
                    reply
                }

                #[track_tokens(protocol = $protocol, provider = "house")]
                pub(super) fn streamed_reply(frames: Frames) -> Frames {
                    frames
                }
            }
        )*

        fn whole_reply(protocol: &str, reply: Vec<u8>) -> Vec<u8> {
            match protocol {
                $(stringify!($name) => $name::whole_reply(reply),)*
                other => panic!("unknown protocol: {other}"),
            }
        }

        fn streamed_reply(protocol: &str, frames: Frames) -> Frames {
            match protocol {
                $(stringify!($name) => $name::streamed_reply(frames),)*
                other => panic!("unknown protocol: {other}"),
            }
        }
    };
}

tracked! {
    openai = "openai";
    anthropic = "anthropic";
    gemini = "gemini";
    ollama = "ollama";
    bedrock = "bedrock";
    cohere = "cohere";
    auto = "auto";
}

const LABELS: [(&str, &str); 3] = [("endpoint", "/chat"), ("model", "m-1"), ("provider", "house")];

fn app(metrics: &Metrics, reply: impl Fn() -> Body + Clone + Send + Sync + 'static) -> Router {
    let handler = move || {
        let reply = reply();
        async move { reply }
    };
    Router::new().route("/chat", route_get(handler)).layer(metrics.layer())
}

async fn scrape_after_whole(protocol: &'static str, json: &str) -> Scrape {
    let metrics = metrics();
    let bytes = json.as_bytes().to_vec();
    let app = app(&metrics, move || Body::from(whole_reply(protocol, bytes.clone())));
    assert_eq!(get(&app, "/chat").await.1, json, "the reply passes unchanged");
    settled(&metrics)
}

/// Serves a stream and reads it to its end, or disconnects after the given number of frames.
async fn scrape_after_stream(
    protocol: &'static str,
    frames: Vec<&'static str>,
    ending: Ending,
    disconnect_after: Option<usize>,
) -> Scrape {
    let metrics = metrics();
    let source = move || Box::pin(source(frames.clone(), ending)) as Frames;
    let app = app(&metrics, move || Body::from_stream(streamed_reply(protocol, source())));
    let mut body = send(&app, Method::GET, "/chat").await.into_body();
    for _ in 0..disconnect_after.unwrap_or(usize::MAX) {
        let Some(Ok(_)) = body.frame().await else { break };
    }
    drop(body);
    settled(&metrics)
}

#[track_caller]
fn assert_usage(scrape: &Scrape, usage: &[(&str, &str, i64)], total: i64) {
    for (token_type, detail, tokens) in usage {
        let class = [&LABELS[..], &[("token_type", token_type), ("detail", detail)]].concat();
        assert_eq!(scrape.sum("app_token_usage_total", &class), *tokens, "{class:?}: {scrape:#?}");
    }
    assert_eq!(
        scrape.sum("app_token_usage_total", &LABELS),
        total,
        "the sum over all details is the total"
    );
    assert_eq!(scrape.sum("app_token_usage_total", &[]), total);
    assert_eq!(scrape.sum("app_request_tokens_sum", &LABELS[..2]), total);
}

/// Checks that one call has been counted with this finish reason, and whether its usage is missing.
#[track_caller]
fn assert_one_call(scrape: &Scrape, finish: &str, missing: Option<&str>) {
    let counted = ("finish_reason", finish);
    assert_eq!(
        scrape.sum("app_llm_calls_total", &[LABELS[0], LABELS[2], counted]),
        1,
        "{scrape:#?}"
    );
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{scrape:#?}");
    let without = i64::from(missing.is_some());
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), without, "{scrape:#?}");
    if let Some(missing) = missing {
        assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", missing)]), 1);
    }
}

#[track_caller]
fn assert_no_stream(scrape: &Scrape) {
    for family in ["active_streams", "stream_chunks_total", "stream_duration_seconds_count"] {
        assert_eq!(scrape.count(&format!("app_{family}"), &[LABELS[0]]), 0, "{family}");
    }
}

/// Pairs each sample with its own protocol and with `auto`.
fn samples_by_protocol() -> impl Iterator<Item = (&'static str, &'static Sample)> {
    SAMPLES.iter().flat_map(|sample| [(sample.protocol, sample), ("auto", sample)])
}

/// The reason for missing usage if no tokens are known.
fn missing_reason(tokens: i64, reason: &'static str) -> Option<&'static str> {
    (tokens == 0).then_some(reason)
}

#[tokio::test]
async fn usage_of_a_whole_reply_matches_the_provider() {
    for reply in &WHOLE_REPLIES {
        for protocol in [reply.protocol, "auto"] {
            let scrape = scrape_after_whole(protocol, reply.json).await;
            assert_usage(&scrape, reply.usage, reply.total);
            assert_one_call(&scrape, reply.finish_reason, None);
            assert_no_stream(&scrape);
        }
    }
}

#[tokio::test]
async fn usage_of_a_streamed_reply_matches_the_provider() {
    for (protocol, sample) in samples_by_protocol() {
        let scrape = scrape_after_stream(protocol, sample.frames(), Ending::Complete, None).await;
        assert_usage(&scrape, sample.usage, sample.total());
        assert_one_call(&scrape, "stop", None);
        assert_no_stream(&scrape);
    }
}

#[tokio::test]
async fn client_disconnect_keeps_partial_usage() {
    for (protocol, sample) in samples_by_protocol() {
        let scrape = scrape_after_stream(protocol, sample.frames(), Ending::Pending, Some(3)).await;
        assert_eq!(scrape.sum("app_token_usage_total", &[]), sample.partial_tokens);
        assert_one_call(
            &scrape,
            "cancelled",
            missing_reason(sample.partial_tokens, "disconnected"),
        );
        let scrape = scrape_after_stream(protocol, sample.frames(), Ending::Pending, Some(5)).await;
        assert_usage(&scrape, sample.usage, sample.total());
        assert_one_call(&scrape, "stop", None);
    }
}

#[tokio::test]
async fn failed_reply_keeps_partial_usage() {
    for (protocol, sample) in samples_by_protocol() {
        let frames = vec![sample.opening, sample.tokens[0], sample.tokens[1]];
        let scrape = scrape_after_stream(protocol, frames.clone(), Ending::Error, None).await;
        assert_eq!(scrape.sum("app_token_usage_total", &[]), sample.partial_tokens);
        assert_one_call(&scrape, "error", None);
        let frames = [&frames[..], &[sample.error]].concat();
        let scrape = scrape_after_stream(protocol, frames, Ending::Complete, None).await;
        assert_eq!(scrape.sum("app_token_usage_total", &[]), sample.partial_tokens);
        assert_one_call(&scrape, "error", None);
    }
}

#[tokio::test]
async fn usage_missing_is_counted_for_a_reply_without_usage() {
    for (json, finish, missing) in [
        (r#"{"model":"m-1","choices":[{"finish_reason":"stop"}]}"#, "stop", "not_sent"),
        (r#"{"error":{"message":"no","type":"server_error"}}"#, "error", "not_sent"),
        (r#"{"model":"m-1","usage":{"prompt_tokens":tw"#, "", "unparsed"),
        ("<html>", "", "not_sent"),
        ("", "", "not_sent"),
    ] {
        let scrape = scrape_after_whole("openai", json).await;
        let missing = Some(missing).filter(|_| finish != "error");
        assert_one_call(&scrape, finish, missing);
        assert_eq!(scrape.count("app_token_usage_total", &[]), 0, "{json}");
    }
}

/// Passes on the streamed reply of an upstream server.
#[track_tokens(protocol = "openai", provider = "house")]
async fn proxy(chunks: Vec<Bytes>) -> Response {
    let chunks = futures_util::stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>));
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(chunks)).into_response()
}

#[tokio::test]
async fn chunk_boundaries_do_not_change_body_or_usage() {
    let whole = OPENAI.frames().concat();
    let metrics = metrics();
    for split in 0..=whole.len() {
        let (before, after) = whole.as_bytes().split_at(split);
        let chunks = [before, after].map(Bytes::copy_from_slice).to_vec();
        let sent = chunks.clone();
        let handler = move || proxy(sent.clone());
        let app = Router::new().route("/chat", route_get(handler)).layer(metrics.layer());
        let mut body = send(&app, Method::GET, "/chat").await.into_body();
        for chunk in chunks {
            let frame = body
                .frame()
                .await
                .expect("the body has a frame")
                .expect("the frame is not an error");
            assert_eq!(
                frame.into_data().expect("the frame holds data"),
                chunk,
                "chunks are not regrouped"
            );
        }
        assert!(body.frame().await.is_none());
        drop(body);
    }
    let calls = i64::try_from(whole.len()).expect("the length fits") + 1;
    let scrape = settled(&metrics);
    for (token_type, detail, tokens) in OPENAI.usage {
        let class = [&LABELS[..], &[("token_type", token_type), ("detail", detail)]].concat();
        assert_eq!(scrape.sum("app_token_usage_total", &class), tokens * calls);
    }
    assert_eq!(scrape.sum("app_llm_calls_total", &[("finish_reason", "stop")]), calls);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}
