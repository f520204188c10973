//! The fast path finds in a frame what a scan finds.

use super::samples;
use crate::llm::{Protocol, ReplyReader};

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
        r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"a"},"usage":{"output_tokens":90}}"#,
        r#"{"choices":[{"delta":{"content":"a"},"finish_reason":null}],"usage":null"#,
    ];
    for protocol in [Protocol::OpenAi, Protocol::Anthropic] {
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
/// the chunks had content.
fn read_after_content<'a>(
    protocol: Protocol,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (ReplyReader, bool) {
    let mut reader = ReplyReader::new(protocol);
    let first = concat!(
        "data: {\"type\":\"message_start\",\"message\":{\"model\":\"m\"}}\n\n",
        "data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"a\"}}\n\n",
        "data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
    );
    assert!(reader.read(first.as_bytes()).content);
    let content =
        chunks.into_iter().fold(false, |content, chunk| content | reader.read(chunk).content);
    (reader, content)
}

#[test]
fn fast_path_recognizes_content_only_frames() {
    for (protocol, frame, content_only) in [
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
        let actual = protocol.spec().map(|spec| (spec.is_content_only)(frame.as_bytes()));
        assert_eq!(actual, Some(content_only), "{frame}");
    }
}
