//! A plain reply that has been parsed already.

use serde_json::Value;

use super::counts::{Counts, Owner};
use super::frame::Facts;
use super::reader::finish_reason;
use super::schema::Place;
use crate::llm::Protocol;
use crate::tokens::TokenUsage;
use crate::usage::FinishReason;
use crate::usage::Usage;

/// Where a reply, or a frame of one, names its model.
const MODEL: [&str; 4] = ["/model", "/modelVersion", "/message/model", "/response/model"];

/// The reply of a model API as it came: of `OpenAI`, Anthropic, Gemini, Ollama, Bedrock, or one that speaks
/// as one of them does.
impl TokenUsage for Value {
    fn token_usage(&self) -> Option<Usage> {
        let (facts, protocol) = facts(self);
        let rules = protocol.rules()?;
        let mut counts = Counts::new();
        rules.owners.iter().for_each(|owner| counts.merge(facts.counts(*owner)));
        (rules.normal)(&counts).into()
    }

    fn model(&self) -> Option<&str> {
        let models = MODEL.iter().filter_map(|name| self.pointer(name)?.as_str());
        models.into_iter().find(|model| !model.is_empty())
    }

    fn __finish_reason(&self) -> FinishReason {
        let (facts, protocol) = facts(self);
        let reading = protocol.read(&facts);
        finish_reason(reading.failed, reading.finish, reading.calls)
    }

    fn __unparsed(&self) -> bool {
        let (facts, protocol) = facts(self);
        let owners = protocol.rules().map_or(&Owner::ALL[..], |rules| rules.owners);
        self.token_usage().is_none() && facts.has_usage(owners)
    }
}

fn facts(value: &Value) -> (Facts, Protocol) {
    let mut facts = Facts::new();
    if value.is_object() {
        facts.note_value(Place::Root, value);
    }
    let protocol = Protocol::Auto.or_of(&facts);
    (facts, protocol)
}
