//! Anthropic's Messages. The input excludes tokens that were read from a cache or written to it.

use super::counts::{NormalizedUsage, RawCount, RawCounts, add_parts};
use super::fast_path::{DELTA, ERROR, STOP_REASON, USAGE, starts_non_empty_string};
use super::frame::{Frame, FrameFlag};
use super::schema::{Container, Field};
use super::spec::{FrameFindings, ProtocolSpec};
use super::vocabulary::{AnthropicEvent, Dialect, FrameType};

pub(super) const SPEC: ProtocolSpec = ProtocolSpec {
    containers: &[Container::Frame, Container::Message],
    model_fields: &[Field::Model(Container::Frame), Field::Model(Container::Message)],
    detects,
    read_frame,
    is_content_only,
    normalize,
};

fn detects(frame: &Frame) -> bool {
    let counts = frame.counts(Container::Frame);
    let has_cache = counts.has(RawCount::CacheRead) || counts.has(RawCount::CacheCreation);
    match frame.kind {
        FrameType::Anthropic(AnthropicEvent::Message) => {
            frame.has(FrameFlag::ContentBlocks) || counts.has(RawCount::Input)
        }
        FrameType::Anthropic(_) => true,
        // Some servers with OpenAI's protocol send these counts beside `prompt_tokens`.
        _ => has_cache && !counts.has(RawCount::Prompt),
    }
}

fn read_frame(frame: &Frame) -> FrameFindings {
    FrameFindings {
        has_content: match frame.kind {
            FrameType::Anthropic(AnthropicEvent::ContentDelta) => {
                !frame.has(FrameFlag::EmptyDeltaText)
            }
            FrameType::Anthropic(AnthropicEvent::Message) => frame.has(FrameFlag::ContentBlocks),
            _ => false,
        },
        is_end: frame.kind == FrameType::Anthropic(AnthropicEvent::MessageStop),
        is_error: frame.kind == FrameType::Error,
        finish_reason: frame.finish_reason(Dialect::Anthropic),
        has_tool_calls: false,
    }
}

fn is_content_only(frame: &[u8]) -> bool {
    const PREFIXES: &[&[u8]] = &[
        b":{\"type\":\"text_delta\",\"text\":\"",
        b":{\"type\":\"thinking_delta\",\"thinking\":\"",
        b":{\"type\":\"input_json_delta\",\"partial_json\":\"",
    ];
    frame.starts_with(b"{\"type\":\"content_block_delta\",")
        && DELTA.after_first(frame).is_some_and(|delta| starts_non_empty_string(delta, PREFIXES))
        && [&USAGE, &ERROR, &STOP_REASON].into_iter().all(|key| key.is_null(frame))
}

fn normalize(counts: &RawCounts) -> NormalizedUsage {
    let cache_read = counts.get(RawCount::CacheRead);
    let cache_write = counts.get(RawCount::CacheCreation);
    NormalizedUsage {
        input: add_parts(counts.get(RawCount::Input), [cache_read, cache_write]),
        cache_read,
        cache_write,
        output: counts.get(RawCount::Output),
        reasoning: None,
    }
}
