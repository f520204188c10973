//! Ollama's own API: one JSON object a line. The last object has the counts, at its top level.

use super::counts::{NormalizedUsage, RawCount, RawCounts};
use super::frame::{Frame, FrameFlag};
use super::schema::{Container, Field};
use super::spec::{FrameFindings, ProtocolSpec};
use super::vocabulary::Dialect;

pub(super) const SPEC: ProtocolSpec = ProtocolSpec {
    containers: &[Container::Frame],
    model_fields: &[Field::Model(Container::Frame)],
    detects,
    read_frame,
    is_content_only,
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
    FrameFindings {
        has_content: frame.has(FrameFlag::OllamaText)
            || frame.has(FrameFlag::ResponseText)
            || frame.has(FrameFlag::OllamaToolCalls),
        is_end: frame.has(FrameFlag::Done),
        is_error: false,
        finish_reason: frame.finish_reason(Dialect::Ollama),
        has_tool_calls: frame.has(FrameFlag::OllamaToolCalls),
    }
}

/// Returns false, because the fast path applies to server-sent events only.
const fn is_content_only(_frame: &[u8]) -> bool {
    false
}

fn normalize(counts: &RawCounts) -> NormalizedUsage {
    NormalizedUsage {
        input: counts.get(RawCount::PromptEval),
        output: counts.get(RawCount::Eval),
        ..NormalizedUsage::EMPTY
    }
}
