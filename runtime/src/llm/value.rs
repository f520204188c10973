//! Replies that are already parsed.

use serde_json::Value;

use super::detect::Protocol;
use super::frame::Frame;
use super::schema::{Container, Field};
use super::vocabulary::reply_finish_reason;
use crate::usage::{FinishReason, Usage};

/// The JSON pointers at which a reply, or a frame of a reply, names its model.
const MODEL_POINTERS: [&str; 4] = ["/model", "/modelVersion", "/message/model", "/response/model"];

/// What [`read_value`] found in a reply.
pub(crate) struct ValueFindings {
    pub(crate) usage: Option<Usage>,
    pub(crate) finish_reason: FinishReason,
    /// The reply has usage, but in a form that cannot be read.
    pub(crate) unparsed: bool,
}

/// Reads a parsed reply, whose protocol is detected.
pub(crate) fn read_value(value: &Value) -> ValueFindings {
    let mut frame = Frame::new();
    // `model_name` borrows the name from the value instead.
    frame.wants_model = false;
    if value.is_object() {
        frame.note_value(Field::Root, value);
    }
    let protocol = Protocol::Auto.or_detect(&frame);
    let spec = protocol.spec();
    let usage: Option<Usage> = spec.and_then(|spec| (spec.normalize)(&spec.counts(&frame)).into());
    let containers = spec.map_or(&Container::ALL[..], |spec| spec.containers);
    let findings = protocol.read_frame(&frame);
    ValueFindings {
        usage,
        finish_reason: reply_finish_reason(
            findings.is_error,
            findings.finish_reason,
            findings.has_tool_calls,
        ),
        unparsed: usage.is_none() && frame.has_usage(containers),
    }
}

/// Returns the model that a parsed reply names.
pub(crate) fn model_name(value: &Value) -> Option<&str> {
    let names = MODEL_POINTERS.iter().filter_map(|pointer| value.pointer(pointer)?.as_str());
    names.into_iter().find(|name| !name.is_empty())
}
