//! Binary event streams, `application/vnd.amazon.eventstream`, encoded here after the published
//! format.

mod content;
mod damage;

use super::read_chunks;
use crate::llm::crc32::Crc32;
use crate::llm::event_stream::{Decoder, EventStreamItem};
use crate::llm::message_scanner::MessageScanner;
use crate::llm::{ChunkFindings, Protocol, ReplyReader};
use crate::usage::{FinishReason, Usage};

/// Encodes a message, given its headers in their encoded form.
fn message(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = |length: usize| u32::try_from(length).unwrap().to_be_bytes();
    let mut message = Vec::new();
    message.extend(length(headers.len() + payload.len() + 16));
    message.extend(length(headers.len()));
    message.extend(Crc32::of(&message).to_be_bytes());
    message.extend(headers);
    message.extend(payload);
    message.extend(Crc32::of(&message).to_be_bytes());
    message
}

/// Encodes a header, given its value in its encoded form.
fn header(name: &str, value_type: u8, value: &[u8]) -> Vec<u8> {
    let mut header = vec![u8::try_from(name.len()).unwrap()];
    header.extend(name.as_bytes());
    header.push(value_type);
    header.extend(value);
    header
}

fn text_header(name: &str, value: &str) -> Vec<u8> {
    let mut encoded = u16::try_from(value.len()).unwrap().to_be_bytes().to_vec();
    encoded.extend(value.as_bytes());
    header(name, 7, &encoded)
}

fn event(event_type: &str, payload: &str) -> Vec<u8> {
    let headers = [
        text_header(":event-type", event_type),
        text_header(":content-type", "application/json"),
        text_header(":message-type", "event"),
    ];
    message(&headers.concat(), payload.as_bytes())
}

/// Encodes an event whose payload is a frame in base64, as in Bedrock's invoke API.
fn chunk(frame: &str) -> Vec<u8> {
    event("chunk", &format!("{{\"bytes\":\"{}\",\"p\":\"abcdefgh\"}}", base64(frame.as_bytes())))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        let bits = bits << (8 * (3 - group.len()));
        for digit in 0..4 {
            let is_padding = digit > group.len();
            let digit = char::from(DIGITS[bits >> (18 - 6 * digit) & 63]);
            text.push(if is_padding { '=' } else { digit });
        }
    }
    text
}

fn exception(exception_type: &str) -> Vec<u8> {
    let headers = [
        text_header(":exception-type", exception_type),
        text_header(":content-type", "application/json"),
        text_header(":message-type", "exception"),
    ];
    message(&headers.concat(), br#"{"message":"\"usage\"","usage":{"inputTokens":9}}"#)
}

/// Returns the messages of a stream of Bedrock's Converse.
fn converse() -> Vec<Vec<u8>> {
    vec![
        event("messageStart", r#"{"p":"abc","role":"assistant"}"#),
        event("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hi"},"p":"ab"}"#),
        event("contentBlockStop", r#"{"contentBlockIndex":0,"p":"abcdefgh"}"#),
        event("messageStop", r#"{"p":"abcdefg","stopReason":"max_tokens"}"#),
        event(
            "metadata",
            r#"{"metrics":{"latencyMs":5},"p":"a","usage":{"inputTokens":8,"outputTokens":10,"totalTokens":18}}"#,
        ),
    ]
}

/// Returns the messages of a stream of Bedrock's invoke API with a model of Anthropic's.
fn invoke() -> Vec<Vec<u8>> {
    vec![
        chunk(
            r#"{"type":"message_start","message":{"model":"m-1","content":[],"usage":{"input_tokens":16,"cache_read_input_tokens":4,"output_tokens":1}}}"#,
        ),
        chunk(
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"??>>"}}"#,
        ),
        chunk(
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7}}"#,
        ),
        chunk(r#"{"type":"message_stop"}"#),
    ]
}

/// What a test compares of a reply.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the values are independent of each other")]
struct Summary {
    usage: Option<Usage>,
    finish_reason: FinishReason,
    model: Option<String>,
    error_type: Option<String>,
    failed: bool,
    ended: bool,
    content: bool,
    unparsed: bool,
    is_streamed: bool,
    errors: usize,
}

const CONVERSE: Summary = Summary {
    usage: Some(Usage::new(8, 10)),
    finish_reason: FinishReason::Length,
    model: None,
    error_type: None,
    failed: false,
    ended: true,
    content: true,
    unparsed: false,
    is_streamed: true,
    errors: 0,
};

fn invoked() -> Summary {
    Summary {
        usage: Some(Usage::new(20, 7).cache_read(4)),
        finish_reason: FinishReason::Stop,
        model: Some("m-1".to_owned()),
        ..CONVERSE
    }
}

fn summarize<'a>(protocol: Protocol, chunks: impl Iterator<Item = &'a [u8]>) -> Summary {
    let (reader, findings, errors) = read_chunks(protocol, chunks);
    Summary {
        usage: reader.usage(),
        finish_reason: reader.finish_reason(),
        model: reader.model().map(str::to_owned),
        error_type: reader.error_type().map(str::to_owned),
        failed: reader.failed(),
        ended: reader.ended(),
        content: findings.content && findings.answer,
        unparsed: reader.unparsed(),
        is_streamed: reader.is_streamed(),
        errors,
    }
}

/// Returns what the reader finds in a stream, which is the same however the stream is split.
#[track_caller]
fn summary(protocol: Protocol, stream: &[u8]) -> Summary {
    let whole = summarize(protocol, [stream].into_iter());
    for at in 0..=stream.len() {
        let (first, second) = stream.split_at(at);
        assert_eq!(summarize(protocol, [first, second].into_iter()), whole, "split at {at}");
    }
    for size in [1, 2, 3, 5, 7, 11, 12, 13, 64] {
        assert_eq!(summarize(protocol, stream.chunks(size)), whole, "chunks of {size}");
    }
    whole
}

/// Decodes a stream. Returns the payload of each message, and whether the message is valid, and the
/// number of places where no message begins.
fn decode<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> (Vec<(Vec<u8>, bool)>, usize) {
    let mut decoder = Decoder::new();
    let (mut messages, mut payload, mut lost) = (Vec::new(), Vec::new(), 0);
    for mut bytes in chunks {
        while let Some(item) = decoder.next(&mut bytes) {
            match item {
                EventStreamItem::Payload(part) => payload.extend_from_slice(part),
                EventStreamItem::MessageEnd { is_valid } => {
                    messages.push((std::mem::take(&mut payload), is_valid));
                }
                EventStreamItem::NoMessage { .. } => lost += 1,
            }
        }
    }
    (messages, lost)
}

#[test]
fn event_stream_scanner_size_is_bounded() {
    assert!(size_of::<MessageScanner>() <= 512, "{}", size_of::<MessageScanner>());
}

#[test]
fn event_stream_of_converse_is_read_with_any_protocol() {
    let stream = converse().concat();
    for protocol in [Protocol::Auto, Protocol::Bedrock, Protocol::Anthropic, Protocol::OpenAi] {
        assert_eq!(summary(protocol, &stream), CONVERSE, "{protocol:?}");
    }
}

#[test]
fn event_stream_of_invoke_is_read_with_any_protocol() {
    let stream = invoke().concat();
    for protocol in [Protocol::Auto, Protocol::Bedrock, Protocol::Anthropic] {
        assert_eq!(summary(protocol, &stream), invoked(), "{protocol:?}");
    }
}

#[test]
fn event_stream_has_no_keep_alive() {
    let mut reader = ReplyReader::new(Protocol::Bedrock);
    for byte in converse().concat() {
        let findings = reader.read(&[byte]);
        assert_eq!(findings.comment_bytes, 0);
    }
    assert_eq!(reader.end(), ChunkFindings::default());
}

#[test]
fn event_stream_content_counts_when_its_message_has_ended() {
    let messages = converse();
    let mut reader = ReplyReader::new(Protocol::Auto);
    assert!(!reader.read(&messages[0]).content);
    let (start, end) = messages[1].split_at(messages[1].len() - 1);
    assert!(!reader.read(start).content);
    assert!(reader.read(end).content);
    assert!(!reader.read(&messages[2]).content);
    let empty = event("contentBlockDelta", r#"{"delta":{"text":""}}"#);
    assert!(!reader.read(&empty).content);
    let tool = event("contentBlockDelta", r#"{"delta":{"toolUse":{"input":"{\"a"}}}"#);
    assert!(reader.read(&tool).content);
}

#[test]
fn event_stream_exception_is_an_error_with_its_type() {
    let mut messages = converse();
    messages.truncate(2);
    messages.push(exception("throttlingException"));
    let failed = Summary {
        usage: None,
        finish_reason: FinishReason::Error,
        error_type: Some("throttlingException".to_owned()),
        failed: true,
        ended: false,
        errors: 1,
        ..CONVERSE
    };
    assert_eq!(summary(Protocol::Auto, &messages.concat()), failed);

    let headers =
        [text_header(":error-code", "InternalError"), text_header(":message-type", "error")];
    messages[2] = message(&headers.concat(), b"");
    let error_type = Some("InternalError".to_owned());
    let expected = Summary { error_type, ..failed.clone() };
    assert_eq!(summary(Protocol::Bedrock, &messages.concat()), expected);

    // The type of an error is one word of at most 64 bytes.
    for error_type in ["no identifier", &"e".repeat(65)] {
        messages[2] = exception(error_type);
        let expected = Summary { error_type: None, ..failed.clone() };
        assert_eq!(summary(Protocol::Bedrock, &messages.concat()), expected);
    }

    let only = Summary { content: false, ..failed };
    assert_eq!(summary(Protocol::Auto, &exception("throttlingException")), only);
}

#[test]
fn event_stream_error_event_of_the_model_is_an_error() {
    let mut messages = invoke();
    messages[3] = chunk(r#"{"type":"error","error":{"type":"overloaded_error"}}"#);
    let read = summary(Protocol::Bedrock, &messages.concat());
    assert_eq!(read.error_type.as_deref(), Some("overloaded_error"));
    assert_eq!((read.errors, read.ended), (1, false));
}

#[test]
fn event_stream_that_is_cut_off_has_no_end() {
    let messages = converse();
    let stream = messages.concat();
    let metadata = stream.len() - messages[4].len();
    let stop = metadata - messages[3].len();
    let content = messages[0].len() + messages[1].len();
    for length in 1..stream.len() {
        let read = summarize(Protocol::Auto, [&stream[..length]].into_iter());
        assert_eq!(read.usage, None, "{length}");
        assert_eq!(read.ended, length >= metadata, "{length}");
        let finish = if length < metadata { FinishReason::Unknown } else { FinishReason::Length };
        assert_eq!(read.finish_reason, finish, "{length}");
        assert_eq!(read.content, length >= content, "{length}");
        assert!(!read.unparsed || length > stop, "{length}");
    }
    // The usage was sent, but not the checksum that shows it to be right.
    let read = summarize(Protocol::Auto, [&stream[..stream.len() - 1]].into_iter());
    assert!(read.unparsed);
}
