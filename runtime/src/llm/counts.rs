//! Token counts as protocols send them.

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
    PromptAudio,
    PromptImage,
    CompletionAudio,
    CompletionImage,
    // OpenAI's Responses. Anthropic has the first two as well.
    Input,
    Output,
    InputCached,
    InputCacheWrite,
    OutputReasoning,
    Total,
    /// The total of a call that has no output.
    InputTotal,
    InputAudio,
    InputImage,
    OutputAudio,
    OutputImage,
    /// The audio among the cached tokens.
    CachedAudio,
    CachedImage,
    // Servers that are compatible with OpenAI's: counts at the top level of the usage.
    Cached,
    Reasoning,
    PromptAudioSeconds,
    // Anthropic
    CacheRead,
    CacheCreation,
    CacheCreation1h,
    OutputThinking,
    // Gemini
    GeminiPrompt,
    GeminiToolUsePrompt,
    GeminiCandidates,
    GeminiThoughts,
    GeminiCachedContent,
    GeminiTotal,
    GeminiPromptAudio,
    GeminiPromptImage,
    GeminiToolUseAudio,
    GeminiToolUseImage,
    GeminiCachedAudio,
    GeminiCachedImage,
    GeminiOutputAudio,
    GeminiOutputImage,
    // Ollama
    PromptEval,
    Eval,
    // Bedrock
    BedrockInput,
    BedrockOutput,
    BedrockTotal,
    BedrockCacheRead,
    BedrockCacheWrite,
    // Some replies have both names of each count.
    BedrockCacheReadCount,
    BedrockCacheWriteCount,
    // Cohere
    CohereInput,
    CohereOutput,
    CohereBilledInput,
    CohereBilledOutput,
}

impl RawCount {
    const LAST: Self = Self::CohereBilledOutput;
    const COUNT: usize = Self::LAST as usize + 1;
}

/// The token counts that a frame, or a stream so far, has sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawCounts {
    /// One bit for each [`RawCount`] that is known.
    known: u64,
    /// One bit for each [`RawCount`] that was sent, but cannot be read.
    unreadable: u64,
    tokens: [u64; RawCount::COUNT],
}

impl RawCounts {
    pub(super) const fn new() -> Self {
        Self { known: 0, unreadable: 0, tokens: [0; RawCount::COUNT] }
    }

    /// Returns whether no count was sent.
    pub(super) const fn is_empty(&self) -> bool {
        self.known | self.unreadable == 0
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
        self.unreadable != 0
            && counts.iter().any(|count| self.unreadable & bit(*count as usize) != 0)
    }

    /// Notes that a count was sent, but cannot be read.
    pub(super) const fn set_unreadable(&mut self, count: RawCount) {
        self.unreadable |= bit(count as usize) & !self.known;
    }

    /// Removes counts.
    pub(super) fn remove(&mut self, counts: &[RawCount]) {
        let bits = counts.iter().fold(0, |bits, count| bits | bit(*count as usize));
        self.known &= !bits;
        self.unreadable &= !bits;
    }

    /// Adds the counts of another exchange.
    pub(super) fn add(&mut self, other: &Self) {
        for index in other.known_indices() {
            let current = if self.known & bit(index) == 0 { 0 } else { self.tokens[index] };
            self.tokens[index] = current.saturating_add(other.tokens[index]);
        }
        self.known |= other.known;
        self.unreadable |= other.unreadable;
    }

    /// Adds a count of the same frame. Of two values the larger one stays, so that the order of an
    /// object's members does not matter: some counts have two names.
    pub(super) fn insert_max(&mut self, count: RawCount, tokens: u64) {
        self.insert_max_at(count as usize, tokens);
    }

    /// Adds the counts of another object of the same frame. Of two values the larger one stays.
    pub(super) fn merge_max(&mut self, other: &Self) {
        for index in other.known_indices() {
            self.insert_max_at(index, other.tokens[index]);
        }
        self.unreadable = (self.unreadable | other.unreadable) & !self.known;
    }

    /// Replaces counts by those of a later frame. A count that the later frame has, but that cannot
    /// be read, is not known any more.
    pub(super) fn replace_by(&mut self, later: &Self) {
        for index in later.known_indices() {
            self.tokens[index] = later.tokens[index];
        }
        self.known = (self.known & !later.unreadable) | later.known;
        self.unreadable = (self.unreadable | later.unreadable) & !later.known;
    }

    fn known_indices(&self) -> impl Iterator<Item = usize> + use<> {
        let mut rest = self.known;
        std::iter::from_fn(move || {
            let index = rest.trailing_zeros();
            // Clears the lowest bit.
            rest &= rest.checked_sub(1)?;
            Some(index as usize)
        })
    }

    fn insert_max_at(&mut self, index: usize, tokens: u64) {
        let current = &mut self.tokens[index];
        *current = if self.known & bit(index) == 0 { tokens } else { tokens.max(*current) };
        self.known |= bit(index);
        self.unreadable &= !bit(index);
    }
}

impl Default for RawCounts {
    fn default() -> Self {
        Self::new()
    }
}

const fn bit(index: usize) -> u64 {
    1 << index
}

/// Returns the sum of tokens of one modality, such as audio, without those that were read from a
/// cache. The parts of the input must not overlap, and providers bill cached tokens at the price of
/// the cache. Returns `None` instead of zero, which many servers send for each modality that a call
/// does not have.
pub(super) fn modality_tokens(parts: &[Option<u64>], cached: Option<u64>) -> Option<u64> {
    let tokens = parts.iter().flatten().copied().fold(0, u64::saturating_add);
    Some(tokens.saturating_sub(cached.unwrap_or_default())).filter(|tokens| *tokens > 0)
}

/// Adds the known parts to a total that does not include them. The result is unknown if the total
/// is.
pub(super) fn add_parts<const N: usize>(
    total: Option<u64>,
    parts: [Option<u64>; N],
) -> Option<u64> {
    let total = total?;
    Some(parts.into_iter().flatten().fold(total, u64::saturating_add))
}
