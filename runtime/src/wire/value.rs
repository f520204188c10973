//! A plain reply that has been parsed already.

use serde_json::Value;

use super::counts::Counts;
use super::facts::Facts;
use super::path::Place;
use super::reader::finish_reason;
use super::rules::Protocol;
use crate::family::FinishReason;
use crate::tokens::Usage;

/// What a parsed reply tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValueReply {
    pub(crate) usage: Option<Usage>,
    pub(crate) model: Option<String>,
    pub(crate) finish_reason: FinishReason,
}

/// Reads a parsed reply, whichever protocol it is of.
pub(crate) fn of_value(value: &Value) -> ValueReply {
    let mut facts = Facts::new();
    if value.is_object() {
        facts.note_value(Place::Root, value);
    }
    let protocol = Protocol::Auto.or_of(&facts);
    let reading = protocol.read(&facts);
    let rules = protocol.rules();
    ValueReply {
        usage: rules.and_then(|rules| {
            let mut counts = Counts::new();
            rules.owners.iter().for_each(|owner| counts.merge(facts.counts(*owner)));
            (rules.normal)(&counts).into()
        }),
        model: rules.and_then(|rules| facts.take_model(rules.models)),
        finish_reason: finish_reason(reading.failed, reading.finish, reading.calls),
    }
}
