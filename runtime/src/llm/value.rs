//! Replies that are already parsed.

use serde_json::Value;

use super::detect::Protocol;
use super::frame::Frame;
use super::operation::{Operation, operation};
use super::reply_usage::ReplyUsage;
use super::scalar::{Identifier, Scalar};
use super::schema::{Container, Field};
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
    let (mut frame, protocol) = frame_of(value);
    let spec = protocol.spec();
    let findings = protocol.read_frame(&frame);
    let operation = operation(&frame);
    let (provider_cost, service_tier) = (frame.provider_cost.usd(), frame.service_tier);
    let model = model_in(protocol, value);
    let mut reply = ReplyUsage::new();
    match spec {
        Some(spec) if frame.has_usage(spec.containers) => reply.add(spec, &mut frame, model),
        None if frame.has_usage(&Container::ALL) => reply.note_unknown(),
        _ => {}
    }
    reply.add_invocation_metrics(&frame);
    let usage = spec.and_then(|spec| reply.total(spec, model, true));
    let others = spec.into_iter().flat_map(|spec| reply.by_other_models(spec, model));
    ValueFindings {
        usage,
        finish_reason: reply_finish_reason(
            findings.is_error,
            findings.finish_reason,
            findings.has_tool_calls,
        ),
        usage_by_other_models: others.map(|(name, usage)| (name.to_owned(), usage)).collect(),
        operation,
        unparsed: usage.is_none() && reply.has_unreadable(),
        is_partly_unread: spec.is_some_and(|spec| reply.is_partly_unread(spec)),
        provider_cost,
        service_tier,
    }
}

/// Returns the model that a parsed reply names.
pub(crate) fn model_name(value: &Value) -> Option<&str> {
    model_in(frame_of(value).1, value)
}

/// Returns what a parsed reply contains, and its protocol.
fn frame_of(value: &Value) -> (Frame, Protocol) {
    let mut frame = Frame::new();
    // `model_in` borrows the name from the value instead.
    frame.wants_model = false;
    frame.has_parsed_text = true;
    if value.is_object() {
        frame.note_value(Field::Root, value);
    }
    let protocol = Protocol::Auto.or_detect(&frame);
    (frame, protocol)
}

/// Returns the first model that a reply of this protocol names. While the protocol is not known, any
/// place is searched where a protocol has the name.
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
