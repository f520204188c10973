//! The usage of a model call, and its partition into classes of tokens that do not overlap.

mod partition;
#[cfg(test)]
mod tests;

use std::fmt;
use std::num::NonZero;

pub(crate) use self::partition::{TokenClass, TokenType};
use crate::label::closed_set;

/// The largest token count that is recorded. No call has more tokens.
pub(crate) const MAX_TOKENS: u64 = 1 << 40;

closed_set! { indexed
    /// A count of a call's usage. The names are those of the methods of [`Usage`] and
    /// [`Price`](crate::Price), of the roles of `#[token_usage(…)]` and of the keys of a price
    /// file.
    #[doc(hidden)]
    pub UsageCount {
        /// All input tokens.
        Input = "input",
        /// Input read from a cache.
        CacheRead = "cache_read",
        /// Input written to a cache for five minutes.
        CacheWrite = "cache_write",
        /// Input written to a cache for one hour.
        CacheWrite1h = "cache_write_1h",
        /// Audio in the input.
        InputAudio = "input_audio",
        /// Images in the input.
        InputImage = "input_image",
        /// All output tokens.
        Output = "output",
        /// Reasoning in the output.
        Reasoning = "reasoning",
        /// Audio in the output.
        OutputAudio = "output_audio",
        /// Images in the output.
        OutputImage = "output_image",
    }
}

impl UsageCount {
    /// All counts, in the order of their indices.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Input,
        Self::CacheRead,
        Self::CacheWrite,
        Self::CacheWrite1h,
        Self::InputAudio,
        Self::InputImage,
        Self::Output,
        Self::Reasoning,
        Self::OutputAudio,
        Self::OutputImage,
    ];

    /// The counts of tokens that a cache served or stored.
    const CACHE_PARTS: [Self; 3] = [Self::CacheRead, Self::CacheWrite, Self::CacheWrite1h];

    /// The counts that are parts of the input.
    const INPUT_PARTS: [Self; 5] =
        [Self::CacheRead, Self::CacheWrite, Self::CacheWrite1h, Self::InputAudio, Self::InputImage];

    /// The counts that are parts of the output.
    const OUTPUT_PARTS: [Self; 3] = [Self::Reasoning, Self::OutputAudio, Self::OutputImage];
}

/// The token usage of one model call.
///
/// `input` and `output` are totals, as providers bill them: cached tokens are part of the input,
/// and reasoning tokens are part of the output. `Usage::default()` has no counts: a count that is
/// not known is absent, which differs from zero.
///
/// The parts of the input do not overlap, and neither do the parts of the output. For example,
/// audio tokens that were read from a cache belong to one of the two parts, by the price that the
/// provider charges for them.
///
/// The tokens that belong to no part are recorded with the detail `uncached` or `response`. They
/// are recorded as `unspecified` if they may contain cached tokens or reasoning: if none of
/// `cache_read`, `cache_write` and `cache_write_1h` is set, or `reasoning` is not set. Recording
/// never fails: a part that is larger than its total is cut to the total, and counts are limited to
/// 2^40 tokens.
///
/// # Examples
///
/// ```
/// use streamgauge::Usage;
///
/// let usage = Usage::new(1_200, 300).cache_read(1_000).reasoning(250);
/// assert_eq!(usage.total(), 1_500);
/// ```
///
/// This usage is recorded as input {`uncached` 200, `cache_read` 1000} and output {`response` 50,
/// `reasoning` 250}.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Usage {
    /// By index of [`UsageCount`]. A count that is not known is zero, so that sums and maxima need
    /// not look at `known`.
    tokens: [u64; UsageCount::COUNT],
    /// One bit for each count that is known.
    known: u16,
}

impl Usage {
    /// Creates the usage of a call from its input and output tokens, both as totals.
    #[must_use]
    pub const fn new(input: u64, output: u64) -> Self {
        Self { tokens: [0; UsageCount::COUNT], known: 0 }
            .with(UsageCount::Input, input)
            .with(UsageCount::Output, output)
    }

    /// Sets the input tokens that were read from a cache. They are part of the input.
    #[must_use]
    pub const fn cache_read(self, tokens: u64) -> Self {
        self.with(UsageCount::CacheRead, tokens)
    }

    /// Sets the input tokens that were written to a cache. They are part of the input.
    ///
    /// If the provider has caches of several lifetimes, these are the tokens in the cache with the
    /// shortest lifetime: five minutes for Anthropic.
    #[must_use]
    pub const fn cache_write(self, tokens: u64) -> Self {
        self.with(UsageCount::CacheWrite, tokens)
    }

    /// Sets the input tokens that were written to a cache with a lifetime of one hour. They are
    /// part of the input, and not part of [`cache_write`](Self::cache_write).
    #[must_use]
    pub const fn cache_write_1h(self, tokens: u64) -> Self {
        self.with(UsageCount::CacheWrite1h, tokens)
    }

    /// Sets the input tokens that stand for audio. They are part of the input.
    #[must_use]
    pub const fn input_audio(self, tokens: u64) -> Self {
        self.with(UsageCount::InputAudio, tokens)
    }

    /// Sets the input tokens that stand for images. They are part of the input.
    #[must_use]
    pub const fn input_image(self, tokens: u64) -> Self {
        self.with(UsageCount::InputImage, tokens)
    }

    /// Sets the output tokens that the model spent on reasoning. They are part of the output.
    #[must_use]
    pub const fn reasoning(self, tokens: u64) -> Self {
        self.with(UsageCount::Reasoning, tokens)
    }

    /// Sets the output tokens that stand for audio. They are part of the output.
    #[must_use]
    pub const fn output_audio(self, tokens: u64) -> Self {
        self.with(UsageCount::OutputAudio, tokens)
    }

    /// Sets the output tokens that stand for images. They are part of the output.
    #[must_use]
    pub const fn output_image(self, tokens: u64) -> Self {
        self.with(UsageCount::OutputImage, tokens)
    }

    /// Returns the tokens of the call: input and output, as far as they are known.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.known_input().saturating_add(self.known_output())
    }

    /// Creates usage from the counts of a reply. Returns `None` if all of them are missing.
    pub(crate) fn from_counts<const N: usize>(
        counts: [(UsageCount, Option<u64>); N],
    ) -> Option<Self> {
        let usage = counts.into_iter().fold(Self::default(), |usage, (count, tokens)| {
            tokens.map_or(usage, |tokens| usage.with(count, tokens))
        });
        usage.non_empty()
    }

    /// Returns the sum of the usage of two calls.
    pub(crate) fn plus(self, other: Self) -> Self {
        self.combine(other, u64::saturating_add)
    }

    /// Returns the larger of the two counts for each field. Both are the usage of the same call.
    pub(crate) fn max_per_field(self, other: Self) -> Self {
        self.combine(other, u64::max)
    }

    /// Merges two usages with a function for which zero, which stands for an unknown count, is
    /// neutral.
    fn combine(mut self, other: Self, both: fn(u64, u64) -> u64) -> Self {
        for (own, other) in self.tokens.iter_mut().zip(other.tokens) {
            *own = both(*own, other);
        }
        self.known |= other.known;
        self
    }

    /// Subtracts the usage of a part of the call.
    pub(crate) fn minus(self, part: Self) -> Self {
        let known = self.known;
        Self { known, ..self.combine(part, u64::saturating_sub) }
    }

    /// Removes the input and its parts.
    pub(crate) fn without_input(self) -> Self {
        self.without(UsageCount::Input).without_all(&UsageCount::INPUT_PARTS)
    }

    /// Removes the output and its parts.
    pub(crate) fn without_output(self) -> Self {
        self.without(UsageCount::Output).without_all(&UsageCount::OUTPUT_PARTS)
    }

    fn without_all(self, counts: &[UsageCount]) -> Self {
        counts.iter().fold(self, |usage, count| usage.without(*count))
    }

    const fn without(mut self, count: UsageCount) -> Self {
        self.tokens[count.index()] = 0;
        self.known &= !(1 << count.index());
        self
    }

    /// Returns the usage, unless it has no count.
    pub(crate) fn non_empty(self) -> Option<Self> {
        (self.known != 0).then_some(self)
    }

    /// Fills the counts that `whole` lacks with those of `part`.
    pub(crate) fn with_part(whole: Option<Self>, part: Option<Self>) -> Option<Self> {
        let (Some(whole), Some(part)) = (whole, part) else { return whole.or(part) };
        Some(UsageCount::ALL.into_iter().fold(whole, |usage, count| {
            match (whole.get(count), part.get(count)) {
                (None, Some(tokens)) => usage.with(count, tokens),
                _ => usage,
            }
        }))
    }

    /// Sets the input to the sum of the uncached and the cached tokens, for replies that report the
    /// input without its cached part.
    pub(crate) fn with_uncached(usage: Option<Self>, uncached: Option<u64>) -> Option<Self> {
        let Some(uncached) = uncached else { return usage };
        let usage = usage.unwrap_or_default();
        let cached = usage.sum(&UsageCount::CACHE_PARTS);
        Some(usage.with(UsageCount::Input, uncached.saturating_add(cached)))
    }

    /// Returns the usage with each count at most [`MAX_TOKENS`], so that sums cannot wrap a counter
    /// around.
    #[inline]
    pub(crate) fn clamped(&self) -> Self {
        // The union of the bits of all counts is at least as large as the largest count.
        if self.tokens.iter().fold(0, |bits, tokens| bits | tokens) < MAX_TOKENS {
            return *self;
        }
        Self { tokens: self.tokens.map(|tokens| tokens.min(MAX_TOKENS)), known: self.known }
    }

    /// Returns the input tokens, if they are known.
    pub(crate) const fn input_tokens(&self) -> Option<u64> {
        self.get(UsageCount::Input)
    }

    /// Returns the output tokens, if they are known.
    pub(crate) const fn output_tokens(&self) -> Option<u64> {
        self.get(UsageCount::Output)
    }

    /// Returns the input. If it is not known, returns the sum of its known parts.
    pub(crate) const fn known_input(&self) -> u64 {
        match self.input_tokens() {
            Some(input) => input,
            None => self.sum(&UsageCount::INPUT_PARTS),
        }
    }

    /// Returns the output. If it is not known, returns the sum of its known parts.
    const fn known_output(&self) -> u64 {
        match self.output_tokens() {
            Some(output) => output,
            None => self.sum(&UsageCount::OUTPUT_PARTS),
        }
    }

    /// Returns a count, if it is known.
    pub(crate) const fn get(&self, count: UsageCount) -> Option<u64> {
        if self.knows(count) { Some(self.tokens[count.index()]) } else { None }
    }

    /// Returns whether a count is known.
    const fn knows(&self, count: UsageCount) -> bool {
        self.known & (1 << count.index()) != 0
    }

    /// Sets a count.
    pub(crate) const fn with(mut self, count: UsageCount, tokens: u64) -> Self {
        self.tokens[count.index()] = tokens;
        self.known |= 1 << count.index();
        self
    }

    /// Returns the sum of some counts, as far as they are known.
    const fn sum(&self, counts: &[UsageCount]) -> u64 {
        // An iterator cannot be used in a `const fn`.
        let (mut sum, mut position) = (0_u64, 0);
        while position < counts.len() {
            sum = sum.saturating_add(self.tokens[counts[position].index()]);
            position += 1;
        }
        sum
    }
}

/// Shows the counts that are known.
impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut usage = f.debug_struct("Usage");
        for count in UsageCount::ALL {
            if let Some(tokens) = self.get(count) {
                usage.field(count.as_str(), &tokens);
            }
        }
        usage.finish()
    }
}

closed_set! {
    /// The `finish_reason` label of a model call.
    #[derive(Default)]
    pub(crate) FinishReason {
        #[default]
        Unknown = "",
        Stop = "stop",
        Length = "length",
        ToolCalls = "tool_calls",
        ContentFilter = "content_filter",
        Error = "error",
        Cancelled = "cancelled",
        Other = "other",
    }
}

closed_set! { indexed
    /// The `reason` label of a model call that ended without all of its usage.
    pub(crate) MissingReason {
        NotSent = "not_sent",
        Disconnected = "disconnected",
        Unparsed = "unparsed",
        Partly = "partly",
    }
}

/// An integer, or an optional one, that is a token count. A negative count is treated as not known,
/// and one of more than 64 bits as the largest count.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a `{Self}` is not a number of tokens",
    label = "expected an integer, or an `Option` of one",
    note = "a count may be of any integer type: `u8` to `u128`, `usize`, `i8` to `i128`, `isize`, \
            a `NonZero` of one, or an `Option` of any of them"
)]
pub trait TokenCount {
    /// Returns the count, if it is known.
    fn count(&self) -> Option<u64>;
}

macro_rules! token_counts {
    ($($integer:ty)*) => {$(
        impl TokenCount for $integer {
            fn count(&self) -> Option<u64> {
                let count = u128::try_from(*self).ok()?;
                Some(u64::try_from(count).unwrap_or(u64::MAX))
            }
        }

        impl TokenCount for NonZero<$integer> {
            fn count(&self) -> Option<u64> {
                self.get().count()
            }
        }
    )*};
}

token_counts!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

impl<T: TokenCount> TokenCount for Option<T> {
    fn count(&self) -> Option<u64> {
        self.as_ref().and_then(T::count)
    }
}
