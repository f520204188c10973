//! The calls that are made within a call, and whether its reply belongs to them.

use std::hash::{DefaultHasher, Hasher};

use crate::usage::Usage;

/// The number of inner calls whose usage is kept. A generator may make any number of calls.
const MAX_USAGES: usize = 1024;

/// The calls that have been made within a call, as far as they count.
#[derive(Default)]
pub(super) struct InnerCalls {
    has_begun: bool,
    /// The usage of calls that have ended with usage: of the first [`MAX_USAGES`] each, and of all
    /// calls the sum.
    usages: Vec<Usage>,
    sum: Option<Usage>,
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

    /// Adds the usage of a call that has ended.
    pub(super) fn add(&mut self, usage: Usage) {
        self.add_to_sum(usage);
        if self.usages.len() < MAX_USAGES {
            self.usages.push(usage);
        }
    }

    /// Adds the calls that were made within a call.
    pub(super) fn add_all(&mut self, inner: &Self) {
        if let Some(sum) = inner.sum {
            self.add_to_sum(sum);
        }
        let free = MAX_USAGES - self.usages.len();
        self.usages.extend(inner.usages.iter().take(free));
    }

    fn add_to_sum(&mut self, usage: Usage) {
        self.sum = Some(self.sum.map_or(usage, |sum| sum.plus(usage)));
    }

    /// Returns whether any of these calls has ended with usage.
    pub(super) fn have_usage(&self) -> bool {
        self.sum.is_some()
    }

    /// Returns whether a reply with this usage belongs to these calls: it has no usage, or the
    /// usage is that of one of the calls or the sum over all. The usage of a reply that was cut off
    /// may be less.
    pub(super) fn own(&self, usage: Option<Usage>, is_cut_off: bool) -> bool {
        let Some(usage) = usage.filter(|usage| usage.total() > 0) else { return self.has_begun };
        self.usages.iter().copied().chain(self.sum).any(|inner| is_same(usage, inner, is_cut_off))
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
        let mut calls = InnerCalls { has_begun: !usages.is_empty(), ..InnerCalls::default() };
        for usage in usages {
            calls.add(*usage);
        }
        calls
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
