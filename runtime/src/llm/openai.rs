//! `OpenAI`'s chat completions and Responses, also as served by compatible servers.
//!
//! Input and output are totals that include caches and reasoning, except on some compatible
//! servers.

use super::counts::{RawCount, RawCounts, add_parts, raise_output_to_total};
use super::fast_path::{DELTA, ERROR, FINISH_REASON, USAGE, starts_non_empty_string};
use super::flags::FrameFlag;
use super::frame::Frame;
use super::schema::{Container, Field};
use super::spec::{Content, FrameFindings, ProtocolSpec};
use super::vocabulary::{FinishMember, FrameType, ResponsesEvent};
use crate::usage::{Usage, UsageCount};

pub(super) const SPEC: ProtocolSpec = ProtocolSpec {
    containers: &[Container::Frame, Container::Response],
    model_fields: &[Field::Model(Container::Frame), Field::Model(Container::Response)],
    detects,
    read_frame,
    content_only,
    input_parts: &[RawCount::Prompt, RawCount::Input],
    output_parts: &[RawCount::Completion, RawCount::Output],
    normalize,
};

fn detects(frame: &Frame) -> bool {
    let counts = frame.counts(Container::Frame);
    matches!(frame.kind, FrameType::Responses(_))
        || frame.has(FrameFlag::ChatObject)
        || frame.has(FrameFlag::ResponseObject)
        || frame.has(FrameFlag::Choices)
        || counts.has(RawCount::Prompt)
        // Anthropic's counts have the same names. Without caches they mean the same, too.
        || (counts.has(RawCount::Input) && counts.has(RawCount::Output))
}

fn read_frame(frame: &Frame) -> FrameFindings {
    let event = match frame.kind {
        FrameType::Responses(event) => Some(event),
        _ => None,
    };
    let is_response_object = frame.has(FrameFlag::ResponseObject);
    let is_end = matches!(event, Some(ResponsesEvent::End | ResponsesEvent::Failed));
    let has_status = is_end || is_response_object;
    let has_choice_content =
        frame.has(FrameFlag::ChoiceAnswer) || frame.has(FrameFlag::ChoiceReasoning);
    let has_output = is_response_object && frame.has(FrameFlag::Output);
    let has_content = match event {
        Some(ResponsesEvent::Delta | ResponsesEvent::ReasoningDelta) => {
            frame.has(FrameFlag::DeltaText)
        }
        _ => has_choice_content || has_output,
    };
    let is_answer = match event {
        Some(ResponsesEvent::Delta) => true,
        Some(ResponsesEvent::ReasoningDelta) => false,
        _ => frame.has(FrameFlag::ChoiceAnswer) || (has_output && frame.has(FrameFlag::AnswerItem)),
    };
    let member = if has_status { FinishMember::Status } else { FinishMember::Choice };
    FrameFindings {
        content: Content::new(has_content, is_answer),
        is_end,
        is_error: event == Some(ResponsesEvent::Failed) || frame.kind == FrameType::Error,
        finish_reason: frame.finish_reason(member),
        // Each output item has an event of its own. The last event may not repeat the items.
        has_tool_calls: frame.has(FrameFlag::OutputToolCall) && (has_status || event.is_some()),
    }
}

fn content_only(frame: &[u8]) -> Option<Content> {
    const CHAT: &[&[u8]] = &[b":{\"content\":\"", b":{\"role\":\"assistant\",\"content\":\""];
    let prefixes: &[&[u8]] = match frame.strip_prefix(b"{\"type\":\"response.") {
        Some(event) if event.starts_with(b"output_text.delta\",") => &[b":\""],
        Some(_) => return None,
        None => CHAT,
    };
    let is_answer = starts_non_empty_string(DELTA.after_first(frame)?, prefixes)
        && [&USAGE, &ERROR, &FINISH_REASON].into_iter().all(|key| key.is_null(frame));
    is_answer.then_some(Content::Answer)
}

fn normalize(counts: &RawCounts) -> Option<Usage> {
    let max = |chat, responses| counts.get(chat).max(counts.get(responses));
    let usage = Usage::from_counts([
        (UsageCount::Input, max(RawCount::Prompt, RawCount::Input)),
        (
            UsageCount::CacheRead,
            max(RawCount::PromptCached, RawCount::InputCached)
                .max(counts.get(RawCount::PromptCacheHit)),
        ),
        (UsageCount::CacheWrite, max(RawCount::PromptCacheWrite, RawCount::InputCacheWrite)),
        (UsageCount::Output, max(RawCount::Completion, RawCount::Output)),
        (UsageCount::Reasoning, max(RawCount::CompletionReasoning, RawCount::OutputReasoning)),
    ]);
    usage.map(|usage| include_parts(usage, counts.get(RawCount::Total)))
}

/// Adds parts that the counts leave out. Some servers leave caches out of the input, or reasoning
/// out of the output, and only the total shows it.
fn include_parts(usage: Usage, total: Option<u64>) -> Usage {
    let (input, output) = (usage.get(UsageCount::Input), usage.get(UsageCount::Output));
    let cached = [usage.get(UsageCount::CacheRead), usage.get(UsageCount::CacheWrite)];
    let cached = add_parts(Some(0), cached);
    if let Some(with_cached) = add_parts(input, [cached]) {
        if cached > Some(0) && add_parts(Some(with_cached), [output]) == total {
            return usage.with(UsageCount::Input, with_cached);
        }
    }
    // Without an output, as for embeddings, a larger total does not mean output.
    raise_output_to_total(usage, total.filter(|_| output.is_some()))
}

/// Returns the usage of a reply that a client crate has parsed. The counts of the reply may leave
/// out parts that only the total includes.
#[cfg(feature = "async-openai")]
pub(crate) fn usage<const N: usize>(
    counts: [(UsageCount, Option<u64>); N],
    total: Option<u64>,
) -> Option<Usage> {
    Usage::from_counts(counts).map(|usage| include_parts(usage, total))
}
