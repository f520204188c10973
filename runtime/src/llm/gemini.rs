//! Gemini's `generateContent`. The prompt excludes tool use, and the candidates exclude thoughts.

use super::counts::{RawCount, RawCounts, add_parts, raise_output_to_total};
use super::flags::FrameFlag;
use super::frame::Frame;
use super::schema::{Container, Field};
use super::spec::{Content, FrameFindings, ProtocolSpec};
use super::vocabulary::FinishMember;
use crate::usage::{FinishReason, Usage, UsageCount};

pub(super) const SPEC: ProtocolSpec = ProtocolSpec {
    containers: &[Container::Frame],
    model_fields: &[Field::ModelVersion],
    detects,
    read_frame,
    content_only,
    input_parts: &[RawCount::GeminiPrompt, RawCount::GeminiToolUsePrompt],
    output_parts: &[RawCount::GeminiCandidates, RawCount::GeminiThoughts],
    normalize,
};

fn detects(frame: &Frame) -> bool {
    frame.has(FrameFlag::Gemini)
}

fn read_frame(frame: &Frame) -> FrameFindings {
    let finish_reason = match frame.finish_reason(FinishMember::Candidate) {
        FinishReason::Unknown if frame.has(FrameFlag::PromptBlocked) => FinishReason::ContentFilter,
        reason => reason,
    };
    FrameFindings {
        content: Content::new(frame.has(FrameFlag::GeminiPart), frame.has_answer_part()),
        // A blocked prompt has no candidate with a finish reason.
        is_end: finish_reason != FinishReason::Unknown,
        is_error: false,
        finish_reason,
        has_tool_calls: frame.has(FrameFlag::GeminiToolCall),
    }
}

/// Returns `None`, because each frame of a stream has usage.
const fn content_only(_frame: &[u8]) -> Option<Content> {
    None
}

fn normalize(counts: &RawCounts) -> Option<Usage> {
    let candidates = counts.get(RawCount::GeminiCandidates);
    let thoughts = counts.get(RawCount::GeminiThoughts);
    let tool_use = counts.get(RawCount::GeminiToolUsePrompt);
    let prompt = counts.get(RawCount::GeminiPrompt).or(tool_use.map(|_| 0));
    let usage = Usage::from_counts([
        (UsageCount::Input, add_parts(prompt, [tool_use])),
        (UsageCount::CacheRead, counts.get(RawCount::GeminiCachedContent)),
        // Without candidates the output consists of thoughts alone.
        (UsageCount::Output, add_parts(candidates.or(thoughts.map(|_| 0)), [thoughts])),
        (UsageCount::Reasoning, thoughts),
    ]);
    usage.map(|usage| raise_output_to_total(usage, counts.get(RawCount::GeminiTotal)))
}
