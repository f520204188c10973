//! Ollama's own interface. Its counts stand at the top of the last object.

use super::counts::{Count, Counts, Normal, Owner};
use super::detect::{Reading, Rules};
use super::frame::{Facts, Mark};
use super::schema::{Dialect, Place};
use crate::usage::FinishReason;

pub(super) const RULES: Rules = Rules {
    owners: &[Owner::Frame],
    models: &[Place::Model(Owner::Frame)],
    tells,
    read,
    quiet,
    normal,
};

fn tells(facts: &Facts) -> bool {
    let counts = facts.counts(Owner::Frame);
    counts.has(Count::PromptEval)
        || counts.has(Count::Eval)
        || ((facts.has(Mark::Done) || facts.has(Mark::NotDone)) && facts.has(Mark::Model))
}

fn read(facts: &Facts) -> Reading {
    Reading {
        content: facts.has(Mark::OllamaText)
            || facts.has(Mark::ResponseText)
            || facts.has(Mark::OllamaCalls),
        end: facts.has(Mark::Done),
        failed: false,
        finish: facts.finish(Dialect::Ollama),
        calls: facts.has(Mark::OllamaCalls),
    }
}

/// They are short.
const fn quiet(_frame: &[u8]) -> bool {
    false
}

fn normal(counts: &Counts) -> Normal {
    Normal { input: counts.get(Count::PromptEval), output: counts.get(Count::Eval), ..Normal::NONE }
}

pub(super) fn finish_reason(word: &[u8]) -> FinishReason {
    match word {
        b"stop" => FinishReason::Stop,
        b"length" => FinishReason::Length,
        _ => FinishReason::Other,
    }
}
