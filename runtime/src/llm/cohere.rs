//! Cohere's API, versions 1 and 2: chats, completions, embeddings, rankings.
//!
//! `tokens` are what the model has read and written. `billed_units` leave some of them out, and
//! replace them only in replies without `tokens`, such as embeddings. Search units and images are
//! no tokens.

use super::counts::{RawCount, RawCounts};
use super::flags::FrameFlag;
use super::frame::Frame;
use super::schema::{Container, Field};
use super::spec::{Content, FrameFindings, ProtocolSpec};
use super::vocabulary::{CohereEvent, FinishMember, FrameType};
use crate::usage::{FinishReason, Usage, UsageCount};

pub(super) const SPEC: ProtocolSpec = ProtocolSpec {
    containers: &[Container::Frame, Container::Meta],
    // Cohere names no model itself. A gateway may add the name.
    model_fields: &[Field::Model(Container::Frame)],
    detects,
    read_frame,
    input_parts: &[RawCount::CohereInput],
    output_parts: &[RawCount::CohereOutput],
    normalize,
};

fn detects(frame: &Frame) -> bool {
    let has_counts = |container| {
        let counts = frame.counts(container);
        [
            RawCount::CohereInput,
            RawCount::CohereOutput,
            RawCount::CohereBilledInput,
            RawCount::CohereBilledOutput,
        ]
        .into_iter()
        .any(|count| counts.has(count))
    };
    let is_text = frame.has(FrameFlag::Text) || frame.has(FrameFlag::Message);
    matches!(frame.kind, FrameType::Cohere(_))
        || has_is_finished(frame)
        || frame.has(FrameFlag::Generation)
        || frame.has(FrameFlag::CohereEmbeddings)
        || frame.has(FrameFlag::CohereApiVersion)
        || has_counts(Container::Frame)
        || has_counts(Container::Meta)
        || (is_text && frame.finish_reason(FinishMember::Cohere) != FinishReason::Unknown)
}

/// Returns whether the frame states if the stream has finished, as each frame of version 1 does.
pub(super) const fn has_is_finished(frame: &Frame) -> bool {
    frame.has(FrameFlag::Finished) || frame.has(FrameFlag::NotFinished)
}

/// Returns whether a frame is a part of a stream.
pub(super) fn is_event(frame: &Frame) -> bool {
    matches!(frame.kind, FrameType::Cohere(_)) || has_is_finished(frame)
}

fn read_frame(frame: &Frame) -> FrameFindings {
    let has_tool_calls =
        frame.has(FrameFlag::CohereToolCalls) || frame.has(FrameFlag::MessageToolCalls);
    let is_answer =
        has_tool_calls || frame.has(FrameFlag::CohereText) || frame.has(FrameFlag::TextContent);
    FrameFindings {
        content: Content::new(is_answer || frame.has(FrameFlag::CohereReasoning), is_answer),
        is_end: frame.kind == FrameType::Cohere(CohereEvent::End) || frame.has(FrameFlag::Finished),
        // A failed generation has a finish reason and nothing else that marks it.
        is_error: false,
        finish_reason: frame.finish_reason(FinishMember::Cohere),
        has_tool_calls,
    }
}

fn normalize(counts: &RawCounts) -> Option<Usage> {
    let tokens = [RawCount::CohereInput, RawCount::CohereOutput];
    let has_tokens =
        tokens.iter().any(|count| counts.has(*count)) || counts.is_any_unreadable(&tokens);
    let [input, output] = if has_tokens {
        tokens
    } else {
        [RawCount::CohereBilledInput, RawCount::CohereBilledOutput]
    };
    let input = counts.get(input);
    Usage::from_counts([
        (UsageCount::Input, input),
        // The cached tokens of Mistral and Moonshot are read as this count, too.
        (UsageCount::CacheRead, counts.get(RawCount::Cached).filter(|_| input.is_some())),
        (UsageCount::Output, counts.get(output)),
    ])
}
