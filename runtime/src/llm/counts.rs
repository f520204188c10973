//! Token counts as protocols send them, and the normalized form that all protocols share.

use crate::usage::{Usage, UsageCount};

/// A token count under the name that a protocol gives it. Each protocol's `normalize` defines what
/// its counts include.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RawCount {
    // OpenAI's chat completions; DeepSeek adds the last one.
    Prompt,
    Completion,
    PromptCached,
    PromptCacheWrite,
    CompletionReasoning,
    PromptCacheHit,
    // OpenAI's Responses. Anthropic has the first two as well.
    Input,
    Output,
    InputCached,
    InputCacheWrite,
    OutputReasoning,
    Total,
    // Anthropic
    CacheRead,
    CacheCreation,
    // Gemini
    GeminiPrompt,
    GeminiToolUsePrompt,
    GeminiCandidates,
    GeminiThoughts,
    GeminiCachedContent,
    GeminiTotal,
    // Ollama
    PromptEval,
    Eval,
    // Bedrock
    BedrockInput,
    BedrockOutput,
    BedrockTotal,
    BedrockCacheRead,
    BedrockCacheWrite,
}

impl RawCount {
    const LAST: Self = Self::BedrockCacheWrite;
    const COUNT: usize = Self::LAST as usize + 1;
}

/// The token counts that a frame, or a stream so far, has sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawCounts {
    /// One bit for each [`RawCount`] that is known.
    known: u32,
    /// One bit for each [`RawCount`] that was sent, but cannot be read.
    unreadable: u32,
    tokens: [u64; RawCount::COUNT],
}

impl RawCounts {
    pub(super) const fn new() -> Self {
        Self { known: 0, unreadable: 0, tokens: [0; RawCount::COUNT] }
    }

    pub(super) const fn clear(&mut self) {
        self.known = 0;
        self.unreadable = 0;
    }

    pub(super) const fn get(&self, count: RawCount) -> Option<u64> {
        if self.has(count) { Some(self.tokens[count as usize]) } else { None }
    }

    pub(super) const fn has(&self, count: RawCount) -> bool {
        self.known & bit(count as usize) != 0
    }

    /// Returns whether one of the counts was sent, but cannot be read.
    pub(super) fn is_any_unreadable(&self, counts: &[RawCount]) -> bool {
        counts.iter().any(|count| self.unreadable & bit(*count as usize) != 0)
    }

    pub(super) const fn set_unreadable(&mut self, count: RawCount) {
        self.unreadable |= bit(count as usize);
    }

    /// Adds a count of the same frame. If the count is already known, the larger value stays.
    pub(super) fn insert_max(&mut self, count: RawCount, tokens: u64) {
        self.insert_max_at(count as usize, tokens);
    }

    /// Adds the counts of another object of the same frame. Of two values the larger one stays.
    pub(super) fn merge_max(&mut self, other: &Self) {
        for index in other.known_indices() {
            self.insert_max_at(index, other.tokens[index]);
        }
        self.unreadable |= other.unreadable;
    }

    /// Replaces counts by those of a later frame.
    pub(super) fn replace_by(&mut self, later: &Self) {
        for index in later.known_indices() {
            self.tokens[index] = later.tokens[index];
        }
        self.known |= later.known;
        self.unreadable = (self.unreadable | later.unreadable) & !later.known;
    }

    fn known_indices(&self) -> impl Iterator<Item = usize> + use<> {
        let known = self.known;
        (0..RawCount::COUNT).filter(move |index| known & bit(*index) != 0)
    }

    fn insert_max_at(&mut self, index: usize, tokens: u64) {
        let current = &mut self.tokens[index];
        *current = if self.known & bit(index) == 0 { tokens } else { tokens.max(*current) };
        self.known |= bit(index);
    }
}

const fn bit(index: usize) -> u32 {
    1 << index
}

/// Usage in the form of [`Usage`]: `input` and `output` are totals that include the other counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NormalizedUsage {
    pub(super) input: Option<u64>,
    pub(super) cache_read: Option<u64>,
    pub(super) cache_write: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) reasoning: Option<u64>,
}

impl NormalizedUsage {
    /// Usage without any count.
    pub(super) const EMPTY: Self =
        Self { input: None, cache_read: None, cache_write: None, output: None, reasoning: None };

    /// Raises the output so that input and output add up to the total. Some servers
    /// include output, such as thoughts, in the total alone. A total below the sum is ignored.
    pub(super) fn raise_output_to_total(self, total: Option<u64>) -> Self {
        let sum = add_parts(self.input, [self.output, None]);
        let missing = match (total, sum) {
            (Some(total), Some(sum)) => total.saturating_sub(sum),
            _ => 0,
        };
        let output = match missing {
            0 => self.output,
            _ => add_parts(Some(missing), [self.output, None]),
        };
        Self { output, ..self }
    }

    /// Merges the usage of two frames of a stream. All protocols send cumulative counts, so the
    /// larger value of each count is kept.
    pub(super) fn max(self, other: Self) -> Self {
        Self {
            input: self.input.max(other.input),
            cache_read: self.cache_read.max(other.cache_read),
            cache_write: self.cache_write.max(other.cache_write),
            output: self.output.max(other.output),
            reasoning: self.reasoning.max(other.reasoning),
        }
    }
}

impl From<NormalizedUsage> for Option<Usage> {
    fn from(usage: NormalizedUsage) -> Self {
        let NormalizedUsage { input, cache_read, cache_write, output, reasoning } = usage;
        Usage::from_counts([
            (UsageCount::Input, input),
            (UsageCount::CacheRead, cache_read),
            (UsageCount::CacheWrite, cache_write),
            (UsageCount::Output, output),
            (UsageCount::Reasoning, reasoning),
        ])
    }
}

/// Adds the known parts to a total that does not include them. The result is unknown if the total
/// is.
pub(super) fn add_parts(total: Option<u64>, parts: [Option<u64>; 2]) -> Option<u64> {
    let total = total?;
    Some(parts.into_iter().flatten().fold(total, u64::saturating_add))
}
