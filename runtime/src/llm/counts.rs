//! The numbers of tokens that protocols name, as they are sent.

use super::schema::Place;
use crate::usage::Usage;

/// A number that some protocol names. Its meaning is that protocol's: see each one's `usage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    // OpenAI's chat, and what DeepSeek adds
    Prompt,
    Completion,
    PromptCached,
    PromptCacheWrite,
    CompletionReasoning,
    PromptCacheHit,
    // OpenAI's Responses; the first two are Anthropic's too
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
    PromptTokens,
    ToolUsePrompt,
    Candidates,
    Thoughts,
    CachedContent,
    TotalTokens,
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

impl Count {
    const LAST: Self = Self::BedrockCacheWrite;
}

const COUNTS: usize = Count::LAST as usize + 1;

/// The numbers that were seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    known: u32,
    of: [u64; COUNTS],
}

impl Counts {
    pub(super) const fn new() -> Self {
        Self { known: 0, of: [0; COUNTS] }
    }

    pub(super) const fn clear(&mut self) {
        self.known = 0;
    }

    pub(super) const fn get(&self, count: Count) -> Option<u64> {
        if self.known & bit(count as usize) == 0 { None } else { Some(self.of[count as usize]) }
    }

    pub(super) const fn has(&self, count: Count) -> bool {
        self.known & bit(count as usize) != 0
    }

    pub(super) fn add(&mut self, count: Count, tokens: u64) {
        self.keep_larger(count as usize, tokens);
    }

    /// Takes over the numbers of the same frame: of two the larger one.
    pub(super) fn merge(&mut self, other: &Self) {
        for index in other.indices() {
            self.keep_larger(index, other.of[index]);
        }
    }

    /// Takes over the numbers of a later frame.
    pub(super) fn update(&mut self, later: &Self) {
        for index in later.indices() {
            self.of[index] = later.of[index];
        }
        self.known |= later.known;
    }

    /// The indices of what is known.
    fn indices(&self) -> impl Iterator<Item = usize> + use<> {
        let known = self.known;
        (0..COUNTS).filter(move |index| known & bit(*index) != 0)
    }

    fn keep_larger(&mut self, index: usize, tokens: u64) {
        let of = &mut self.of[index];
        *of = if self.known & bit(index) == 0 { tokens } else { tokens.max(*of) };
        self.known |= bit(index);
    }
}

const fn bit(index: usize) -> u32 {
    1 << index
}

/// Usage in the normal form: totals of both sides, and parts that are within them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Normal {
    pub(super) input: Option<u64>,
    pub(super) cache_read: Option<u64>,
    pub(super) cache_write: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) reasoning: Option<u64>,
}

impl Normal {
    /// Nothing is known.
    pub(super) const NONE: Self =
        Self { input: None, cache_read: None, cache_write: None, output: None, reasoning: None };

    /// The same with the output that only a total tells of: thoughts, say, that were left out. A total that
    /// is less than its parts says nothing.
    pub(super) fn up_to(self, total: Option<u64>) -> Self {
        let sum = with(self.input, [self.output, None]);
        let rest = match (total, sum) {
            (Some(total), Some(sum)) => total.saturating_sub(sum),
            _ => 0,
        };
        let output = if rest == 0 { self.output } else { with(Some(rest), [self.output, None]) };
        Self { output, ..self }
    }

    /// What two frames of a stream have told. Usage is cumulative everywhere, so the larger number counts.
    pub(super) fn or_more(self, other: Self) -> Self {
        Self {
            input: self.input.max(other.input),
            cache_read: self.cache_read.max(other.cache_read),
            cache_write: self.cache_write.max(other.cache_write),
            output: self.output.max(other.output),
            reasoning: self.reasoning.max(other.reasoning),
        }
    }
}

impl From<Normal> for Option<Usage> {
    fn from(normal: Normal) -> Self {
        let Normal { input, cache_read, cache_write, output, reasoning } = normal;
        Usage::from_counts(input, output, cache_read, cache_write, reasoning)
    }
}

/// A whole and what is not in it yet; not known if the whole is not.
pub(super) fn with(whole: Option<u64>, more: [Option<u64>; 2]) -> Option<u64> {
    let whole = whole?;
    Some(more.into_iter().flatten().fold(whole, u64::saturating_add))
}

/// Whose usage, model or error a place holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The frame itself.
    Frame,
    /// The frame's `message`.
    Message,
    /// The frame's `response`.
    Response,
}

impl Owner {
    pub(super) const ALL: [Self; 3] = [Self::Frame, Self::Message, Self::Response];
    pub(super) const COUNT: usize = Self::ALL.len();
}

/// The number that a member of a usage object is, or where more of them are.
pub(super) fn usage_member(owner: Owner, key: &[u8]) -> Place {
    let count = match key {
        b"prompt_tokens" => Count::Prompt,
        b"completion_tokens" => Count::Completion,
        b"prompt_cache_hit_tokens" => Count::PromptCacheHit,
        b"input_tokens" => Count::Input,
        b"output_tokens" => Count::Output,
        b"total_tokens" => Count::Total,
        b"cache_read_input_tokens" => Count::CacheRead,
        b"cache_creation_input_tokens" => Count::CacheCreation,
        b"inputTokens" => Count::BedrockInput,
        b"outputTokens" => Count::BedrockOutput,
        b"totalTokens" => Count::BedrockTotal,
        b"cacheReadInputTokens" | b"cacheReadInputTokenCount" => Count::BedrockCacheRead,
        b"cacheWriteInputTokens" | b"cacheWriteInputTokenCount" => Count::BedrockCacheWrite,
        b"prompt_tokens_details" => return Place::PromptDetails(owner),
        b"completion_tokens_details" => return Place::CompletionDetails(owner),
        b"input_tokens_details" => return Place::InputDetails(owner),
        b"output_tokens_details" => return Place::OutputDetails(owner),
        _ => return Place::Elsewhere,
    };
    Place::Count(owner, count)
}

/// The number that a member of Gemini's `usageMetadata` is.
pub(super) fn metadata_member(key: &[u8]) -> Place {
    let count = match key {
        b"promptTokenCount" => Count::PromptTokens,
        b"toolUsePromptTokenCount" => Count::ToolUsePrompt,
        b"candidatesTokenCount" => Count::Candidates,
        b"thoughtsTokenCount" => Count::Thoughts,
        b"cachedContentTokenCount" => Count::CachedContent,
        b"totalTokenCount" => Count::TotalTokens,
        _ => return Place::Elsewhere,
    };
    Place::Count(Owner::Frame, count)
}
