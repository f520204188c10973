//! Anthropic's Messages. The input excludes what was read from a cache or written to it.

use super::counts::{Count, Counts, Normal, Owner, with};
use super::detect::{Reading, Rules};
use super::fast_path::{DELTA, ERROR, STOP_REASON, USAGE, begins_text};
use super::frame::{Facts, Kind, Mark};
use super::schema::{Dialect, Place};
use crate::usage::FinishReason;

pub(super) const RULES: Rules = Rules {
    owners: &[Owner::Frame, Owner::Message],
    models: &[Place::Model(Owner::Frame), Place::Model(Owner::Message)],
    tells,
    read,
    quiet,
    normal,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A whole message: a plain reply.
    Message,
    Start,
    Delta,
    Stop,
    Other,
}

pub(super) fn event(name: &[u8]) -> Option<Event> {
    Some(match name {
        b"message" => Event::Message,
        b"message_start" => Event::Start,
        b"content_block_delta" => Event::Delta,
        b"message_stop" => Event::Stop,
        b"message_delta" | b"content_block_start" | b"content_block_stop" => Event::Other,
        _ => return None,
    })
}

fn tells(facts: &Facts) -> bool {
    let counts = facts.counts(Owner::Frame);
    let cached = counts.has(Count::CacheRead) || counts.has(Count::CacheCreation);
    match facts.kind {
        Kind::Anthropic(Event::Message) => facts.has(Mark::Blocks) || counts.has(Count::Input),
        Kind::Anthropic(_) => true,
        // Some who speak as OpenAI does have these beside their own.
        _ => cached && !counts.has(Count::Prompt),
    }
}

fn read(facts: &Facts) -> Reading {
    Reading {
        content: match facts.kind {
            Kind::Anthropic(Event::Delta) => !facts.has(Mark::NoDeltaText),
            Kind::Anthropic(Event::Message) => facts.has(Mark::Blocks),
            _ => false,
        },
        end: facts.kind == Kind::Anthropic(Event::Stop),
        failed: facts.kind == Kind::Error,
        finish: facts.finish(Dialect::Anthropic),
        calls: false,
    }
}

fn quiet(frame: &[u8]) -> bool {
    const TEXTS: &[&[u8]] = &[
        b":{\"type\":\"text_delta\",\"text\":\"",
        b":{\"type\":\"thinking_delta\",\"thinking\":\"",
        b":{\"type\":\"input_json_delta\",\"partial_json\":\"",
    ];
    frame.starts_with(b"{\"type\":\"content_block_delta\",")
        && DELTA.first(frame).is_some_and(|delta| begins_text(delta, TEXTS))
        && [&USAGE, &ERROR, &STOP_REASON].into_iter().all(|key| key.is_null(frame))
}

fn normal(counts: &Counts) -> Normal {
    let cache_read = counts.get(Count::CacheRead);
    let cache_write = counts.get(Count::CacheCreation);
    Normal {
        input: with(counts.get(Count::Input), [cache_read, cache_write]),
        cache_read,
        cache_write,
        output: counts.get(Count::Output),
        reasoning: None,
    }
}

pub(super) fn finish_reason(word: &[u8]) -> FinishReason {
    match word {
        b"end_turn" | b"stop_sequence" => FinishReason::Stop,
        b"max_tokens" | b"model_context_window_exceeded" => FinishReason::Length,
        b"tool_use" => FinishReason::ToolCalls,
        b"refusal" => FinishReason::ContentFilter,
        _ => FinishReason::Other,
    }
}
