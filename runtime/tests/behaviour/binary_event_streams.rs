//! Bedrock's binary event streams, `application/vnd.amazon.eventstream`.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use futures_util::stream as streams;
use streamgauge::{streaming_metrics, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, settled};

const ENDPOINT: (&str, &str) = ("endpoint", "/chat");

/// The CRC-32 of IEEE 802.3, bit by bit.
fn crc32(bytes: &[u8]) -> [u8; 4] {
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    });
    (!crc).to_be_bytes()
}

/// Encodes a message with two headers.
fn message(headers: [(&str, &str); 2], payload: &str) -> Vec<u8> {
    let mut encoded = Vec::new();
    for (name, value) in headers {
        encoded.push(u8::try_from(name.len()).unwrap());
        encoded.extend(name.as_bytes());
        encoded.push(7);
        encoded.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        encoded.extend(value.as_bytes());
    }
    let total = u32::try_from(encoded.len() + payload.len() + 16).unwrap();
    let mut message = total.to_be_bytes().to_vec();
    message.extend(u32::try_from(encoded.len()).unwrap().to_be_bytes());
    message.extend(crc32(&message));
    message.extend(encoded);
    message.extend(payload.as_bytes());
    message.extend(crc32(&message));
    message
}

fn event(name: &str, payload: &str) -> Vec<u8> {
    message([(":message-type", "event"), (":event-type", name)], payload)
}

/// Returns the messages of a reply of Converse.
fn messages() -> Vec<Vec<u8>> {
    vec![
        event("messageStart", r#"{"role":"assistant"}"#),
        event("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#),
        event("messageStop", r#"{"stopReason":"end_turn"}"#),
        event("metadata", r#"{"usage":{"inputTokens":8,"outputTokens":10,"totalTokens":18}}"#),
    ]
}

fn response(messages: Vec<Vec<u8>>) -> Response {
    let chunks = messages.into_iter().map(|message| Ok::<_, std::io::Error>(Bytes::from(message)));
    let body = Body::from_stream(streams::iter(chunks));
    ([(CONTENT_TYPE, "application/vnd.amazon.eventstream")], body).into_response()
}

#[streaming_metrics(protocol = "bedrock")]
async fn chat(messages: Vec<Vec<u8>>) -> Response {
    response(messages)
}

async fn scrape_after(router: Router) -> Scrape {
    let metrics = metrics();
    get(&router.layer(metrics.layer()), "/chat").await;
    settled(&metrics)
}

async fn scrape_after_chat(messages: Vec<Vec<u8>>) -> Scrape {
    let handler = move || chat(messages.clone());
    scrape_after(Router::new().route("/chat", route_get(handler))).await
}

#[tokio::test]
async fn binary_event_stream_is_a_stream_with_usage() {
    let bytes = i64::try_from(messages().concat().len()).unwrap();
    let scrape = scrape_after_chat(messages()).await;
    let sum = |name: &str, label| scrape.sum(name, &[ENDPOINT, label]);
    assert_eq!(sum("app_token_usage_total", ENDPOINT), 18, "{scrape:#?}");
    assert_eq!(sum("app_stream_duration_seconds_count", ("outcome", "complete")), 1);
    assert_eq!(sum("app_llm_calls_total", ("finish_reason", "stop")), 1);
    assert_eq!(sum("app_stream_chunks_total", ENDPOINT), 4);
    assert_eq!(sum("app_stream_bytes_total", ENDPOINT), bytes);
    assert_eq!(sum("app_time_to_first_token_seconds_count", ENDPOINT), 1);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}

#[tokio::test]
async fn binary_event_stream_that_is_cut_off_is_truncated() {
    let mut cut = messages();
    cut.truncate(2);
    let scrape = scrape_after_chat(cut).await;
    let outcome = [ENDPOINT, ("outcome", "truncated")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &outcome), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "not_sent")]), 1);

    // The usage is in a message whose checksum is wrong.
    let mut damaged = messages();
    *damaged[3].last_mut().unwrap() ^= 1;
    let scrape = scrape_after_chat(damaged).await;
    let outcome = [ENDPOINT, ("outcome", "complete")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &outcome), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_token_usage_total", &[]), 0);
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "unparsed")]), 1);
}

#[tokio::test]
async fn binary_event_stream_exception_is_an_error_event() {
    let headers = [(":message-type", "exception"), (":exception-type", "throttlingException")];
    let mut failed = messages();
    failed.truncate(2);
    failed.push(message(headers, r#"{"message":"Too many requests"}"#));
    let scrape = scrape_after_chat(failed).await;
    let outcome = [ENDPOINT, ("outcome", "error_event")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &outcome), 1, "{scrape:#?}");
    let error = [ENDPOINT, ("error_type", "throttlingException")];
    assert_eq!(scrape.sum("app_stream_errors_total", &error), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_llm_calls_total", &[("finish_reason", "error")]), 1);
}

#[tokio::test]
async fn binary_event_stream_of_a_tracked_function_is_read() {
    #[track_tokens(protocol = "auto")]
    async fn converse() -> Response {
        response(messages())
    }
    let scrape = scrape_after(Router::new().route("/chat", route_get(converse))).await;
    assert_eq!(scrape.sum("app_token_usage_total", &[ENDPOINT]), 18, "{scrape:#?}");
    assert_eq!(scrape.sum("app_llm_calls_total", &[("finish_reason", "stop")]), 1);
}
