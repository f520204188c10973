//! The fast path finds in a frame what a scan finds.

use super::samples;
use crate::llm::spec::Content;
use crate::llm::{Operation, Protocol, ReplyReader};

#[test]
fn fast_path_and_scan_have_the_same_findings() {
    let more_frames = [
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
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"a"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"a"}}"#,
        r#"{"type":"response.reasoning_text.delta","delta":"a"}"#,
        r#"{"type":"response.function_call_arguments.delta","delta":"a"}"#,
        r#"{"choices":[{"delta":{"content":"a","reasoning_content":"b"},"finish_reason":null}]}"#,
        r#"{"choices":[{"delta":{"content":null,"reasoning_content":"b"},"finish_reason":null}]}"#,
        r#"{"choices":[{"delta":{"content":"","reasoning":"b"},"finish_reason":null}]}"#,
        r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"a"},"usage":{"output_tokens":90}}"#,
        r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"a"}}}}"#,
        r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":""}}}}"#,
        r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"a"}}}}"#,
        r#"{"type":"content-delta","delta":{"message":{"content":{"text":"a"}},"usage":{"tokens":{"input_tokens":3}}}}"#,
        r#"{"choices":[{"delta":{"content":"a","tool_calls":[{"function":{"name":"f"}}]}}]}"#,
        r#"{"choices":[{"delta":{"content":"a"}},{"delta":{"tool_calls":[{"index":0}]}}]}"#,
        r#"{"choices":[{"delta":{"content":"a","function_call":{"name":"f"}}}]}"#,
        r#"{"choices":[{"delta":{"content":"a"},"finish_reason":null}],"usage":null"#,
    ];
    for protocol in [Protocol::OpenAi, Protocol::Anthropic, Protocol::Cohere] {
        let all = samples::all();
        let frames = all.iter().flat_map(|sample| sample.bytes.lines());
        let frames = frames.map(|line| line.strip_prefix("data:").unwrap_or(line).trim());
        for frame in frames.chain(more_frames).map(|frame| format!("data: {frame}\n\n")) {
            let whole = read_after_content(protocol, [frame.as_bytes()]);
            let split = read_after_content(protocol, frame.as_bytes().chunks(1));
            // An incomplete frame may differ: the fast path does not look for its end.
            if frame.ends_with("}\n\n") {
                assert_eq!(whole.1, split.1, "{protocol:?}: {frame}");
            }
            let (whole, split) = (whole.0, split.0);
            assert_eq!(whole.usage(), split.usage(), "{protocol:?}: {frame}");
            assert_eq!(whole.finish_reason(), split.finish_reason(), "{frame}");
            assert_eq!(whole.error_type(), split.error_type(), "{protocol:?}: {frame}");
            assert_eq!(whole.unparsed(), split.unparsed(), "{protocol:?}: {frame}");
        }
    }
}

/// Reads chunks of a stream that has had content, so that the fast path is in use. Returns whether
/// the chunks had content, and whether they had an answer.
fn read_after_content<'a>(
    protocol: Protocol,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (ReplyReader, (bool, bool)) {
    let mut reader = ReplyReader::new(protocol);
    let first = concat!(
        "data: {\"type\":\"message_start\",\"message\":{\"model\":\"m\"}}\n\n",
        "data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"a\"}}\n\n",
        "data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
        "data: {\"delta\":{\"message\":{\"content\":{\"text\":\"a\"}}}}\n\n",
    );
    assert!(reader.read(first.as_bytes()).content);
    let found = chunks.into_iter().fold((false, false), |found, chunk| {
        let findings = reader.read(chunk);
        (found.0 | findings.content, found.1 | findings.answer)
    });
    (reader, found)
}

#[test]
fn fast_path_recognizes_content_only_frames() {
    for (protocol, frame, expected) in [
        (
            Protocol::OpenAi,
            r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}],"usage":null}"#,
            Some(Content::Answer),
        ),
        (
            Protocol::OpenAi,
            r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#,
            None,
        ),
        (
            Protocol::OpenAi,
            r#"{"choices":[{"delta":{"content":"a","tool_calls":null},"content_filter_results":{}}]}"#,
            Some(Content::Answer),
        ),
        (
            Protocol::OpenAi,
            r#"{"choices":[{"delta":{"content":"a","tool_calls":[{"index":0}]}}]}"#,
            None,
        ),
        (
            Protocol::OpenAi,
            r#"{"type":"response.output_text.delta","delta":"a"}"#,
            Some(Content::Answer),
        ),
        (
            Protocol::Anthropic,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#,
            Some(Content::Answer),
        ),
        (
            Protocol::Anthropic,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"a"}}"#,
            Some(Content::Reasoning),
        ),
        (Protocol::Anthropic, r#"{"type":"message_delta","usage":{"output_tokens":1}}"#, None),
        (
            Protocol::Cohere,
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"a"}}}}"#,
            Some(Content::Answer),
        ),
        (
            Protocol::Cohere,
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"a"}}}}"#,
            Some(Content::Reasoning),
        ),
        (Protocol::Cohere, r#"{"type":"message-end","delta":{"usage":{}}}"#, None),
    ] {
        let actual = protocol.spec().map(|spec| (spec.content_only)(frame.as_bytes()));
        assert_eq!(actual, Some(expected), "{frame}");
    }
}

/// The fast path does not notice a malformed frame. The first answer must not depend on that.
#[test]
fn fast_path_leaves_the_first_answer_to_the_scan() {
    let start = concat!(
        "data: {\"type\":\"message_start\",\"message\":{\"model\":\"m\"}}\n\n",
        "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"a\"}}\n\n",
    );
    let frame = |end: &str| {
        format!(
            "data: {{\"type\":\"content_block_delta\",\"delta\":{{\"type\":\"text_delta\",\"text\":\"a\"}}{end}\n\n"
        )
    };
    for (end, answer) in [("}", true), ("", false), (" x}", false)] {
        for size in [1, 7, 1_000] {
            let mut reader = ReplyReader::new(Protocol::Anthropic);
            let findings = reader.read(start.as_bytes());
            assert_eq!((findings.content, findings.answer), (true, false));
            let frame = frame(end);
            let found = frame.as_bytes().chunks(size).any(|chunk| reader.read(chunk).answer);
            assert_eq!(found, answer, "{frame} in chunks of {size}");
        }
    }
}

#[test]
fn fast_path_leaves_frames_to_the_scan_until_one_shows_the_operation() {
    let delta = r#""delta":{"message":{"content":{"text":"a"}}}"#;
    let reply = format!("data: {{{delta}}}\n\ndata: {{\"type\":\"content-delta\",{delta}}}\n\n");
    for size in [1, reply.len()] {
        let (reader, ..) = super::read_chunks(Protocol::Cohere, reply.as_bytes().chunks(size));
        assert_eq!(reader.operation(), Operation::Chat, "chunks of {size}");
    }
}
