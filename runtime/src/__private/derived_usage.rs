//! The constructors of [`Usage`] that `#[derive(TokenUsage)]` calls.

use crate::usage::Usage;

/// Creates usage from the counts of a reply. Returns `None` if all of them are missing.
#[must_use]
pub fn usage_from_counts(
    input: Option<u64>,
    output: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    reasoning: Option<u64>,
) -> Option<Usage> {
    Usage::from_counts(input, output, cache_read, cache_write, reasoning)
}

/// Fills the counts that `whole` lacks with those of a flattened field.
#[must_use]
pub fn usage_with_part(whole: Option<Usage>, part: Option<Usage>) -> Option<Usage> {
    Usage::with_part(whole, part)
}

/// Sets the input to the sum of `uncached` and the cached tokens of `usage`.
#[must_use]
pub fn usage_with_uncached(usage: Option<Usage>, uncached: Option<u64>) -> Option<Usage> {
    Usage::with_uncached(usage, uncached)
}
