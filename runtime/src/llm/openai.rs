//! `OpenAI`'s chat completions and Responses, also as served by compatible servers.
//!
//! Input and output are totals that include caches and reasoning, except on some compatible
//! servers.

use super::counts::{RawCount, RawCounts, add_parts, modality_tokens};
use super::flags::FrameFlag;
use super::frame::Frame;
use super::schema::{Container, Field};
use super::spec::{Content, FrameFindings, ProtocolSpec};
use super::vocabulary::{FinishMember, FrameType, ResponsesEvent};
use crate::usage::{FinishReason, Usage, UsageCount};

pub(super) const SPEC: ProtocolSpec = ProtocolSpec {
    containers: &[Container::Frame, Container::Response],
    model_fields: &[Field::Model(Container::Frame), Field::Model(Container::Response)],
    detects,
    read_frame,
    input_parts: &[RawCount::Prompt, RawCount::Input],
    output_parts: &[RawCount::Completion, RawCount::Output],
    normalize,
};

fn detects(frame: &Frame) -> bool {
    let has_counts = |container| {
        let counts = frame.counts(container);
        counts.has(RawCount::Prompt)
            // Anthropic's counts have the same names. Without caches they mean the same, too.
            || (counts.has(RawCount::Input) && counts.has(RawCount::Output))
            // Voyage and Jina send nothing else for these operations.
            || (counts.has(RawCount::Total)
                && (frame.has(FrameFlag::Embedding) || frame.has(FrameFlag::RelevanceScore)))
    };
    matches!(frame.kind, FrameType::Responses(_))
        || OBJECTS.iter().any(|flag| frame.has(*flag))
        || SPEC.containers.iter().copied().any(has_counts)
}

/// What only a frame of this protocol shows.
const OBJECTS: [FrameFlag; 6] = [
    FrameFlag::ChatObject,
    FrameFlag::ResponseObject,
    FrameFlag::AssistantObject,
    FrameFlag::BatchObject,
    FrameFlag::Choices,
    FrameFlag::CategoryScores,
];

/// Returns whether a frame is a part of a stream.
pub(super) fn is_event(frame: &Frame) -> bool {
    matches!(frame.kind, FrameType::Responses(_)) || frame.has(FrameFlag::ChatChunkObject)
}

fn read_frame(frame: &Frame) -> FrameFindings {
    let event = match frame.kind {
        FrameType::Responses(event) => Some(event),
        _ => None,
    };
    let is_response_object = frame.has(FrameFlag::ResponseObject);
    let is_end = matches!(event, Some(ResponsesEvent::End | ResponsesEvent::Failed));
    let is_run = frame.has(FrameFlag::AssistantRun);
    let has_status = is_end || is_response_object || is_run;
    let has_choice_content =
        frame.has(FrameFlag::ChoiceAnswer) || frame.has(FrameFlag::ChoiceReasoning);
    let has_output = is_response_object && frame.has(FrameFlag::Output);
    let has_message_delta =
        frame.has(FrameFlag::AssistantObject) && frame.has(FrameFlag::DeltaContent);
    let has_content = match event {
        Some(ResponsesEvent::Delta | ResponsesEvent::ReasoningDelta) => {
            frame.has(FrameFlag::DeltaText)
        }
        _ => has_choice_content || has_output || has_message_delta,
    };
    let is_answer = match event {
        Some(ResponsesEvent::Delta) => true,
        Some(ResponsesEvent::ReasoningDelta) => false,
        _ => {
            frame.has(FrameFlag::ChoiceAnswer)
                || (has_output && frame.has(FrameFlag::AnswerItem))
                || has_message_delta
        }
    };
    let member = if has_status { FinishMember::Status } else { FinishMember::Choice };
    let finish_reason = frame.finish_reason(member);
    FrameFindings {
        content: Content::new(has_content, is_answer),
        is_end,
        is_error: event == Some(ResponsesEvent::Failed)
            || frame.kind == FrameType::Error
            || (is_run && finish_reason == FinishReason::Error),
        finish_reason,
        // Each output item has an event of its own. The last event may not repeat the items.
        has_tool_calls: frame.has(FrameFlag::ChoiceToolCalls)
            || (frame.has(FrameFlag::OutputToolCall) && (has_status || event.is_some())),
    }
}

fn normalize(counts: &RawCounts) -> Option<Usage> {
    let max = |chat, responses| counts.get(chat).max(counts.get(responses));
    let total = counts.get(RawCount::Total);
    let output = max(RawCount::Completion, RawCount::Output);
    // Voyage and Jina send a total alone.
    let is_input_unread = SPEC.is_input_unread(counts);
    let input = max(RawCount::Prompt, RawCount::Input)
        .or(counts.get(RawCount::InputTotal).filter(|_| !is_input_unread));
    // Perplexity bills this reasoning apart, and leaves it out of output and total. Reasoning that
    // is larger than the output cannot be a part of it.
    let reasoning = counts.get(RawCount::Reasoning).filter(|tokens| Some(*tokens) <= output);
    let input_audio = max(RawCount::PromptAudio, RawCount::InputAudio);
    let input_image = max(RawCount::PromptImage, RawCount::InputImage);
    let output_audio = max(RawCount::CompletionAudio, RawCount::OutputAudio);
    let output_image = max(RawCount::CompletionImage, RawCount::OutputImage);
    let usage = Usage::from_counts([
        (UsageCount::Input, input),
        (
            UsageCount::CacheRead,
            max(RawCount::PromptCached, RawCount::InputCached)
                .max(counts.get(RawCount::PromptCacheHit))
                // Cohere's `cached_tokens` are read as this count, too.
                .max(counts.get(RawCount::Cached).filter(|_| input.is_some())),
        ),
        (UsageCount::CacheWrite, max(RawCount::PromptCacheWrite, RawCount::InputCacheWrite)),
        (
            UsageCount::InputAudio,
            modality_tokens(&[input_audio], counts.get(RawCount::CachedAudio)),
        ),
        (
            UsageCount::InputImage,
            modality_tokens(&[input_image], counts.get(RawCount::CachedImage)),
        ),
        (UsageCount::Output, output),
        (
            UsageCount::Reasoning,
            max(RawCount::CompletionReasoning, RawCount::OutputReasoning).max(reasoning),
        ),
        (UsageCount::OutputAudio, modality_tokens(&[output_audio], None)),
        (UsageCount::OutputImage, modality_tokens(&[output_image], None)),
    ])?;
    let usage = match counts.get(RawCount::PromptAudioSeconds) {
        Some(seconds) if seconds > 0 => include_audio(usage, total),
        _ => usage,
    };
    Some(include_parts(usage, total))
}

/// Adds the audio of the input that only the total includes. Mistral states the tokens of text
/// beside the seconds of audio.
fn include_audio(usage: Usage, total: Option<u64>) -> Usage {
    let audio = gap(usage, total);
    match usage.input_tokens() {
        Some(input) if audio > 0 && usage.get(UsageCount::InputAudio).is_none() => {
            let usage = usage.with(UsageCount::InputAudio, audio);
            usage.with(UsageCount::Input, input.saturating_add(audio))
        }
        _ => usage,
    }
}

/// Adds tokens that only the total includes, because some servers leave parts out of the input or
/// the output.
///
/// The gap is input if it is as large as the caches, or if the details of the input explain it. It
/// is output if it is as large as the reasoning. A gap that no detail explains is input if the
/// reasoning is known, because the output is then complete. Otherwise it is output: such servers do
/// not state their reasoning.
fn include_parts(usage: Usage, total: Option<u64>) -> Usage {
    let gap = gap(usage, total);
    let (Some(input), Some(output)) = (usage.input_tokens(), usage.output_tokens()) else {
        return usage;
    };
    let sum = |parts: [UsageCount; 2]| add_parts(Some(0), parts.map(|part| usage.get(part)));
    let reasoning = usage.get(UsageCount::Reasoning);
    let is_cache = sum([UsageCount::CacheRead, UsageCount::CacheWrite]) == Some(gap);
    let is_detail = sum([UsageCount::InputAudio, UsageCount::InputImage]) >= Some(gap);
    let is_input = is_cache || (reasoning != Some(gap) && (is_detail || reasoning.is_some()));
    match gap {
        0 => usage,
        _ if is_input => usage.with(UsageCount::Input, input.saturating_add(gap)),
        _ => usage.with(UsageCount::Output, output.saturating_add(gap)),
    }
}

/// Returns how much larger the total is than the sum of input and output. Zero if one of them is
/// not known: without an output, as for embeddings, a larger total does not mean output.
fn gap(usage: Usage, total: Option<u64>) -> u64 {
    let sum = usage
        .output_tokens()
        .and_then(|_| add_parts(usage.input_tokens(), [usage.output_tokens()]));
    total.zip(sum).map_or(0, |(total, sum)| total.saturating_sub(sum))
}

/// Returns the usage of a reply that a client crate has parsed. The counts of the reply may leave
/// out parts that only the total includes.
#[cfg(feature = "async-openai")]
pub(crate) fn usage<const N: usize>(
    counts: [(UsageCount, Option<u64>); N],
    total: Option<u64>,
) -> Option<Usage> {
    let counts = counts.map(|(count, tokens)| match count {
        UsageCount::InputAudio
        | UsageCount::InputImage
        | UsageCount::OutputAudio
        | UsageCount::OutputImage => (count, modality_tokens(&[tokens], None)),
        _ => (count, tokens),
    });
    Usage::from_counts(counts).map(|usage| include_parts(usage, total))
}
