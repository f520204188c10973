//! The constructors of [`Usage`] that `#[derive(TokenUsage)]` calls.

use crate::usage::{Usage, UsageCount};

/// Creates usage from the counts of a reply. Returns `None` if all of them are missing.
#[must_use]
pub fn usage_from_counts<const N: usize>(counts: [(UsageCount, Option<u64>); N]) -> Option<Usage> {
    Usage::from_counts(counts)
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
