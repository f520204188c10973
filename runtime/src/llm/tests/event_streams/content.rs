//! What counts of the headers and payloads of valid messages.

use std::fmt::Write;

use super::{
    CONVERSE, base64, chunk, converse, decode, event, header, invoke, invoked, message, summarize,
    summary, text_header,
};
use crate::llm::tests::{check, samples};
use crate::llm::{Operation, Protocol, ReplyReader};
use crate::usage::{FinishReason, Usage};

#[test]
fn event_stream_messages_equal_published_vectors() {
    // The vectors that the SDKs share: without headers and payload, with a payload, with a header.
    let empty = b"\x00\x00\x00\x10\x00\x00\x00\x00\x05\xC2\x48\xEB\x7D\x98\xC8\xFF";
    let payload = b"\x00\x00\x00\x1D\x00\x00\x00\x00\xFD\x52\x8C\x5A{'foo':'bar'}\xC3\x65\x39\x36";
    let header = b"\x00\x00\x00\x2D\x00\x00\x00\x10\x41\xC4\x24\xB8\x0Aevent-type\x04\x00\x00\xA0\x0C{'foo':'bar'}\x36\xF4\x80\xA0";
    let stream = [&empty[..], payload, header].concat();
    let foo = b"{'foo':'bar'}".to_vec();
    let expected = (vec![(Vec::new(), true), (foo.clone(), true), (foo, true)], 0);
    assert_eq!(decode([&*stream].into_iter()), expected);
    assert_eq!(decode(stream.chunks(1)), expected);
}

#[test]
fn event_stream_headers_of_all_types_are_skipped() {
    let others = [
        header("true", 0, b""),
        header("false", 1, b""),
        header("byte", 2, b"\x07"),
        header("short", 3, b"\x07\x07"),
        header("integer", 4, b"\x07\x07\x07\x07"),
        header("long", 5, &[7; 8]),
        header("bytes", 6, b"\x00\x03\x07\x07\x07"),
        header("no bytes", 6, b"\x00\x00"),
        text_header("text", &"x".repeat(40_000)),
        text_header("no text", ""),
        header("timestamp", 8, &[7; 8]),
        header("uuid", 9, &[7; 16]),
        text_header(&"n".repeat(255), "event"),
        text_header(":date", "now"),
        // The names that matter, with a value that is not a string.
        header(":message-type", 6, b"\x00\x05error"),
        header(":event-type", 0, b""),
    ];
    let names =
        [text_header(":event-type", "messageStop"), text_header(":message-type", "event")].concat();
    let payload = br#"{"stopReason":"end_turn"}"#;
    for other in &others {
        for headers in [[&names[..], other].concat(), [&other[..], &names].concat()] {
            let stream = message(&headers, payload);
            for size in [1, 2, 3, 7, stream.len()] {
                let read = summarize(Protocol::Auto, stream.chunks(size));
                let name = headers.escape_ascii();
                assert_eq!(
                    (read.finish_reason, read.unparsed),
                    (FinishReason::Stop, false),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn event_stream_messages_of_other_types_are_not_read() {
    let usage = r#"{"usage":{"inputTokens":9,"outputTokens":9},"stopReason":"end_turn"}"#;
    let with = |headers: &[Vec<u8>]| message(&headers.concat(), usage.as_bytes());
    let message_type = text_header(":message-type", "event");
    for other in [
        event("initial-response", usage),
        event("trace", usage),
        event("", usage),
        event("metadat", usage),
        event(&"metadata".repeat(20), usage),
        // Not in base64.
        event("chunk", usage),
        event("metadata", &format!("[{usage}]")),
        with(&[]),
        with(&[message_type]),
        with(&[text_header(":event-type", "metadata")]),
        with(&[text_header(":event-type", "metadata"), text_header(":message-type", "other")]),
        with(&[text_header(":event-type", "metadata"), text_header(":message-type", "exception")]),
    ] {
        let read = summary(Protocol::Bedrock, &other);
        let text = other.escape_ascii();
        assert_eq!((read.usage, read.unparsed, read.ended), (None, false, false), "{text}");
        let reads_finish = FinishReason::Unknown;
        assert!(read.failed || read.finish_reason == reads_finish, "{text}");
        assert_eq!(
            summarize(Protocol::Auto, [&*[other, converse().concat()].concat()].into_iter()).usage,
            CONVERSE.usage
        );
    }
}

#[test]
fn event_stream_usage_in_content_does_not_count() {
    let mut messages = converse();
    let usage = r#"\"usage\":{\"inputTokens\":99}"#;
    messages[1] = event(
        "contentBlockDelta",
        &format!("{{\"delta\":{{\"text\":\"{usage}\",\"usage\":{{\"inputTokens\":99}}}}}}"),
    );
    // A second object in a payload, and a second frame in base64.
    messages.push(event("metadata", r#"{"metrics":{}}{"usage":{"inputTokens":99}}"#));
    assert_eq!(summary(Protocol::Auto, &messages.concat()), CONVERSE);
    let mut messages = invoke();
    messages.push(chunk(r#"{"type":"ping"}{"type":"message_delta","usage":{"output_tokens":99}}"#));
    assert_eq!(summary(Protocol::Auto, &messages.concat()), invoked());
}

#[test]
fn event_stream_base64_may_be_escaped_and_stand_anywhere() {
    for frame in [
        r#"{"type":"message_delta","usage":{"output_tokens":7},"a":"??>>~~"}"#,
        r#"{"type":"message_delta","usage":{"output_tokens":7},"a":"??>>~~?"}"#,
        r#"{"type":"message_delta","usage":{"output_tokens":7},"a":"??>>~~??"}"#,
    ] {
        let text = base64(frame.as_bytes());
        for text in [text.replace('/', "\\/"), text.replace('+', "\\u002B").replace('=', "\\u003d")]
        {
            for payload in [
                format!("{{\"bytes\":\"{text}\"}}"),
                format!(
                    "{{\"p\":\"\\\"bytes\\\":\",\"x\":[{{\"bytes\":\"e30=\"}}],\"bytes\":\"{text}\"}}"
                ),
            ] {
                let stream = event("chunk", &payload);
                let read = summary(Protocol::Bedrock, &stream);
                assert_eq!(read.usage.map(|usage| usage.total()), Some(7), "{payload}");
                assert!(!read.unparsed, "{payload}");
            }
        }
    }
}

#[test]
fn event_stream_message_of_a_megabyte_is_read() {
    let mut text = String::new();
    while text.len() < 1 << 20 {
        let _ = write!(text, "\\\"usage\\\":{{\\\"input_tokens\\\":{}}} ä\\n", text.len());
    }
    let delta = format!(
        "{{\"type\":\"content_block_delta\",\"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}"
    );
    let mut messages = invoke();
    messages[1] = chunk(&delta);
    messages.push(event("contentBlockDelta", &delta));
    let stream = messages.concat();
    for size in [7, 1 << 10, 1 << 16, stream.len()] {
        assert_eq!(summarize(Protocol::Auto, stream.chunks(size)), invoked());
    }
}

#[test]
fn event_stream_is_not_assumed_for_other_bytes_that_begin_alike() {
    let events =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n";
    for start in
        ["\0\n", "\0\0\0\0\n\n", "\u{1}: 34567890123456\n", "\0\0\0\u{10}\0\0\0\0\0\0\0\0\n"]
    {
        let read = summary(Protocol::OpenAi, format!("{start}{events}").as_bytes());
        assert_eq!(read.usage, Some(Usage::new(3, 4)), "{start:?}");
    }
    for bytes in [&b"\0"[..], b"\0\0\0\x10", b"\x01text", &[0; 5_000], b"\0\0\0 ftypisom"] {
        let read = summary(Protocol::Auto, bytes);
        assert_eq!((read.usage, read.is_streamed, read.failed), (None, false, false), "{bytes:?}");
    }
}

#[test]
fn event_stream_keep_alives_are_found_in_other_bytes_that_begin_alike() {
    let mut reader = ReplyReader::new(Protocol::OpenAi);
    assert_eq!(reader.read(b"\0 a line of text\n\n").comment_bytes, 0);
    assert_eq!(reader.read(b": keep-alive\n\n").comment_bytes, 14);
}

/// Each frame of a sample is the payload of a chunk, as in Bedrock's invoke API.
#[test]
fn event_streams_of_the_samples_are_read_when_split_anywhere() {
    let protocols = [Protocol::Bedrock, Protocol::Anthropic, Protocol::Cohere];
    let mut streams = 0;
    for sample in samples::all() {
        // The results of a batch are a file, and no stream.
        let is_batch = sample.expected.operation == Operation::Other;
        if sample.is_object() || is_batch || !protocols.contains(&sample.protocol) {
            continue;
        }
        let frames = sample.bytes.lines().map(|line| line.trim_start_matches("data: "));
        let frames = frames.filter(|frame| frame.starts_with('{'));
        let stream: Vec<u8> = frames.flat_map(chunk).collect();
        for protocol in [Protocol::Bedrock, Protocol::Auto] {
            check(&sample, protocol, [&*stream], &"whole");
            check(&sample, protocol, stream.chunks(1), &"byte by byte");
        }
        for at in 0..=stream.len() {
            check(&sample, Protocol::Bedrock, [&stream[..at], &stream[at..]], &at);
        }
        streams += 1;
    }
    assert!(streams > 30, "{streams}");
}
