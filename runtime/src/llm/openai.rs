//! `OpenAI`'s chat and Responses, and the many servers that speak as they do. Totals include their parts.

use super::counts::{Count, Counts, Normal, Owner, with};
use super::detect::{Reading, Rules};
use super::fast_path::{DELTA, ERROR, FINISH_REASON, USAGE, begins_text};
use super::frame::{Facts, Kind, Mark};
use super::schema::{Dialect, Place};
use crate::usage::FinishReason;

pub(super) const RULES: Rules = Rules {
    owners: &[Owner::Frame, Owner::Response],
    models: &[Place::Model(Owner::Frame), Place::Model(Owner::Response)],
    tells,
    read,
    quiet,
    normal,
};

/// An event of Responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Something was added: to text, reasoning, a refusal, a call's arguments.
    Delta,
    Failed,
    /// Completed, or incomplete.
    End,
    Other,
}

pub(super) fn event(name: &[u8]) -> Option<Event> {
    let name = name.strip_prefix(b"response.")?;
    Some(match name {
        b"completed" | b"incomplete" => Event::End,
        b"failed" => Event::Failed,
        _ if name.ends_with(b".delta") => Event::Delta,
        _ => Event::Other,
    })
}

fn tells(facts: &Facts) -> bool {
    let counts = facts.counts(Owner::Frame);
    matches!(facts.kind, Kind::Responses(_))
        || facts.has(Mark::ChatObject)
        || facts.has(Mark::ResponseObject)
        || facts.has(Mark::Choices)
        || counts.has(Count::Prompt)
        // Without caches it is the same to whom these belong.
        || (counts.has(Count::Input) && counts.has(Count::Output))
}

fn read(facts: &Facts) -> Reading {
    let chat = facts.finish(Dialect::Chat);
    let responses = match facts.kind {
        Kind::Responses(Event::End | Event::Failed) => true,
        _ => facts.has(Mark::ResponseObject),
    };
    let content = match facts.kind {
        Kind::Responses(Event::Delta) => facts.has(Mark::DeltaText),
        _ => {
            facts.has(Mark::ChoiceContent)
                || (facts.has(Mark::ResponseObject) && facts.has(Mark::Output))
        }
    };
    Reading {
        content,
        end: matches!(facts.kind, Kind::Responses(Event::End | Event::Failed)),
        failed: matches!(facts.kind, Kind::Error | Kind::Responses(Event::Failed)),
        finish: if responses { facts.finish(Dialect::Responses) } else { chat },
        // An event tells of each item, before the end or instead of it.
        calls: facts.has(Mark::CallOutput)
            && (responses || matches!(facts.kind, Kind::Responses(_))),
    }
}

fn quiet(frame: &[u8]) -> bool {
    const CHAT: &[&[u8]] = &[b":{\"content\":\"", b":{\"role\":\"assistant\",\"content\":\""];
    let texts: &[&[u8]] = match frame.strip_prefix(b"{\"type\":\"response.") {
        Some(event) if event.starts_with(b"output_text.delta\",") => &[b":\""],
        Some(_) => return false,
        None => CHAT,
    };
    DELTA.first(frame).is_some_and(|delta| begins_text(delta, texts))
        && [&USAGE, &ERROR, &FINISH_REASON].into_iter().all(|key| key.is_null(frame))
}

fn normal(counts: &Counts) -> Normal {
    let either = |one, other| counts.get(one).max(counts.get(other));
    let told = Normal {
        input: either(Count::Prompt, Count::Input),
        cache_read: either(Count::PromptCached, Count::InputCached)
            .max(counts.get(Count::PromptCacheHit)),
        cache_write: either(Count::PromptCacheWrite, Count::InputCacheWrite),
        output: either(Count::Completion, Count::Output),
        reasoning: either(Count::CompletionReasoning, Count::OutputReasoning),
    };
    of(told, counts.get(Count::Total))
}

/// The meaning of the numbers. Some leave reasoning out of the output, or caches out of the input, and only
/// the total tells.
fn of(told: Normal, total: Option<u64>) -> Normal {
    let cached = with(Some(0), [told.cache_read, told.cache_write]);
    let sum = with(told.input, [told.output, cached]);
    if cached > Some(0) && sum == total {
        return Normal { input: with(told.input, [cached, None]), ..told };
    }
    // Where there is no output, as of embeddings, the total is of something else.
    told.up_to(total.filter(|_| told.output.is_some()))
}

/// The same of a reply that somebody else has read.
#[cfg(feature = "async-openai")]
pub(crate) fn usage(
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    reasoning: Option<u64>,
) -> Option<crate::usage::Usage> {
    of(Normal { input, cache_read, cache_write, output, reasoning }, total).into()
}

/// What a choice says of its end.
pub(super) fn finish_reason(word: &[u8]) -> FinishReason {
    match word {
        b"stop" => FinishReason::Stop,
        b"length" | b"model_length" => FinishReason::Length,
        b"tool_calls" | b"function_call" => FinishReason::ToolCalls,
        b"content_filter" => FinishReason::ContentFilter,
        b"error" => FinishReason::Error,
        b"abort" | b"cancelled" => FinishReason::Cancelled,
        _ => FinishReason::Other,
    }
}

/// What a response says of itself, and of what is missing.
pub(super) fn status(word: &[u8]) -> FinishReason {
    match word {
        b"in_progress" | b"queued" => FinishReason::Unknown,
        b"completed" => FinishReason::Stop,
        b"max_output_tokens" => FinishReason::Length,
        b"content_filter" => FinishReason::ContentFilter,
        b"failed" => FinishReason::Error,
        b"cancelled" => FinishReason::Cancelled,
        _ => FinishReason::Other,
    }
}

/// Whether an item of a response's output asks the client to do something.
pub(super) fn is_call(kind: &[u8]) -> bool {
    matches!(kind, b"function_call" | b"custom_tool_call" | b"computer_call" | b"local_shell_call")
}
