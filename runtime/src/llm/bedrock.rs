//! Bedrock's Converse, for replies in JSON. The binary event streams of Bedrock are not read.

use super::counts::{RawCount, RawCounts, add_parts};
use super::flags::FrameFlag;
use super::frame::Frame;
use super::schema::{Container, Field};
use super::spec::{Content, FrameFindings, ProtocolSpec};
use super::vocabulary::FinishMember;
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
        content: Content::new(frame.has(FrameFlag::Output), frame.has(FrameFlag::AnswerItem)),
        finish_reason: frame.finish_reason(FinishMember::ConverseStopReason),
        ..FrameFindings::default()
    }
}

/// Returns `None`, because a reply is a single frame with usage.
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
