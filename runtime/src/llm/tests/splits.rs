//! However the bytes are split and their lines end, they tell the same.

use super::{check, samples};
use crate::llm::Protocol;
use crate::llm::Reader;

#[test]
fn samples_in_one_piece() {
    for sample in samples::all() {
        check(&sample, sample.protocol, [sample.bytes.as_bytes()], &"one piece");
    }
}

#[test]
fn every_split() {
    for sample in samples::all() {
        let bytes = sample.bytes.as_bytes();
        for at in 0..=bytes.len() {
            let (one, other) = bytes.split_at(at);
            check(&sample, sample.protocol, [one, other], &("split at", at));
        }
    }
}

#[test]
fn every_size_of_piece() {
    for sample in samples::all() {
        let bytes = sample.bytes.as_bytes();
        for size in 1..=bytes.len() {
            check(&sample, sample.protocol, bytes.chunks(size), &("pieces of", size));
        }
    }
}

#[test]
fn other_line_ends_and_a_byte_order_mark() {
    for sample in samples::all() {
        let plain = sample.bytes.replace("\r\n", "\n");
        for line_end in ["\n", "\r\n", "\r"] {
            // A carriage return alone ends a line of events, not one of objects.
            if line_end == "\r" && !plain.starts_with(['d', 'e']) {
                continue;
            }
            let bytes = format!("\u{feff}{}", plain.replace('\n', line_end)).into_bytes();
            for size in [1, 2, 3, 5, 8, 64, bytes.len()] {
                check(&sample, sample.protocol, bytes.chunks(size), &(line_end, size));
            }
        }
    }
}

#[test]
fn the_protocol_is_recognised() {
    for sample in samples::all() {
        check(&sample, Protocol::Auto, [sample.bytes.as_bytes()], &"recognised");
        check(&sample, Protocol::Auto, sample.bytes.as_bytes().chunks(1), &"recognised by bytes");
    }
}

#[test]
fn another_protocol_counts_nothing_of_it() {
    let all = [
        Protocol::OpenAi,
        Protocol::Anthropic,
        Protocol::Gemini,
        Protocol::Ollama,
        Protocol::Bedrock,
    ];
    for sample in samples::all() {
        for protocol in all.into_iter().filter(|protocol| *protocol != sample.protocol) {
            // These two share the names of their counts.
            let related = [Protocol::OpenAi, Protocol::Anthropic];
            if related.contains(&protocol) && related.contains(&sample.protocol) {
                continue;
            }
            let reader = super::read(protocol, sample.bytes);
            assert_eq!(reader.usage(), None, "{} as {protocol:?}", sample.name);
            assert!(!reader.ended() || sample.bytes.starts_with('{'), "{}", sample.name);
        }
    }
}

#[test]
fn what_a_piece_had_in_it() {
    let mut reader = Reader::new(Protocol::OpenAi);
    let mut read = |bytes: &str| {
        let seen = reader.read(bytes.as_bytes());
        (seen.content, seen.comment_only)
    };
    assert_eq!(read(": hi\n\n"), (false, true));
    assert_eq!(read(": spl"), (false, true));
    assert_eq!(read("it\n\n:\n\n"), (false, true));
    assert_eq!(read(""), (false, false));
    assert_eq!(read("retry: 3\n\n"), (false, false));
    assert_eq!(read(":\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"a"), (false, false));
    assert_eq!(read("\"}}]}"), (true, false));
    assert_eq!(read("\r"), (false, false), "it ends a line of data");
    assert_eq!(read("\n"), (false, false), "it belongs to that end");
    assert_eq!(read("\n: x\n\n"), (false, false), "it ends an event");
    assert_eq!(read("\n"), (false, true));
    assert_eq!(read(": x\r\n\r"), (false, true));
    assert_eq!(read("\n"), (false, true));
    assert_eq!(read("data: {\"choices\":[{\"delta\":{\"content\":\"\"}}]}\n\n"), (false, false));
    assert_eq!(read("data: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\n"), (true, false));
}

#[test]
fn many_events_and_data_of_many_lines() {
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
fn an_error_is_named_before_its_data_or_after() {
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

/// A stream that has had its first token may leave frames unread: it sees the same in them.
#[test]
fn frames_that_are_left_unread() {
    let more = [
        r#"{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":70,"completion_tokens":7}}"#,
        r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"length"}],"usage":null}"#,
        r#"{"choices":[{"delta":{"content":"a"},"finish_reason":null}],"usage" : {"prompt_tokens":71}}"#,
        r#"{"choices":[{"delta":{"content":"a"}}],"usage":null,"error":{"type":"x"}}"#,
        r#"{"choices":[{"delta":{"content":"\"usage\":5 \"error\":5"},"finish_reason":null}]}"#,
        r#"{"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
        r#"{"choices":[{"delta":{"role":"assistant","content":"a"},"finish_reason":null}]}"#,
        r#"{"type":"response.output_text.delta","delta":""}"#,
        r#"{"type":"response.output_text.delta","delta":"a"}"#,
        r#"{"type":"response.output_item.added","delta":"a"}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"a"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}"#,
        r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"a"},"usage":{"output_tokens":90}}"#,
        r#"{"choices":[{"delta":{"content":"a"},"finish_reason":null}],"usage":null"#,
    ];
    for protocol in [Protocol::OpenAi, Protocol::Anthropic] {
        let all = samples::all();
        let frames = all.iter().flat_map(|sample| sample.bytes.lines());
        let frames = frames.map(|line| line.strip_prefix("data:").unwrap_or(line).trim());
        for frame in frames.chain(more).map(|frame| format!("data: {frame}\n\n")) {
            let at_once = after_a_token(protocol, [frame.as_bytes()]);
            let by_bytes = after_a_token(protocol, frame.as_bytes().chunks(1));
            // A frame that is cut off has no token, but nothing hangs on it.
            if frame.ends_with("}\n\n") {
                assert_eq!(at_once.1, by_bytes.1, "{protocol:?}: {frame}");
            }
            let (at_once, by_bytes) = (at_once.0, by_bytes.0);
            assert_eq!(at_once.usage(), by_bytes.usage(), "{protocol:?}: {frame}");
            assert_eq!(at_once.finish_reason(), by_bytes.finish_reason(), "{frame}");
            assert_eq!(at_once.error(), by_bytes.error(), "{protocol:?}: {frame}");
            assert_eq!(at_once.unparsed(), by_bytes.unparsed(), "{protocol:?}: {frame}");
        }
    }
}

fn after_a_token<'a>(
    protocol: Protocol,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Reader, bool) {
    let mut reader = Reader::new(protocol);
    let first = concat!(
        "data: {\"type\":\"message_start\",\"message\":{\"model\":\"m\"}}\n\n",
        "data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"a\"}}\n\n",
        "data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
    );
    assert!(reader.read(first.as_bytes()).content);
    let content =
        pieces.into_iter().fold(false, |content, piece| content | reader.read(piece).content);
    (reader, content)
}

#[test]
fn plain_deltas_are_left_unread() {
    for (protocol, frame, quiet) in [
        (
            Protocol::OpenAi,
            r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}],"usage":null}"#,
            true,
        ),
        (
            Protocol::OpenAi,
            r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#,
            false,
        ),
        (Protocol::OpenAi, r#"{"type":"response.output_text.delta","delta":"a"}"#, true),
        (
            Protocol::Anthropic,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#,
            true,
        ),
        (Protocol::Anthropic, r#"{"type":"message_delta","usage":{"output_tokens":1}}"#, false),
    ] {
        let told = protocol.rules().map(|rules| (rules.quiet)(frame.as_bytes()));
        assert_eq!(told, Some(quiet), "{frame}");
    }
}
