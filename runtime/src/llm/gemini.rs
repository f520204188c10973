//! Gemini's `generateContent`. Candidates exclude thoughts, the prompt excludes what tools brought in.

use super::counts::{Count, Counts, Normal, Owner, with};
use super::detect::{Reading, Rules};
use super::frame::{Facts, Mark};
use super::schema::{Dialect, Place};
use crate::usage::FinishReason;

pub(super) const RULES: Rules =
    Rules { owners: &[Owner::Frame], models: &[Place::ModelVersion], tells, read, quiet, normal };

fn tells(facts: &Facts) -> bool {
    facts.has(Mark::Gemini)
}

fn read(facts: &Facts) -> Reading {
    let finish = match facts.finish(Dialect::Gemini) {
        FinishReason::Unknown if facts.has(Mark::Blocked) => FinishReason::ContentFilter,
        finish => finish,
    };
    Reading {
        content: facts.has(Mark::GeminiPart),
        // A prompt that was blocked has no candidate that could finish.
        end: finish != FinishReason::Unknown,
        failed: false,
        finish,
        calls: facts.has(Mark::GeminiCall),
    }
}

/// There is usage in all of them.
const fn quiet(_frame: &[u8]) -> bool {
    false
}

fn normal(counts: &Counts) -> Normal {
    let candidates = counts.get(Count::Candidates);
    let thoughts = counts.get(Count::Thoughts);
    let tools = counts.get(Count::ToolUsePrompt);
    let told = Normal {
        input: with(counts.get(Count::PromptTokens).or(tools.map(|_| 0)), [tools, None]),
        cache_read: counts.get(Count::CachedContent),
        cache_write: None,
        // Without candidates the thoughts were all there was.
        output: with(candidates.or(thoughts.map(|_| 0)), [thoughts, None]),
        reasoning: thoughts,
    };
    told.up_to(counts.get(Count::TotalTokens))
}

pub(super) fn finish_reason(word: &[u8]) -> FinishReason {
    match word {
        b"FINISH_REASON_UNSPECIFIED" => FinishReason::Unknown,
        b"STOP" => FinishReason::Stop,
        b"MAX_TOKENS" => FinishReason::Length,
        b"SAFETY"
        | b"RECITATION"
        | b"BLOCKLIST"
        | b"PROHIBITED_CONTENT"
        | b"SPII"
        | b"IMAGE_SAFETY"
        | b"IMAGE_PROHIBITED_CONTENT"
        | b"IMAGE_RECITATION" => FinishReason::ContentFilter,
        _ => FinishReason::Other,
    }
}
