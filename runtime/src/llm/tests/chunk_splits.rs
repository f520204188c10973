//! A reply yields the same findings however it is split and however its lines end.

use super::{check, samples};
use crate::llm::replay::PROTOCOLS;
use crate::llm::{Completion, Protocol, ReplyReader};

#[test]
fn samples_are_read_in_one_chunk() {
    for sample in samples::all() {
        check(&sample, sample.protocol, [sample.bytes.as_bytes()], &"one chunk");
    }
}

#[test]
fn samples_are_read_when_split_anywhere() {
    for sample in samples::all() {
        let bytes = sample.bytes.as_bytes();
        for at in 0..=bytes.len() {
            let (first, second) = bytes.split_at(at);
            check(&sample, sample.protocol, [first, second], &("split at", at));
        }
    }
}

#[test]
fn samples_are_read_in_chunks_of_any_size() {
    for sample in samples::all() {
        let bytes = sample.bytes.as_bytes();
        for size in 1..=bytes.len() {
            check(&sample, sample.protocol, bytes.chunks(size), &("chunks of", size));
        }
    }
}

#[test]
fn line_ends_and_byte_order_mark_do_not_matter() {
    for sample in samples::all() {
        let unix = sample.bytes.replace("\r\n", "\n");
        for line_end in ["\n", "\r\n", "\r"] {
            // A carriage return alone ends a line of an event stream, but not a line of JSON.
            if line_end == "\r" && !unix.starts_with(['d', 'e']) {
                continue;
            }
            let bytes = format!("\u{feff}{}", unix.replace('\n', line_end)).into_bytes();
            for size in [1, 2, 3, 5, 8, 64, bytes.len()] {
                check(&sample, sample.protocol, bytes.chunks(size), &(line_end, size));
            }
        }
    }
}

#[test]
fn protocol_is_detected() {
    for sample in samples::all() {
        check(&sample, Protocol::Auto, [sample.bytes.as_bytes()], &"detected");
        check(&sample, Protocol::Auto, sample.bytes.as_bytes().chunks(1), &"detected byte by byte");
    }
}

#[test]
fn usage_is_not_read_in_another_protocol() {
    for sample in samples::all() {
        let others = PROTOCOLS.into_iter().filter(|other| *other != sample.protocol);
        for protocol in others.filter(|other| *other != Protocol::Auto) {
            // The counts of the first two protocols have the same names, and Bedrock passes on the
            // replies of the others.
            let related = [Protocol::OpenAi, Protocol::Anthropic];
            let passed_on = [Protocol::OpenAi, Protocol::Anthropic, Protocol::Cohere];
            let is_related = |one: Protocol, other: Protocol| {
                (related.contains(&one) && related.contains(&other))
                    || (one == Protocol::Bedrock && passed_on.contains(&other))
            };
            if is_related(protocol, sample.protocol) || is_related(sample.protocol, protocol) {
                continue;
            }
            let reader = super::read(protocol, sample.bytes);
            assert_eq!(reader.usage(), None, "{} as {protocol:?}", sample.name);
            // Cohere's streams may end with the marker of OpenAI's, too.
            let has_marker = sample.bytes.starts_with('{') || sample.bytes.contains("[DONE]");
            assert!(!reader.ended() || has_marker, "{}", sample.name);
        }
    }
}

/// A gateway may send the events of a stream as JSON lines.
#[rustfmt::skip]
#[test]
fn event_as_a_json_line_is_no_whole_reply() {
    for (protocol, event) in [
        (Protocol::Anthropic, r#"{"type":"message_start","message":{"model":"m-1","content":[]}}"#),
        (Protocol::Anthropic, r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"a"}}"#),
        (Protocol::OpenAi, r#"{"type":"response.created","response":{"status":"in_progress"}}"#),
        (Protocol::OpenAi, r#"{"type":"response.output_text.delta","delta":"a"}"#),
        (Protocol::OpenAi, r#"{"object":"chat.completion.chunk","choices":[{"delta":{"content":"a"}}]}"#),
        (Protocol::Gemini, r#"{"event_type":"step.delta","delta":{"type":"text","text":"a"}}"#),
        (Protocol::Bedrock, r#"{"type":"message_start","message":{"model":"m-1","content":[]}}"#),
    ] {
        for protocol in [protocol, Protocol::Auto] {
            let reader = super::read(protocol, &format!("{event}\n"));
            assert_eq!(reader.completion(true), Some(Completion::Truncated), "{event}");
            assert!(reader.is_streamed() && !reader.ended(), "{event}");
        }
    }
}

#[test]
fn keep_alive_and_content_are_found_per_chunk() {
    let mut reader = ReplyReader::new(Protocol::OpenAi);
    let mut read = |bytes: &str| {
        let findings = reader.read(bytes.as_bytes());
        (findings.content, findings.is_keep_alive(bytes.as_bytes()))
    };
    assert_eq!(read(": hi\n\n"), (false, true));
    assert_eq!(read(": spl"), (false, true));
    assert_eq!(read("it\n\n:\n\n"), (false, true));
    assert_eq!(read(""), (false, false));
    assert_eq!(read("retry: 3\n\n"), (false, false));
    assert_eq!(read(":\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"a"), (false, false));
    assert_eq!(read("\"}}]}"), (true, false));
    assert_eq!(read("\r"), (false, false), "ends a line of data");
    assert_eq!(read("\n"), (false, false), "is part of that line end");
    assert_eq!(read("\n: x\n\n"), (false, false), "ends an event");
    assert_eq!(read("\n"), (false, true));
    assert_eq!(read(": x\r\n\r"), (false, true));
    assert_eq!(read("\n"), (false, true));
    assert_eq!(read("data: {\"choices\":[{\"delta\":{\"content\":\"\"}}]}\n\n"), (false, false));
    assert_eq!(read("data: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\n"), (true, false));
}

#[test]
fn events_with_multiline_data_are_read() {
    let reader = super::read(
        Protocol::Auto,
        "id: 1\ndata: {\"choices\":[],\ndata:  \"usage\": {\ndata:\ndata: \"prompt_tokens\": 4,\n\
         data: \"completion_tokens\": 2}\ndata: }\n\ndatum: 1\nevents: error\n\ndata: [DONE] \n\n",
    );
    assert_eq!(reader.usage().map(|usage| usage.total()), Some(6));
    assert!(!reader.failed());
    assert!(!reader.ended(), "[DONE] is followed by a space");
}

#[test]
fn error_event_may_be_named_after_its_data() {
    for events in [
        "event: error\ndata: oh\n\n",
        "event:error\ndata\n\n",
        "data: oh\nevent: error\n\n",
        "event: error\ndata:",
    ] {
        let reader = super::read(Protocol::Gemini, events);
        assert_eq!(reader.failed(), !events.contains("data\n"), "{events:?}");
    }
    let reader = super::read(Protocol::Auto, "event: error\n\ndata: {\"error\":null}\n\n");
    assert!(!reader.failed());
}

#[test]
fn error_event_and_failed_response_are_one_error() {
    for (code, error_type) in [("null", "rate_limit_exceeded"), ("\"a\"", "a")] {
        let events = format!(
            "event: error\ndata: {{\"type\":\"error\",\"code\":{code},\"message\":\"no\"}}\n\n\
             event: response.failed\ndata: {{\"type\":\"response.failed\",\"response\":\
             {{\"status\":\"failed\",\"error\":{{\"code\":\"rate_limit_exceeded\"}}}}}}\n\n"
        );
        for at in 0..=events.len() {
            let (first, second) = events.as_bytes().split_at(at);
            let (reader, _, errors) = super::read_chunks(Protocol::OpenAi, [first, second]);
            assert_eq!((errors, reader.error_type()), (1, Some(error_type)), "split at {at}");
        }
    }
}
