//! Replies that are already parsed.

use serde_json::Value;

use super::detect::Protocol;
use super::frame::Frame;
use super::operation::{Operation, operation as operation_of};
use super::reply_usage::ReplyUsage;
use super::scalar::{Identifier, Scalar, StatedCost};
use super::schema::{Container, Field};
use super::spec::FrameFindings;
use super::vocabulary::reply_finish_reason;
use crate::usage::{FinishReason, Usage};

/// What [`read_value`] found in a reply.
pub(crate) struct ValueFindings {
    pub(crate) usage: Option<Usage>,
    /// The parts of the usage that belong to other models than the one that the reply names.
    pub(crate) usage_by_other_models: Vec<(String, Usage)>,
    pub(crate) finish_reason: FinishReason,
    pub(crate) operation: Operation,
    /// The reply has usage, but in a form that cannot be read.
    pub(crate) unparsed: bool,
    /// The usage lacks a part of the input or of the output that could not be read.
    pub(crate) is_partly_unread: bool,
    /// The cost in US dollars that the provider states.
    pub(crate) provider_cost: Option<f64>,
    service_tier: Identifier,
}

impl ValueFindings {
    /// Returns the service tier that the reply names.
    pub(crate) fn service_tier(&self) -> Option<&str> {
        self.service_tier.as_str()
    }
}

impl Frame {
    /// Notes a value that is already parsed, and all values within it.
    fn note_value(&mut self, field: Field, value: &Value) {
        match value {
            _ if field.is_ignored() => {}
            Value::Null => {}
            Value::Bool(true) => self.note_scalar(field, Scalar::Literal(b"true")),
            Value::Bool(false) => self.note_scalar(field, Scalar::Literal(b"false")),
            Value::Number(number) => {
                self.note_scalar(field, Scalar::Literal(number.to_string().as_bytes()));
            }
            Value::String(text) => self.note_scalar(field, Scalar::Text(text.as_bytes())),
            Value::Array(elements) => {
                self.note_open(field);
                for element in elements {
                    self.note_not_empty(field);
                    self.note_value(field.element(), element);
                }
            }
            Value::Object(members) => {
                self.note_open(field);
                for (key, member) in members {
                    self.note_not_empty(field);
                    self.note_value(field.member(key.as_bytes()), member);
                }
            }
        }
    }
}

/// Reads a parsed reply, whose protocol is detected.
pub(crate) fn read_value(value: &Value) -> ValueFindings {
    let mut protocol = Protocol::Auto;
    let mut reply = ReplyUsage::new();
    let mut model = None;
    let mut found = FrameFindings::default();
    let mut operation = Operation::Unknown;
    let mut provider_cost = StatedCost::Absent;
    let mut service_tier = Identifier::EMPTY;
    for element in elements(value) {
        let mut frame = frame_of(element);
        let Some(detected) = detect(protocol, &frame, value) else { continue };
        protocol = detected;
        let spec = protocol.spec();
        let findings = protocol.read_frame(&frame);
        found.is_error |= findings.is_error;
        found.has_tool_calls |= findings.has_tool_calls;
        if findings.finish_reason != FinishReason::Unknown {
            found.finish_reason = findings.finish_reason;
        }
        if operation == Operation::Unknown {
            operation = operation_of(&frame);
        }
        provider_cost = frame.provider_cost.or(provider_cost);
        if let Some(tier) = frame.service_tier.as_str() {
            service_tier.replace(tier.as_bytes());
        }
        model = model.or_else(|| model_in(protocol, element));
        match spec {
            Some(spec) if frame.has_usage(spec.containers) => reply.add(spec, &mut frame, model),
            None if frame.has_usage(&Container::ALL) => reply.note_unknown(),
            _ => {}
        }
        reply.add_invocation_metrics(&frame);
    }
    let spec = protocol.spec();
    // An object is a whole reply, but an array may be cut off.
    let has_finished = !value.is_array() || found.finish_reason != FinishReason::Unknown;
    let usage = spec.and_then(|spec| reply.total(spec, model, has_finished));
    let others = spec.into_iter().flat_map(|spec| reply.by_other_models(spec, model));
    ValueFindings {
        usage,
        finish_reason: reply_finish_reason(
            found.is_error,
            found.finish_reason,
            found.has_tool_calls,
        ),
        usage_by_other_models: others.map(|(name, usage)| (name.to_owned(), usage)).collect(),
        operation,
        unparsed: usage.is_none() && reply.has_unreadable(),
        is_partly_unread: spec.is_some_and(|spec| reply.is_partly_unread(spec)),
        provider_cost: provider_cost.usd(),
        service_tier,
    }
}

/// Returns the model that a parsed reply names.
pub(crate) fn model_name(value: &Value) -> Option<&str> {
    let mut protocol = Protocol::Auto;
    elements(value).find_map(|element| {
        protocol = detect(protocol, &frame_of(element), value)?;
        model_in(protocol, element)
    })
}

/// Returns the frames of a parsed reply: the reply itself, or the elements of an array. The frames
/// end before the first element that is not an object, as they do in bytes.
fn elements(value: &Value) -> impl Iterator<Item = &Value> {
    let elements = match value {
        Value::Array(elements) => elements,
        object => std::slice::from_ref(object),
    };
    elements.iter().take_while(|element| element.is_object())
}

/// Returns the protocol of a frame within `value`, given that of the frames before. Returns `None`
/// for the elements of an array, unless they are Gemini's. No other protocol streams its frames so.
fn detect(protocol: Protocol, frame: &Frame, value: &Value) -> Option<Protocol> {
    let detected = protocol.or_detect(frame);
    (!value.is_array() || detected == Protocol::Gemini).then_some(detected)
}

/// Returns what an object contains.
fn frame_of(value: &Value) -> Frame {
    let mut frame = Frame::new();
    // `model_in` borrows the name from the value instead.
    frame.wants_model = false;
    frame.has_parsed_text = true;
    frame.note_value(Field::Root, value);
    frame
}

/// Returns the first model that a reply of this protocol names. While the protocol is not known,
/// any place is searched where a protocol has the name.
fn model_in(protocol: Protocol, value: &Value) -> Option<&str> {
    let is_wanted = |field| match protocol.spec() {
        Some(spec) => spec.model_fields.contains(&field),
        None => matches!(field, Field::Model(_) | Field::ModelVersion),
    };
    first_text(Field::Root, value, &is_wanted).filter(|_| value.is_object())
}

/// Returns the first text that is not empty and has a field that is wanted.
fn first_text<'a>(
    field: Field,
    value: &'a Value,
    is_wanted: &impl Fn(Field) -> bool,
) -> Option<&'a str> {
    match value {
        _ if field.is_ignored() => None,
        Value::String(text) => Some(&**text).filter(|text| !text.is_empty() && is_wanted(field)),
        Value::Array(elements) => {
            elements.iter().find_map(|element| first_text(field.element(), element, is_wanted))
        }
        Value::Object(members) => members
            .iter()
            .find_map(|(key, member)| first_text(field.member(key.as_bytes()), member, is_wanted)),
        _ => None,
    }
}
