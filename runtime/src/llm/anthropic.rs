//! Anthropic's Messages, and its older text completions. The input excludes tokens that were read
//! from a cache or written to it.

use super::counts::{RawCount, RawCounts, add_parts};
use super::flags::FrameFlag;
use super::frame::Frame;
use super::schema::{Container, Field};
use super::spec::{Content, FrameFindings, ProtocolSpec};
use super::vocabulary::{AnthropicEvent, FinishMember, FrameType};
use crate::usage::{FinishReason, Usage, UsageCount};

pub(super) const SPEC: ProtocolSpec = ProtocolSpec {
    containers: &[Container::Frame, Container::Message],
    model_fields: &[Field::Model(Container::Frame), Field::Model(Container::Message)],
    detects,
    read_frame,
    input_parts: &[RawCount::Input, RawCount::CacheRead, RawCount::CacheCreation],
    output_parts: &[RawCount::Output],
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
        _ if frame.has(FrameFlag::TextCompletion) => true,
        // The result of a batch.
        _ if frame.has(FrameFlag::BatchResult) => {
            frame.counts(Container::Message).has(RawCount::Input)
        }
        // Some servers with OpenAI's protocol send these counts beside `prompt_tokens`.
        _ => has_cache && !counts.has(RawCount::Prompt),
    }
}

/// Returns whether a frame is a part of a stream. That of a text completion has no end marker but
/// its finish reason.
pub(super) fn is_event(frame: &Frame) -> bool {
    match frame.kind {
        FrameType::Anthropic(event) => event != AnthropicEvent::Message,
        _ => frame.has(FrameFlag::TextCompletion) && !has_stop_reason(frame),
    }
}

fn has_stop_reason(frame: &Frame) -> bool {
    frame.finish_reason(FinishMember::StopReason) != FinishReason::Unknown
}

fn read_frame(frame: &Frame) -> FrameFindings {
    let is_completion = frame.has(FrameFlag::TextCompletion);
    FrameFindings {
        content: match frame.kind {
            FrameType::Anthropic(AnthropicEvent::ContentDelta) => Content::new(
                !frame.has(FrameFlag::EmptyDeltaText),
                !frame.has(FrameFlag::ReasoningDelta),
            ),
            FrameType::Anthropic(AnthropicEvent::Message) => {
                Content::new(frame.has(FrameFlag::ContentBlocks), frame.has(FrameFlag::AnswerItem))
            }
            _ if is_completion => Content::new(frame.has(FrameFlag::TextContent), true),
            _ => None,
        },
        is_end: frame.kind == FrameType::Anthropic(AnthropicEvent::MessageStop)
            || (is_completion && has_stop_reason(frame)),
        is_error: frame.kind == FrameType::Error,
        finish_reason: frame.finish_reason(FinishMember::StopReason),
        has_tool_calls: frame.has(FrameFlag::OutputToolCall),
    }
}

fn normalize(counts: &RawCounts) -> Option<Usage> {
    let cache_read = counts.get(RawCount::CacheRead);
    let cache_write = counts.get(RawCount::CacheCreation);
    // The count of all lifetimes includes that of one hour.
    let one_hour = counts.get(RawCount::CacheCreation1h).filter(|tokens| *tokens > 0);
    let five_minutes =
        cache_write.map(|tokens| tokens.saturating_sub(one_hour.unwrap_or_default()));
    let cached = [cache_read, cache_write.max(one_hour)];
    Usage::from_counts([
        (UsageCount::Input, add_parts(counts.get(RawCount::Input), cached)),
        (UsageCount::CacheRead, cache_read),
        (UsageCount::CacheWrite, five_minutes),
        (UsageCount::CacheWrite1h, one_hour),
        (UsageCount::Output, counts.get(RawCount::Output)),
        (UsageCount::Reasoning, counts.get(RawCount::OutputThinking)),
    ])
}
