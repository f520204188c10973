//! The calls that are made within a call, and whether its reply belongs to them.

use std::hash::{DefaultHasher, Hasher};

use crate::usage::Usage;

/// The calls that have been made within a call, as far as they count.
#[derive(Default)]
pub(super) struct InnerCalls {
    has_begun: bool,
    /// The usage of each call that has ended with usage.
    usages: Vec<Usage>,
    /// The first chunk of a reply, if it was read in this poll and is the only one so far.
    pub(super) first_chunk: Option<ChunkHash>,
}

/// Identifies the bytes of a chunk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkHash(u64);

impl ChunkHash {
    pub(super) fn new(bytes: &[u8]) -> Self {
        /// A chunk is told apart by its length and its beginning.
        const HASHED: usize = 1024;

        let mut hasher = DefaultHasher::new();
        hasher.write_usize(bytes.len());
        hasher.write(&bytes[..bytes.len().min(HASHED)]);
        Self(hasher.finish())
    }
}

impl InnerCalls {
    /// Notes that a call has begun within this one.
    pub(super) fn note_begun(&mut self) {
        self.has_begun = true;
    }

    /// Adds the usage of calls that have ended with usage.
    pub(super) fn extend(&mut self, usages: impl Iterator<Item = Usage>) {
        self.usages.extend(usages);
    }

    pub(super) fn usages(&self) -> &[Usage] {
        &self.usages
    }

    /// Returns whether a reply with this usage belongs to these calls: it has no usage, or the
    /// usage is that of one of the calls or the sum over all. The usage of a reply that was cut off
    /// may be less.
    pub(super) fn own(&self, usage: Option<Usage>, is_cut_off: bool) -> bool {
        let Some(usage) = usage.filter(|usage| usage.total() > 0) else { return self.has_begun };
        let sum = self.usages.iter().copied().reduce(Usage::plus);
        self.usages.iter().copied().chain(sum).any(|inner| is_same(usage, inner, is_cut_off))
    }
}

/// Returns whether two totals are the same as far as both are known.
fn is_same(outer: Usage, inner: Usage, may_be_less: bool) -> bool {
    let sides = [
        (outer.input_tokens(), inner.input_tokens()),
        (outer.output_tokens(), inner.output_tokens()),
    ];
    let mut known =
        sides.into_iter().filter_map(|(outer, inner)| Some((outer?, inner?))).peekable();
    known.peek().is_some()
        && known.all(|(outer, inner)| outer == inner || (may_be_less && outer < inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(usages: &[Usage]) -> InnerCalls {
        InnerCalls { has_begun: !usages.is_empty(), usages: usages.to_vec(), first_chunk: None }
    }

    #[test]
    fn reply_with_the_usage_of_one_call_belongs_to_it() {
        let inner = calls(&[Usage::new(1, 2), Usage::new(30, 4)]);
        assert!(inner.own(Some(Usage::new(30, 4).cache_read(7)), false));
        assert!(!inner.own(Some(Usage::new(30, 5)), false));
    }

    #[test]
    fn reply_with_the_sum_over_all_calls_belongs_to_them() {
        let inner = calls(&[Usage::new(1, 2), Usage::new(30, 4), Usage::new(5, 6)]);
        assert!(inner.own(Some(Usage::new(36, 12)), false));
        assert!(!inner.own(Some(Usage::new(31, 6)), false), "the sum over some of them");
    }

    #[test]
    fn reply_without_usage_belongs_to_the_calls_that_were_made() {
        assert!(calls(&[Usage::new(1, 1)]).own(None, false));
        assert!(calls(&[Usage::new(1, 1)]).own(Some(Usage::new(0, 0)), false));
        assert!(!calls(&[]).own(None, false));
        assert!(!calls(&[]).own(Some(Usage::new(1, 1)), false));
    }

    #[test]
    fn reply_that_was_cut_off_may_have_less_usage() {
        let inner = calls(&[Usage::new(10, 20)]);
        assert!(inner.own(Some(Usage::new(10, 3)), true));
        assert!(!inner.own(Some(Usage::new(10, 3)), false));
        assert!(!inner.own(Some(Usage::new(10, 21)), true));
    }
}
