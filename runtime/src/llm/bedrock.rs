//! Bedrock's Converse, and replies to its invoke requests: in JSON, or in the messages of a binary
//! event stream.
//!
//! A reply to an invoke request has the shape of its model. This module reads the shapes that only
//! Bedrock has: those of Titan, Nova, Llama, Mistral and Jurassic. The frames of other models are
//! read by the protocols of Anthropic, `OpenAI` and Cohere.

use super::counts::{RawCount, RawCounts, add_parts};
use super::flags::FrameFlag;
use super::frame::Frame;
use super::schema::{Container, Field};
use super::spec::{Content, FrameFindings, ProtocolSpec};
use super::vocabulary::FinishMember;
use crate::usage::{FinishReason, Usage, UsageCount};

pub(super) const SPEC: ProtocolSpec = ProtocolSpec {
    containers: &[Container::Frame, Container::Meta],
    // Bedrock names no model itself. A gateway may add the name.
    model_fields: &[Field::Model(Container::Frame)],
    detects,
    read_frame,
    input_parts: &[RawCount::BedrockInput],
    output_parts: &[RawCount::BedrockOutput],
    normalize,
};

fn detects(frame: &Frame) -> bool {
    has_own_shape(frame) || frame.has_usage(&[Container::InvocationMetrics])
}

/// Returns whether only Bedrock sends frames of this shape.
fn has_own_shape(frame: &Frame) -> bool {
    has_counts(frame, Container::Frame)
        || has_counts(frame, Container::Meta)
        || frame.has(FrameFlag::InvokeText)
        || frame.has(FrameFlag::ConverseMessage)
        || frame.has(FrameFlag::ConverseEvent)
        || frame.has(FrameFlag::ConverseStop)
        || frame.has(FrameFlag::ConverseException)
        || frame.finish_reason(FinishMember::BedrockStopReason) != FinishReason::Unknown
}

fn has_counts(frame: &Frame, container: Container) -> bool {
    let counts = frame.counts(container);
    counts.has(RawCount::BedrockInput) || counts.has(RawCount::BedrockOutput)
}

/// Returns whether a frame is a part of a stream. The events of a Converse stream are wrapped in an
/// object whose member names their type, or not wrapped if the framing names it.
pub(super) fn is_event(frame: &Frame) -> bool {
    let has_reason = finish_reason(frame) != FinishReason::Unknown;
    let is_part = if frame.has(FrameFlag::InvokeText) {
        !has_reason
    } else {
        frame.has(FrameFlag::ConverseEvent)
            || frame.has(FrameFlag::ConverseStop)
            || frame.has(FrameFlag::Role)
            || has_reason != has_counts(frame, Container::Frame)
            || has_counts(frame, Container::Meta)
    };
    is_part && !frame.has(FrameFlag::ConverseMessage) && !frame.has(FrameFlag::Embedding)
}

fn finish_reason(frame: &Frame) -> FinishReason {
    match frame.finish_reason(FinishMember::BedrockStopReason) {
        // Llama's member has the same name as Anthropic's.
        FinishReason::Unknown => frame.finish_reason(FinishMember::StopReason),
        reason => reason,
    }
}

fn read_frame(frame: &Frame) -> FrameFindings {
    let is_answer = frame.has(FrameFlag::AnswerItem)
        || frame.has(FrameFlag::TextContent)
        || frame.has(FrameFlag::NonEmptyDeltaText)
        || frame.has(FrameFlag::ToolUse);
    let has_content =
        is_answer || frame.has(FrameFlag::Output) || frame.has(FrameFlag::DeltaReasoning);
    let finish_reason = finish_reason(frame);
    // The usage of an invoke request may be cumulative, that of a Converse stream is in its last
    // event.
    let is_metadata = is_event(frame)
        && !frame.has(FrameFlag::InvokeText)
        && (has_counts(frame, Container::Frame) || has_counts(frame, Container::Meta));
    FrameFindings {
        content: Content::new(has_content, is_answer),
        is_end: finish_reason != FinishReason::Unknown || is_metadata,
        is_error: frame.has(FrameFlag::ConverseException),
        finish_reason,
        has_tool_calls: frame.has(FrameFlag::ToolUse),
    }
}

pub(super) fn normalize(counts: &RawCounts) -> Option<Usage> {
    usage(
        counts.get(RawCount::BedrockInput),
        counts.get(RawCount::BedrockOutput),
        counts.get(RawCount::BedrockTotal),
        counts.get(RawCount::BedrockCacheRead).max(counts.get(RawCount::BedrockCacheReadCount)),
        counts.get(RawCount::BedrockCacheWrite).max(counts.get(RawCount::BedrockCacheWriteCount)),
    )
}

/// Returns the usage of a reply. Adds the cached tokens to an input that excludes them. Whether the
/// input excludes them depends on the model, which a reply does not name. The total shows it.
pub(crate) fn usage(
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
) -> Option<Usage> {
    let cached = add_parts(Some(0), [cache_read, cache_write]);
    let excludes_caches = match (add_parts(input, [output]), total) {
        (Some(sum), Some(total)) => total > sum,
        _ => input < cached,
    };
    let input = if excludes_caches { add_parts(input, [cache_read, cache_write]) } else { input };
    Usage::from_counts([
        (UsageCount::Input, input),
        (UsageCount::CacheRead, cache_read),
        (UsageCount::CacheWrite, cache_write),
        (UsageCount::Output, output),
    ])
}
