//! Bedrock's Converse: whole replies in JSON, and the events of binary event streams.

use super::counts::{RawCount, RawCounts, add_parts};
use super::flags::FrameFlag;
use super::frame::Frame;
use super::schema::{Container, Field};
use super::spec::{Content, FrameFindings, ProtocolSpec};
use super::vocabulary::{ConverseEvent, FinishMember, FrameType};
use crate::usage::{Usage, UsageCount};

pub(super) const SPEC: ProtocolSpec = ProtocolSpec {
    containers: &[Container::Frame],
    // Bedrock names no model itself. A gateway may add the name.
    model_fields: &[Field::Model(Container::Frame)],
    detects,
    read_frame,
    content_only,
    input_parts: &[RawCount::BedrockInput],
    output_parts: &[RawCount::BedrockOutput],
    normalize,
};

fn detects(frame: &Frame) -> bool {
    let counts = frame.counts(Container::Frame);
    counts.has(RawCount::BedrockInput) || counts.has(RawCount::BedrockOutput)
}

fn read_frame(frame: &Frame) -> FrameFindings {
    FrameFindings {
        content: match frame.kind {
            FrameType::Converse(ConverseEvent::ContentDelta) => Content::new(
                !frame.has(FrameFlag::EmptyDeltaText),
                !frame.has(FrameFlag::ReasoningDelta),
            ),
            _ => Content::new(frame.has(FrameFlag::Output), frame.has(FrameFlag::AnswerItem)),
        },
        // The metadata with the usage comes after this event.
        is_end: frame.kind == FrameType::Converse(ConverseEvent::MessageStop),
        finish_reason: frame.finish_reason(FinishMember::ConverseStopReason),
        ..FrameFindings::default()
    }
}

/// Returns `None`, because a whole reply is a single frame with usage, and the frames of a binary
/// event stream are scanned before their checksum is known.
const fn content_only(_frame: &[u8]) -> Option<Content> {
    None
}

fn normalize(counts: &RawCounts) -> Option<Usage> {
    include_caches(
        counts.get(RawCount::BedrockInput),
        counts.get(RawCount::BedrockOutput),
        counts.get(RawCount::BedrockTotal),
        counts.get(RawCount::BedrockCacheRead),
        counts.get(RawCount::BedrockCacheWrite),
    )
}

/// Adds the cached tokens to an input that excludes them. Whether the input excludes them depends
/// on the model, which a reply does not name. The total shows it.
fn include_caches(
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

/// Returns the usage of a reply that a client crate has parsed.
#[cfg(feature = "aws-sdk-bedrockruntime")]
pub(crate) fn usage(
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
) -> Option<Usage> {
    include_caches(input, output, total, cache_read, cache_write)
}
