//! Gemini's Interactions: frames of their own within the protocol of Gemini.

use super::counts::RawCount;
use super::flags::FrameFlag;
use super::frame::Frame;
use super::schema::Container;
use super::spec::{Content, FrameFindings};
use super::vocabulary::{FinishMember, FrameType, InteractionEvent};
use crate::usage::FinishReason;

/// Interprets an interaction, or an event of a streamed one.
pub(super) fn read_frame(frame: &Frame) -> FrameFindings {
    let event = match frame.kind {
        FrameType::Interaction(event) => Some(event),
        _ => None,
    };
    let status = frame.finish_reason(FinishMember::Status);
    let is_end = match event {
        Some(event) => event == InteractionEvent::End,
        None => is_interaction(frame) && status != FinishReason::Unknown,
    };
    let finish_reason = if is_end { status } else { FinishReason::Unknown };
    FrameFindings {
        content: match event {
            Some(InteractionEvent::Delta) => Content::new(
                !frame.has(FrameFlag::EmptyDeltaText),
                !frame.has(FrameFlag::ReasoningDelta),
            ),
            Some(_) => None,
            None => Content::new(frame.has(FrameFlag::Output), frame.has(FrameFlag::AnswerItem)),
        },
        is_end,
        is_error: frame.kind == FrameType::Error || finish_reason == FinishReason::Error,
        finish_reason,
        has_tool_calls: frame.has(FrameFlag::OutputToolCall),
    }
}

/// Returns whether a frame is a whole interaction. Not all of them name their `object`.
pub(super) fn is_interaction(frame: &Frame) -> bool {
    let has_input = frame.counts(Container::Frame).has(RawCount::GeminiPrompt);
    frame.has(FrameFlag::InteractionObject) || (frame.has(FrameFlag::Output) && has_input)
}
