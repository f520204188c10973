//! What the module of a protocol supplies.

use super::counts::{NormalizedUsage, RawCounts};
use super::frame::Frame;
use super::schema::{Container, Field};
use crate::usage::FinishReason;

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
    /// Returns whether a frame, not scanned yet, has content and nothing else that counts. False is
    /// always a safe answer: the frame is then scanned.
    pub(super) is_content_only: fn(&[u8]) -> bool,
    /// Converts token counts as sent into totals that include their parts.
    pub(super) normalize: fn(&RawCounts) -> NormalizedUsage,
}

impl ProtocolSpec {
    /// Returns the token counts of a frame. A count that is in several containers has its largest
    /// value.
    pub(super) fn counts(&self, frame: &Frame) -> RawCounts {
        let mut counts = RawCounts::new();
        self.containers.iter().for_each(|container| counts.merge_max(frame.counts(*container)));
        counts
    }
}

/// What a frame means in its protocol.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the values are independent of each other")]
pub(super) struct FrameFindings {
    /// The frame has content: text, reasoning, or a tool call.
    pub(super) has_content: bool,
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
            has_content: false,
            is_end: false,
            is_error: false,
            finish_reason: FinishReason::Unknown,
            has_tool_calls: false,
        }
    }
}
