//! The partition of usage into classes of tokens that do not overlap.

use super::{Usage, UsageCount};
use crate::label::closed_set;

closed_set! { indexed
    /// A class of tokens: the `detail` label, whose value belongs to one `token_type`.
    pub(crate) TokenClass {
        InputUncached = "uncached",
        InputCacheRead = "cache_read",
        InputCacheWrite = "cache_write",
        InputCacheWrite1h = "cache_write_1h",
        InputAudio = "audio",
        InputImage = "image",
        InputUnspecified = "unspecified",
        OutputResponse = "response",
        OutputReasoning = "reasoning",
        OutputAudio = "audio",
        OutputImage = "image",
        OutputUnspecified = "unspecified",
    }
}

closed_set! { indexed
    /// The `token_type` label.
    pub(crate) TokenType {
        Input = "input",
        Output = "output",
    }
}

impl TokenClass {
    /// Returns the side of the call that the class belongs to.
    pub(crate) const fn token_type(self) -> TokenType {
        match self {
            Self::InputUncached
            | Self::InputCacheRead
            | Self::InputCacheWrite
            | Self::InputCacheWrite1h
            | Self::InputAudio
            | Self::InputImage
            | Self::InputUnspecified => TokenType::Input,
            Self::OutputResponse
            | Self::OutputReasoning
            | Self::OutputAudio
            | Self::OutputImage
            | Self::OutputUnspecified => TokenType::Output,
        }
    }

    /// Returns the count that the tokens of the class are taken from, whose price they have.
    pub(crate) const fn count(self) -> UsageCount {
        match self {
            Self::InputUncached | Self::InputUnspecified => UsageCount::Input,
            Self::InputCacheRead => UsageCount::CacheRead,
            Self::InputCacheWrite => UsageCount::CacheWrite,
            Self::InputCacheWrite1h => UsageCount::CacheWrite1h,
            Self::InputAudio => UsageCount::InputAudio,
            Self::InputImage => UsageCount::InputImage,
            Self::OutputResponse | Self::OutputUnspecified => UsageCount::Output,
            Self::OutputReasoning => UsageCount::Reasoning,
            Self::OutputAudio => UsageCount::OutputAudio,
            Self::OutputImage => UsageCount::OutputImage,
        }
    }
}

/// The classes that are parts of the input. A part is cut to what the parts before it have left.
const INPUT_PARTS: [TokenClass; 5] = [
    TokenClass::InputCacheRead,
    TokenClass::InputCacheWrite,
    TokenClass::InputCacheWrite1h,
    TokenClass::InputAudio,
    TokenClass::InputImage,
];

/// The classes that are parts of the output.
const OUTPUT_PARTS: [TokenClass; 3] =
    [TokenClass::OutputReasoning, TokenClass::OutputAudio, TokenClass::OutputImage];

impl Usage {
    /// Calls `record` with the tokens of each class, the parts of a side before its rest. Their sum
    /// is [`total`](Self::total), also if a provider reports parts that are larger than the whole:
    /// each part is cut to what the parts before it have left.
    #[inline]
    pub(crate) fn partition(&self, mut record: impl FnMut(TokenClass, u64)) {
        let rest = self.cut(&INPUT_PARTS, self.known_input(), &mut record);
        if self.knows(UsageCount::Input) {
            let class = if self.knows_any(&UsageCount::CACHE_PARTS) {
                TokenClass::InputUncached
            } else {
                TokenClass::InputUnspecified
            };
            record(class, rest);
        }
        let rest = self.cut(&OUTPUT_PARTS, self.known_output(), &mut record);
        if self.knows(UsageCount::Output) {
            let class = if self.knows(UsageCount::Reasoning) {
                TokenClass::OutputResponse
            } else {
                TokenClass::OutputUnspecified
            };
            record(class, rest);
        }
    }

    /// Calls `record` with each part of a total, and returns what is left of the total.
    #[inline]
    fn cut(
        &self,
        parts: &[TokenClass],
        total: u64,
        record: &mut impl FnMut(TokenClass, u64),
    ) -> u64 {
        let mut rest = total;
        if self.knows_parts() {
            for part in parts {
                if let Some(tokens) = self.get(part.count()) {
                    let tokens = tokens.min(rest);
                    record(*part, tokens);
                    rest -= tokens;
                }
            }
        }
        rest
    }

    /// Returns whether any of these counts is known.
    fn knows_any(&self, counts: &[UsageCount]) -> bool {
        counts.iter().any(|count| self.knows(*count))
    }

    /// Returns whether any part of the input or of the output is known.
    fn knows_parts(&self) -> bool {
        const TOTALS: u16 = 1 << UsageCount::Input.index() | 1 << UsageCount::Output.index();
        self.known & !TOTALS != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(usage: Usage) -> Vec<(&'static str, u64)> {
        let mut classes = Vec::new();
        usage.partition(|class, tokens| classes.push((class, tokens)));
        classes.sort_by_key(|(class, _)| class.index());
        classes.into_iter().map(|(class, tokens)| (class.as_str(), tokens)).collect()
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
    fn partition_has_a_class_for_each_part() {
        let usage = Usage::new(100, 50).cache_read(40).cache_write(20).cache_write_1h(10);
        let usage = usage.input_audio(5).input_image(4);
        let usage = usage.reasoning(30).output_audio(8).output_image(2);
        assert_eq!(
            classes(usage),
            [
                ("uncached", 21),
                ("cache_read", 40),
                ("cache_write", 20),
                ("cache_write_1h", 10),
                ("audio", 5),
                ("image", 4),
                ("response", 10),
                ("reasoning", 30),
                ("audio", 8),
                ("image", 2),
            ]
        );
    }

    #[test]
    fn partition_specifies_the_rest_only_beside_cached_tokens_or_reasoning() {
        assert_eq!(
            classes(Usage::new(10, 5).input_audio(3).output_image(1)),
            [("audio", 3), ("unspecified", 7), ("image", 1), ("unspecified", 4)]
        );
        assert_eq!(
            classes(Usage::new(10, 5).cache_write_1h(3).reasoning(0)),
            [("uncached", 7), ("cache_write_1h", 3), ("response", 5), ("reasoning", 0)]
        );
    }

    #[test]
    fn partition_sums_to_the_total_if_parts_exceed_their_whole() {
        let usage = Usage::new(10, 5).cache_read(8).cache_write(9).reasoning(u64::MAX);
        let mut sum = 0;
        usage.partition(|_, tokens| sum += tokens);
        assert_eq!(sum, usage.total());
        assert_eq!(sum, 15);
    }

    #[test]
    fn partition_cuts_a_cache_part_to_the_input() {
        let usage = Usage::new(10, 5).cache_read(11);
        assert_eq!(classes(usage), [("uncached", 0), ("cache_read", 10), ("unspecified", 5)]);
    }

    #[test]
    fn partition_counts_parts_without_their_whole() {
        let counts = [(UsageCount::Output, Some(3)), (UsageCount::CacheRead, Some(7))];
        let usage = Usage::from_counts(counts).unwrap_or_default();
        assert_eq!(classes(usage), [("cache_read", 7), ("unspecified", 3)]);
        assert_eq!(usage.total(), 10);
        let counts = [(UsageCount::InputAudio, Some(3)), (UsageCount::OutputAudio, Some(7))];
        let usage = Usage::from_counts(counts).unwrap_or_default();
        assert_eq!(classes(usage), [("audio", 3), ("audio", 7)]);
    }

    /// Random usage: each count is missing, small, or as large as a count can be.
    fn random_usage(state: &mut u64) -> Usage {
        let mut next = || {
            // A linear congruential generator with the constants of Knuth's MMIX.
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *state >> 33
        };
        UsageCount::ALL.into_iter().fold(Usage::default(), |usage, count| match next() % 4 {
            0 => usage,
            1 => usage.with(count, u64::MAX - next() % 3),
            _ => usage.with(count, next() % 100),
        })
    }

    #[test]
    fn partition_of_random_parts_is_disjoint_and_sums_to_the_total() {
        let mut state = 16;
        for _ in 0..20_000 {
            let usage = random_usage(&mut state).clamped();
            let mut seen = [false; TokenClass::COUNT];
            let (mut input, mut output) = (0, 0);
            usage.partition(|class, tokens| {
                assert!(!seen[class.index()], "{class:?} twice: {usage:?}");
                seen[class.index()] = true;
                match class.token_type() {
                    TokenType::Input => input += tokens,
                    TokenType::Output => output += tokens,
                }
            });
            assert_eq!(input, usage.known_input(), "{usage:?}");
            assert_eq!(output, usage.known_output(), "{usage:?}");
            assert_eq!(input + output, usage.total(), "{usage:?}");
        }
    }
}
