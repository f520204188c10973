//! Bedrock's Converse, whose replies are JSON. Its streams are framed in a binary form that is not read.

use super::counts::{Count, Counts, Normal, Owner, with};
use super::detect::{Reading, Rules};
use super::frame::{Facts, Mark};
use super::schema::{Dialect, Place};
use crate::usage::FinishReason;

pub(super) const RULES: Rules = Rules {
    owners: &[Owner::Frame],
    // It names none by itself.
    models: &[Place::Model(Owner::Frame)],
    tells,
    read,
    quiet,
    normal,
};

fn tells(facts: &Facts) -> bool {
    let counts = facts.counts(Owner::Frame);
    counts.has(Count::BedrockInput) || counts.has(Count::BedrockOutput)
}

fn read(facts: &Facts) -> Reading {
    Reading {
        content: facts.has(Mark::Output),
        finish: facts.finish(Dialect::Bedrock),
        ..Reading::default()
    }
}

/// They come alone.
const fn quiet(_frame: &[u8]) -> bool {
    false
}

fn normal(counts: &Counts) -> Normal {
    of(
        counts.get(Count::BedrockInput),
        counts.get(Count::BedrockOutput),
        counts.get(Count::BedrockTotal),
        counts.get(Count::BedrockCacheRead),
        counts.get(Count::BedrockCacheWrite),
    )
}

/// The meaning of the numbers. Whether the input includes what was read from a cache or written to it
/// depends on the model, which a reply does not name, but its total tells.
fn of(
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
) -> Normal {
    let cached = with(Some(0), [cache_read, cache_write]);
    let excludes = match (with(input, [output, None]), total) {
        (Some(sum), Some(total)) => total > sum,
        _ => input < cached,
    };
    let more = if excludes { [cache_read, cache_write] } else { [None, None] };
    Normal { input: with(input, more), cache_read, cache_write, output, reasoning: None }
}

/// The same of a reply that somebody else has read.
#[cfg(feature = "aws-sdk-bedrockruntime")]
pub(crate) fn usage(
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
) -> Option<crate::usage::Usage> {
    of(input, output, total, cache_read, cache_write).into()
}

pub(crate) fn finish_reason(word: &[u8]) -> FinishReason {
    match word {
        b"end_turn" | b"stop_sequence" => FinishReason::Stop,
        b"max_tokens" | b"model_context_window_exceeded" => FinishReason::Length,
        b"tool_use" => FinishReason::ToolCalls,
        b"content_filtered" | b"guardrail_intervened" => FinishReason::ContentFilter,
        b"malformed_model_output" | b"malformed_tool_use" => FinishReason::Error,
        _ => FinishReason::Other,
    }
}
