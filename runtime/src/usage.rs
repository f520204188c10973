//! The usage of a model call, and its partition into classes of tokens that do not overlap.

use crate::label::closed_set;

/// The largest token count that is recorded. No call has more tokens.
pub(crate) const MAX_TOKENS: u64 = 1 << 40;

/// The token usage of one model call.
///
/// `input` and `output` are totals, as providers bill them: cached tokens are part of the input,
/// and reasoning tokens are part of the output. `Usage::default()` has no counts: a count that is
/// not known is absent, which differs from zero.
///
/// If neither `cache_read` nor `cache_write` is set, the whole input is recorded with the detail
/// `unspecified`, and so is the whole output without `reasoning`. Recording never fails: a part
/// that is larger than its total is cut to the total, and counts are limited to 2^40 tokens.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Usage {
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    output: Option<u64>,
    reasoning: Option<u64>,
}

impl Usage {
    /// Creates the usage of a call from its input and output tokens, both as totals.
    #[must_use]
    pub const fn new(input: u64, output: u64) -> Self {
        Self {
            input: Some(input),
            cache_read: None,
            cache_write: None,
            output: Some(output),
            reasoning: None,
        }
    }

    /// Sets the input tokens that were read from a cache. They are part of the input.
    #[must_use]
    pub const fn cache_read(mut self, tokens: u64) -> Self {
        self.cache_read = Some(tokens);
        self
    }

    /// Sets the input tokens that were written to a cache. They are part of the input.
    #[must_use]
    pub const fn cache_write(mut self, tokens: u64) -> Self {
        self.cache_write = Some(tokens);
        self
    }

    /// Sets the output tokens that the model spent on reasoning. They are part of the output.
    #[must_use]
    pub const fn reasoning(mut self, tokens: u64) -> Self {
        self.reasoning = Some(tokens);
        self
    }

    /// Returns the tokens of the call: input and output, as far as they are known.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.known_input().saturating_add(self.known_output())
    }

    /// Returns the sum of the usage of two calls.
    pub(crate) fn plus(self, other: Self) -> Self {
        self.combine(other, u64::saturating_add)
    }

    /// Returns the larger of the two counts for each field. Both are the usage of the same call.
    pub(crate) fn max_per_field(self, other: Self) -> Self {
        self.combine(other, u64::max)
    }

    /// Merges two usages. `both` merges the counts that both of them have.
    fn combine(self, other: Self, both: fn(u64, u64) -> u64) -> Self {
        let either = |one: Option<u64>, other: Option<u64>| match (one, other) {
            (Some(one), Some(other)) => Some(both(one, other)),
            _ => one.or(other),
        };
        Self {
            input: either(self.input, other.input),
            cache_read: either(self.cache_read, other.cache_read),
            cache_write: either(self.cache_write, other.cache_write),
            output: either(self.output, other.output),
            reasoning: either(self.reasoning, other.reasoning),
        }
    }

    /// Returns the input tokens, if they are known.
    pub(crate) const fn input_tokens(&self) -> Option<u64> {
        self.input
    }

    /// Returns the output tokens, if they are known.
    pub(crate) const fn output_tokens(&self) -> Option<u64> {
        self.output
    }

    /// Creates usage from the counts of a reply. Returns `None` if all of them are missing.
    pub(crate) fn from_counts(
        input: Option<u64>,
        output: Option<u64>,
        cache_read: Option<u64>,
        cache_write: Option<u64>,
        reasoning: Option<u64>,
    ) -> Option<Self> {
        let usage = Self { input, cache_read, cache_write, output, reasoning };
        (usage != Self::default()).then_some(usage)
    }

    /// Fills the counts that `whole` lacks with those of `part`.
    pub(crate) fn with_part(whole: Option<Self>, part: Option<Self>) -> Option<Self> {
        match (whole, part) {
            (Some(whole), Some(part)) => Some(whole.combine(part, |own, _| own)),
            (whole, part) => whole.or(part),
        }
    }

    /// Sets the input to the sum of the uncached and the cached tokens, for replies that report the
    /// input without its cached part.
    pub(crate) fn with_uncached(usage: Option<Self>, uncached: Option<u64>) -> Option<Self> {
        let Some(uncached) = uncached else { return usage };
        let usage = usage.unwrap_or_default();
        let cached = or_zero(usage.cache_read).saturating_add(or_zero(usage.cache_write));
        Some(Self { input: Some(uncached.saturating_add(cached)), ..usage })
    }

    /// Returns the usage with each count at most [`MAX_TOKENS`], so that sums cannot wrap a counter
    /// around.
    pub(crate) fn clamped(&self) -> Self {
        let clamped = |tokens: Option<u64>| tokens.map(|tokens| tokens.min(MAX_TOKENS));
        Self {
            input: clamped(self.input),
            cache_read: clamped(self.cache_read),
            cache_write: clamped(self.cache_write),
            output: clamped(self.output),
            reasoning: clamped(self.reasoning),
        }
    }

    /// Returns the input. If it is not known, returns the sum of its known parts.
    const fn known_input(&self) -> u64 {
        match self.input {
            Some(input) => input,
            None => or_zero(self.cache_read).saturating_add(or_zero(self.cache_write)),
        }
    }

    /// Returns the output. If it is not known, returns its known part.
    const fn known_output(&self) -> u64 {
        match self.output {
            Some(output) => output,
            None => or_zero(self.reasoning),
        }
    }

    /// Returns the tokens of each class. Their sum is [`total`](Self::total), also if a provider
    /// reports parts that are larger than the whole: each part is cut to what the parts before it
    /// have left.
    pub(crate) fn partition(&self) -> impl Iterator<Item = (TokenClass, u64)> {
        let input = self.known_input();
        let cache_read = self.cache_read.map(|tokens| tokens.min(input));
        let rest = input - or_zero(cache_read);
        let cache_write = self.cache_write.map(|tokens| tokens.min(rest));
        let rest = rest - or_zero(cache_write);
        let rest_of_input = match (cache_read, cache_write) {
            (None, None) => (TokenClass::InputUnspecified, self.input),
            _ => (TokenClass::InputUncached, self.input.map(|_| rest)),
        };
        let output = self.known_output();
        let reasoning = self.reasoning.map(|tokens| tokens.min(output));
        let rest_of_output = match reasoning {
            None => (TokenClass::OutputUnspecified, self.output),
            Some(tokens) => (TokenClass::OutputResponse, self.output.map(|_| output - tokens)),
        };
        [
            rest_of_input,
            (TokenClass::InputCacheRead, cache_read),
            (TokenClass::InputCacheWrite, cache_write),
            rest_of_output,
            (TokenClass::OutputReasoning, reasoning),
        ]
        .into_iter()
        .filter_map(|(class, tokens)| Some((class, tokens?)))
    }
}

const fn or_zero(tokens: Option<u64>) -> u64 {
    match tokens {
        Some(tokens) => tokens,
        None => 0,
    }
}

closed_set! { indexed
    /// A class of tokens: the `detail` label, whose value belongs to one `token_type`.
    pub(crate) TokenClass {
        InputUncached = "uncached",
        InputCacheRead = "cache_read",
        InputCacheWrite = "cache_write",
        InputUnspecified = "unspecified",
        OutputResponse = "response",
        OutputReasoning = "reasoning",
        OutputUnspecified = "unspecified",
    }
}

impl TokenClass {
    /// Returns the side of the call that the class belongs to.
    pub(crate) const fn token_type(self) -> TokenType {
        match self {
            Self::InputUncached
            | Self::InputCacheRead
            | Self::InputCacheWrite
            | Self::InputUnspecified => TokenType::Input,
            Self::OutputResponse | Self::OutputReasoning | Self::OutputUnspecified => {
                TokenType::Output
            }
        }
    }
}

closed_set! { indexed
    /// The `token_type` label.
    pub(crate) TokenType {
        Input = "input",
        Output = "output",
    }
}

closed_set! { indexed
    /// The `finish_reason` label of a model call.
    pub FinishReason {
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
    /// The `reason` label of a model call that ended without usage.
    pub(crate) MissingReason {
        NotSent = "not_sent",
        Disconnected = "disconnected",
        Unparsed = "unparsed",
    }
}

/// An integer, or an optional one, that is a token count. A negative count is treated as not known.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a `{Self}` is not a number of tokens",
    label = "expected an integer, or an `Option` of one"
)]
pub trait TokenCount {
    /// Returns the count, if it is known.
    fn count(&self) -> Option<u64>;
}

macro_rules! token_counts {
    ($($integer:ty)*) => {$(
        impl TokenCount for $integer {
            fn count(&self) -> Option<u64> {
                u64::try_from(*self).ok()
            }
        }
    )*};
}

token_counts!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

impl<T: TokenCount> TokenCount for Option<T> {
    fn count(&self) -> Option<u64> {
        self.as_ref().and_then(T::count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(usage: Usage) -> Vec<(&'static str, u64)> {
        usage.partition().map(|(class, tokens)| (class.as_str(), tokens)).collect()
    }

    #[test]
    fn partition_of_totals_alone_is_unspecified() {
        assert_eq!(classes(Usage::new(10, 5)), [("unspecified", 10), ("unspecified", 5)]);
    }

    #[test]
    fn partition_subtracts_parts_from_their_whole() {
        let usage = Usage::new(1_200, 300).cache_read(1_000).cache_write(50).reasoning(250);
        assert_eq!(
            classes(usage),
            [
                ("uncached", 150),
                ("cache_read", 1_000),
                ("cache_write", 50),
                ("response", 50),
                ("reasoning", 250)
            ]
        );
    }

    #[test]
    fn partition_sums_to_the_total_if_parts_exceed_their_whole() {
        let usage = Usage::new(10, 5).cache_read(8).cache_write(9).reasoning(u64::MAX);
        let sum: u64 = usage.partition().map(|(_, tokens)| tokens).sum();
        assert_eq!(sum, usage.total());
        assert_eq!(sum, 15);
    }

    #[test]
    fn partition_cuts_a_cache_part_to_the_input() {
        let usage = Usage::new(10, 5).cache_read(11);
        assert_eq!(classes(usage), [("uncached", 0), ("cache_read", 10), ("unspecified", 5)]);
    }

    #[test]
    fn cached_tokens_are_added_to_an_input_without_them() {
        let parts = Usage::from_counts(None, Some(503), Some(2_000), None, None);
        let whole = Usage::with_uncached(parts, Some(50));
        assert_eq!(whole, Some(Usage::new(2_050, 503).cache_read(2_000)));
        assert_eq!(Usage::with_uncached(parts, None), parts);
        let alone = Usage::from_counts(Some(50), None, None, None, None);
        assert_eq!(Usage::with_uncached(None, Some(50)), alone);
    }

    #[test]
    fn partition_counts_a_part_without_its_whole() {
        let usage = Usage::from_counts(None, Some(3), Some(7), None, None).unwrap_or_default();
        assert_eq!(classes(usage), [("cache_read", 7), ("unspecified", 3)]);
        assert_eq!(usage.total(), 10);
    }

    #[test]
    fn usage_without_any_count_is_none() {
        assert_eq!(Usage::from_counts(None, None, None, None, None), None);
        assert_eq!((-1_i32).count(), None);
        assert_eq!(Some(7_u8).count(), Some(7));
    }
}
