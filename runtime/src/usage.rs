//! The tokens of one model call, and their partition into classes that do not overlap.

use crate::label::closed_set;

/// More tokens than a call can have.
pub(crate) const MOST_TOKENS: u64 = 1 << 40;

/// The tokens of one model call.
///
/// `input` and `output` are totals, as providers bill them: cached tokens are part of the input,
/// reasoning tokens part of the output. What is not known is absent, which is not zero.
///
/// ```
/// use streamgauge::Usage;
///
/// let usage = Usage::new(1_200, 300).cache_read(1_000).reasoning(250);
/// assert_eq!(usage.total(), 1_500);
/// ```
///
/// It is recorded as input {uncached 200, `cache_read` 1000} and output {response 50, reasoning 250}.
/// Without `cache_read` and `cache_write` the input is one class, `unspecified`; likewise the output
/// without `reasoning`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Usage {
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    output: Option<u64>,
    reasoning: Option<u64>,
}

impl Usage {
    /// Usage with the totals of both sides, in tokens.
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

    /// Input tokens that were read from a cache: a part of the input.
    #[must_use]
    pub const fn cache_read(mut self, tokens: u64) -> Self {
        self.cache_read = Some(tokens);
        self
    }

    /// Input tokens that were written to a cache: a part of the input.
    #[must_use]
    pub const fn cache_write(mut self, tokens: u64) -> Self {
        self.cache_write = Some(tokens);
        self
    }

    /// Output tokens that the model spent on reasoning: a part of the output.
    #[must_use]
    pub const fn reasoning(mut self, tokens: u64) -> Self {
        self.reasoning = Some(tokens);
        self
    }

    /// All tokens of the call: input and output, as far as they are known.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.known_input().saturating_add(self.known_output())
    }

    /// The usage of two calls together.
    pub(crate) fn plus(self, other: Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    /// The usage of one call that two have told of: where both know a number, the larger counts.
    pub(crate) fn or_more(self, other: Self) -> Self {
        self.with(other, u64::max)
    }

    fn with(self, other: Self, both: fn(u64, u64) -> u64) -> Self {
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

    /// The input tokens, where they are known.
    pub(crate) const fn input_tokens(&self) -> Option<u64> {
        self.input
    }

    /// The output tokens, where they are known.
    pub(crate) const fn output_tokens(&self) -> Option<u64> {
        self.output
    }

    /// Usage from the counts of a reply, any of which may be missing; `None` if all are.
    #[doc(hidden)]
    #[must_use]
    pub fn from_counts(
        input: Option<u64>,
        output: Option<u64>,
        cache_read: Option<u64>,
        cache_write: Option<u64>,
        reasoning: Option<u64>,
    ) -> Option<Self> {
        let usage = Self { input, cache_read, cache_write, output, reasoning };
        (usage != Self::default()).then_some(usage)
    }

    /// Usage of which another part holds what this one lacks.
    #[doc(hidden)]
    #[must_use]
    pub fn with_part(whole: Option<Self>, part: Option<Self>) -> Option<Self> {
        match (whole, part) {
            (Some(whole), Some(part)) => Some(whole.with(part, |own, _| own)),
            (whole, part) => whole.or(part),
        }
    }

    /// Usage whose input is what was neither read from a cache nor written to it, and what was.
    #[doc(hidden)]
    #[must_use]
    pub fn with_uncached(usage: Option<Self>, uncached: Option<u64>) -> Option<Self> {
        let Some(uncached) = uncached else { return usage };
        let usage = usage.unwrap_or_default();
        let cached = or_zero(usage.cache_read).saturating_add(or_zero(usage.cache_write));
        Some(Self { input: Some(uncached.saturating_add(cached)), ..usage })
    }

    /// The same, with no count so large that adding it up could wrap a counter around.
    pub(crate) fn plausible(&self) -> Self {
        let plausible = |tokens: Option<u64>| tokens.map(|tokens| tokens.min(MOST_TOKENS));
        Self {
            input: plausible(self.input),
            cache_read: plausible(self.cache_read),
            cache_write: plausible(self.cache_write),
            output: plausible(self.output),
            reasoning: plausible(self.reasoning),
        }
    }

    /// The input, or as much of it as the known parts prove.
    const fn known_input(&self) -> u64 {
        match self.input {
            Some(input) => input,
            None => or_zero(self.cache_read).saturating_add(or_zero(self.cache_write)),
        }
    }

    const fn known_output(&self) -> u64 {
        match self.output {
            Some(output) => output,
            None => or_zero(self.reasoning),
        }
    }

    /// The classes of this usage. They sum to [`total`](Self::total) whatever a provider sends: a part
    /// is never larger than what is left of its whole.
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
    /// The pair of labels `token_type` and `detail`, as one place in the partition of a call's tokens.
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
    /// The side of the call that the class belongs to.
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
    /// The `reason` label of a model call that closed without usage.
    pub(crate) MissingReason {
        NotSent = "not_sent",
        Disconnected = "disconnected",
        Unparsed = "unparsed",
    }
}

/// A field that holds a number of tokens, of whatever integer type. Negative counts are not known.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a `{Self}` is not a number of tokens",
    label = "expected an integer, or an `Option` of one"
)]
pub trait TokenCount {
    /// The number, if it is one.
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
    fn totals_alone_are_unspecified() {
        assert_eq!(classes(Usage::new(10, 5)), [("unspecified", 10), ("unspecified", 5)]);
    }

    #[test]
    fn parts_are_taken_out_of_their_whole() {
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
    fn the_classes_sum_to_the_total_even_when_the_parts_are_too_large() {
        let usage = Usage::new(10, 5).cache_read(8).cache_write(9).reasoning(u64::MAX);
        let sum: u64 = usage.partition().map(|(_, tokens)| tokens).sum();
        assert_eq!(sum, usage.total());
        assert_eq!(sum, 15);
    }

    #[test]
    fn a_cache_larger_than_the_input_counts_as_all_of_it() {
        let usage = Usage::new(10, 5).cache_read(11);
        assert_eq!(classes(usage), [("uncached", 0), ("cache_read", 10), ("unspecified", 5)]);
    }

    #[test]
    fn caches_are_added_to_an_input_that_is_told_without_them() {
        let parts = Usage::from_counts(None, Some(503), Some(2_000), None, None);
        let whole = Usage::with_uncached(parts, Some(50));
        assert_eq!(whole, Some(Usage::new(2_050, 503).cache_read(2_000)));
        assert_eq!(Usage::with_uncached(parts, None), parts);
        let alone = Usage::from_counts(Some(50), None, None, None, None);
        assert_eq!(Usage::with_uncached(None, Some(50)), alone);
    }

    #[test]
    fn a_part_without_its_whole_counts_as_itself() {
        let usage = Usage::from_counts(None, Some(3), Some(7), None, None).unwrap_or_default();
        assert_eq!(classes(usage), [("cache_read", 7), ("unspecified", 3)]);
        assert_eq!(usage.total(), 10);
    }

    #[test]
    fn absent_counts_are_no_usage() {
        assert_eq!(Usage::from_counts(None, None, None, None, None), None);
        assert_eq!((-1_i32).count(), None);
        assert_eq!(Some(7_u8).count(), Some(7));
    }
}
