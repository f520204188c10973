//! What the module of a protocol supplies.

use super::counts::{RawCount, RawCounts};
use super::frame::Frame;
use super::schema::{Container, Field};
use crate::usage::{FinishReason, Usage};

/// How the frames of one protocol are read.
pub(super) struct ProtocolSpec {
    /// The objects whose usage counts.
    pub(super) containers: &'static [Container],
    /// The fields that name the model.
    pub(super) model_fields: &'static [Field],
    /// Returns whether a frame can only belong to this protocol.
    pub(super) detects: fn(&Frame) -> bool,
    /// Interprets a frame.
    pub(super) read_frame: fn(&Frame) -> FrameFindings,
    /// The counts that make up the input.
    pub(super) input_parts: &'static [RawCount],
    /// The counts that make up the output.
    pub(super) output_parts: &'static [RawCount],
    /// Converts token counts as sent into totals that include their parts.
    pub(super) normalize: fn(&RawCounts) -> Option<Usage>,
}

impl ProtocolSpec {
    /// Returns the token counts of a frame. A count that is in several containers has its largest
    /// value.
    pub(super) fn counts(&self, frame: &Frame) -> RawCounts {
        let mut counts = RawCounts::new();
        self.containers.iter().for_each(|container| counts.merge_max(frame.counts(*container)));
        counts
    }

    /// Returns whether a part of the input or of the output is known.
    pub(super) fn has_any(&self, counts: &RawCounts) -> bool {
        let is_known = |parts: &[RawCount]| parts.iter().any(|count| counts.has(*count));
        is_known(self.input_parts) || is_known(self.output_parts)
    }

    /// Returns whether a part of the input was sent, but cannot be read.
    pub(super) fn is_input_unread(&self, counts: &RawCounts) -> bool {
        counts.is_any_unreadable(self.input_parts)
    }

    /// Returns whether a part of the output was sent, but cannot be read.
    pub(super) fn is_output_unread(&self, counts: &RawCounts) -> bool {
        counts.is_any_unreadable(self.output_parts)
    }
}

/// The content of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Reasoning alone.
    Reasoning,
    /// Text or a tool call, perhaps beside reasoning.
    Answer,
}

impl Content {
    /// Returns the content of a frame. `is_answer` matters only if the frame has content.
    pub(super) fn new(has_content: bool, is_answer: bool) -> Option<Self> {
        has_content.then_some(if is_answer { Self::Answer } else { Self::Reasoning })
    }
}

/// What a frame means in its protocol.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameFindings {
    pub(super) content: Option<Content>,
    /// The frame is the end marker of the protocol.
    pub(super) is_end: bool,
    pub(super) is_error: bool,
    pub(super) finish_reason: FinishReason,
    /// The model asks the client to call a tool.
    pub(super) has_tool_calls: bool,
}

impl Default for FrameFindings {
    fn default() -> Self {
        Self {
            content: None,
            is_end: false,
            is_error: false,
            finish_reason: FinishReason::Unknown,
            has_tool_calls: false,
        }
    }
}
