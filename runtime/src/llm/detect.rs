//! What a protocol makes of a frame.

use super::counts::{Counts, Normal, Owner};
use super::frame::{Facts, Kind, Mark};
use super::schema::Place;
use super::{anthropic, bedrock, gemini, ollama, openai};
use crate::llm::Protocol;
use crate::usage::FinishReason;

impl Protocol {
    /// The rules, if the protocol is known.
    pub(super) const fn rules(self) -> Option<&'static Rules> {
        match self {
            Self::Auto => None,
            Self::OpenAi => Some(&openai::RULES),
            Self::Anthropic => Some(&anthropic::RULES),
            Self::Gemini => Some(&gemini::RULES),
            Self::Ollama => Some(&ollama::RULES),
            Self::Bedrock => Some(&bedrock::RULES),
        }
    }

    /// This protocol, or the one that a frame is of.
    pub(super) fn or_of(self, facts: &Facts) -> Self {
        // Anthropic first: its messages have counts that Responses has, too.
        let all = [Self::Anthropic, Self::OpenAi, Self::Gemini, Self::Ollama, Self::Bedrock];
        let tells = |protocol: &Self| protocol.rules().is_some_and(|rules| (rules.tells)(facts));
        match self {
            Self::Auto => all.into_iter().find(tells).unwrap_or(Self::Auto),
            given => given,
        }
    }

    /// What a frame says in this protocol. Errors are told where it is not known, too.
    pub(super) fn read(self, facts: &Facts) -> Reading {
        let mut reading = match self.rules() {
            Some(rules) => (rules.read)(facts),
            None => Reading { failed: facts.kind == Kind::Error, ..Reading::default() },
        };
        reading.failed |= facts.has(Mark::Error);
        reading
    }

    /// Whether a whole reply is one object that no marker follows.
    pub(super) const fn ends_with_object(self) -> bool {
        matches!(self, Self::OpenAi | Self::Anthropic | Self::Bedrock)
    }
}

/// The rules of one protocol.
pub(super) struct Rules {
    /// Whose usage counts.
    pub(super) owners: &'static [Owner],
    /// Where the model's name stands.
    pub(super) models: &'static [Place],
    /// Whether a frame can only be of this protocol.
    pub(super) tells: fn(&Facts) -> bool,
    pub(super) read: fn(&Facts) -> Reading,
    /// Whether a frame has a token in it and nothing else. Where it cannot tell it says no.
    pub(super) quiet: fn(&[u8]) -> bool,
    /// The meaning of the numbers.
    pub(super) normal: fn(&Counts) -> Normal,
}

/// What a frame says.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
pub(super) struct Reading {
    /// There is a token in it.
    pub(super) content: bool,
    /// It is the protocol's end marker.
    pub(super) end: bool,
    /// It is an error.
    pub(super) failed: bool,
    pub(super) finish: FinishReason,
    /// The model asks for a tool.
    pub(super) calls: bool,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            content: false,
            end: false,
            failed: false,
            finish: FinishReason::Unknown,
            calls: false,
        }
    }
}
