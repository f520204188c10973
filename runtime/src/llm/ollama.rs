//! Ollama's own API: one JSON object a line. The last object has the counts, at its top level.

use super::counts::{RawCount, RawCounts};
use super::flags::FrameFlag;
use super::frame::Frame;
use super::schema::{Container, Field};
use super::spec::{Content, FrameFindings, ProtocolSpec};
use super::vocabulary::FinishMember;
use crate::usage::{Usage, UsageCount};

pub(super) const SPEC: ProtocolSpec = ProtocolSpec {
    containers: &[Container::Frame],
    model_fields: &[Field::Model(Container::Frame)],
    detects,
    read_frame,
    input_parts: &[RawCount::PromptEval],
    output_parts: &[RawCount::Eval],
    normalize,
};

fn detects(frame: &Frame) -> bool {
    let counts = frame.counts(Container::Frame);
    let has_done = frame.has(FrameFlag::Done) || frame.has(FrameFlag::NotDone);
    counts.has(RawCount::PromptEval)
        || counts.has(RawCount::Eval)
        || (has_done && frame.has(FrameFlag::Model))
}

fn read_frame(frame: &Frame) -> FrameFindings {
    let is_answer = frame.has(FrameFlag::OllamaText)
        || frame.has(FrameFlag::ResponseText)
        || frame.has(FrameFlag::MessageToolCalls);
    FrameFindings {
        content: Content::new(is_answer || frame.has(FrameFlag::OllamaThinking), is_answer),
        is_end: frame.has(FrameFlag::Done),
        is_error: false,
        finish_reason: frame.finish_reason(FinishMember::DoneReason),
        has_tool_calls: frame.has(FrameFlag::MessageToolCalls),
    }
}

fn normalize(counts: &RawCounts) -> Option<Usage> {
    Usage::from_counts([
        (UsageCount::Input, counts.get(RawCount::PromptEval)),
        (UsageCount::Output, counts.get(RawCount::Eval)),
    ])
}
