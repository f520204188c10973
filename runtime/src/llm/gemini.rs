//! Gemini's `generateContent`, and its Interactions. The prompt excludes tool use, and the
//! candidates exclude thoughts.

use super::counts::{RawCount, RawCounts, add_parts, modality_tokens};
use super::flags::FrameFlag;
use super::frame::Frame;
use super::interactions;
use super::modality::TokenList;
use super::schema::{Container, Field};
use super::spec::{Content, FrameFindings, ProtocolSpec};
use super::vocabulary::{FinishMember, FrameType};
use crate::usage::{FinishReason, Usage, UsageCount};

pub(super) const SPEC: ProtocolSpec = ProtocolSpec {
    containers: &[Container::Frame, Container::Response],
    model_fields: &[
        Field::ModelVersion,
        Field::Model(Container::Frame),
        Field::Model(Container::Response),
    ],
    detects,
    read_frame,
    input_parts: &[RawCount::GeminiPrompt, RawCount::GeminiToolUsePrompt],
    output_parts: &[RawCount::GeminiCandidates, RawCount::GeminiThoughts],
    normalize,
};

fn detects(frame: &Frame) -> bool {
    let has_counts = |container| {
        let counts = frame.counts(container);
        counts.has(RawCount::GeminiPrompt) || counts.has(RawCount::GeminiCandidates)
    };
    frame.has(FrameFlag::Gemini)
        || frame.has(FrameFlag::InteractionObject)
        || matches!(frame.kind, FrameType::Interaction(_))
        || SPEC.containers.iter().copied().any(has_counts)
}

fn read_frame(frame: &Frame) -> FrameFindings {
    // A frame with usage alone has nothing that either API interprets.
    if !frame.has(FrameFlag::Candidates) {
        return interactions::read_frame(frame);
    }
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

fn normalize(counts: &RawCounts) -> Option<Usage> {
    let candidates = counts.get(RawCount::GeminiCandidates);
    let thoughts = counts.get(RawCount::GeminiThoughts);
    let tool_use = counts.get(RawCount::GeminiToolUsePrompt);
    let prompt = counts.get(RawCount::GeminiPrompt).or(tool_use.map(|_| 0));
    // The total of an interaction has the name that OpenAI uses.
    let total = counts.get(RawCount::GeminiTotal).or(counts.get(RawCount::Total));
    let input = add_parts(prompt, [tool_use]);
    // Without candidates the output consists of thoughts alone. The total of an interaction shows
    // whether its output includes them.
    let includes_thoughts =
        counts.has(RawCount::Total) && total == add_parts(input, [candidates.or(Some(0))]);
    let output = match candidates {
        Some(candidates) if includes_thoughts => Some(candidates),
        candidates => add_parts(candidates.or(thoughts.map(|_| 0)), [thoughts]),
    };
    let [prompt, tool_use, cached, output_parts] =
        [TokenList::Prompt, TokenList::ToolUsePrompt, TokenList::Cached, TokenList::Output]
            .map(|list| list.counts().map(|count| counts.get(count)));
    let usage = Usage::from_counts([
        (UsageCount::Input, input),
        (UsageCount::CacheRead, counts.get(RawCount::GeminiCachedContent)),
        (UsageCount::InputAudio, modality_tokens(&[prompt[0], tool_use[0]], cached[0])),
        (UsageCount::InputImage, modality_tokens(&[prompt[1], tool_use[1]], cached[1])),
        (UsageCount::Output, output),
        (UsageCount::Reasoning, thoughts),
        (UsageCount::OutputAudio, modality_tokens(&[output_parts[0]], None)),
        (UsageCount::OutputImage, modality_tokens(&[output_parts[1]], None)),
    ]);
    usage.map(|usage| raise_output_to_total(usage, total))
}

/// Raises the output so that input and output add up to the total. Some servers include output,
/// such as thoughts, in the total alone. A total below the sum is ignored.
fn raise_output_to_total(usage: Usage, total: Option<u64>) -> Usage {
    let (input, output) = (usage.get(UsageCount::Input), usage.get(UsageCount::Output));
    let missing = match (total, add_parts(input, [output])) {
        (Some(total), Some(sum)) => total.saturating_sub(sum),
        _ => 0,
    };
    match add_parts(Some(missing), [output]) {
        Some(raised) if missing > 0 => usage.with(UsageCount::Output, raised),
        _ => usage,
    }
}
