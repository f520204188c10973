//! The calls that are made within a call, and whether its reply belongs to them.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher};
use std::num::NonZeroU64;

use crate::usage::Usage;

/// The number of calls whose usage is kept one by one. A handler hands the reply of one of its
/// latest calls on.
const MAX_USAGES: usize = 32;

/// The number of calls whose first chunk is kept.
const MAX_CHUNKS: usize = 4;

/// The calls that have been made within a call, as far as they count. Its size is bounded, because
/// a tool loop may make thousands of calls.
#[derive(Default)]
pub(super) struct InnerCalls {
    has_begun: bool,
    /// The number of calls that have not ended.
    open: u32,
    /// The usage of the latest calls that have ended with usage.
    usages: VecDeque<Usage>,
    /// The sum over all calls.
    sum: Option<Usage>,
    /// The sum over the calls whose reply was not cut off.
    sum_of_complete: Option<Usage>,
    /// The first chunks of the latest replies that were read.
    first_chunks: [Option<ChunkHash>; MAX_CHUNKS],
    /// Whether the reply of the call itself began with one of these chunks.
    has_same_chunk: bool,
}

/// Identifies the bytes of a chunk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkHash(NonZeroU64);

impl ChunkHash {
    pub(super) fn new(bytes: &[u8]) -> Self {
        /// Chunks are compared by their length and by this many bytes at their beginning.
        const HASHED: usize = 1024;

        let mut hasher = DefaultHasher::new();
        hasher.write_usize(bytes.len());
        hasher.write(&bytes[..bytes.len().min(HASHED)]);
        Self(NonZeroU64::new(hasher.finish()).unwrap_or(NonZeroU64::MIN))
    }
}

impl InnerCalls {
    /// Notes that a call has begun within this one.
    pub(super) fn note_begun(&mut self) {
        self.has_begun = true;
        self.open += 1;
    }

    /// Notes that a call within this one has ended.
    pub(super) fn note_ended(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// Adds the usage of a call that has ended with usage.
    pub(super) fn add(&mut self, usage: Usage, is_cut_off: bool) {
        self.keep(usage);
        add_to(&mut self.sum, Some(usage));
        add_to(&mut self.sum_of_complete, Some(usage).filter(|_| !is_cut_off));
    }

    /// Adds the usage of the calls that have been made within a call that has ended.
    pub(super) fn merge(&mut self, inner: &Self) {
        inner.usages.iter().for_each(|usage| self.keep(*usage));
        add_to(&mut self.sum, inner.sum);
        add_to(&mut self.sum_of_complete, inner.sum_of_complete);
    }

    fn keep(&mut self, usage: Usage) {
        if self.usages.len() == MAX_USAGES {
            self.usages.pop_front();
        }
        self.usages.push_back(usage);
    }

    /// Returns whether any of these calls has ended with usage.
    pub(super) fn have_usage(&self) -> bool {
        self.sum.is_some()
    }

    /// Notes the first chunk that a call within this one has read.
    pub(super) fn note_chunk(&mut self, chunk: ChunkHash) {
        self.first_chunks.rotate_right(1);
        self.first_chunks[0] = Some(chunk);
    }

    /// Notes the first chunk of the reply of the call itself.
    pub(super) fn note_own_chunk(&mut self, chunk: ChunkHash) {
        self.has_same_chunk = self.first_chunks.contains(&Some(chunk));
    }

    /// Returns whether a reply with this usage belongs to these calls: it has no usage, or the
    /// usage is that of one of the calls or the sum over all, or over those that were not cut off.
    /// Of a reply that was cut off, the output may be less. A reply that begins as that of one of
    /// the calls belongs to them unless it has more usage.
    pub(super) fn own(&self, usage: Option<Usage>, is_cut_off: bool) -> bool {
        let Some(usage) = usage.filter(|usage| usage.total() > 0) else { return self.has_begun };
        // The usage of a call that is open is not known, and this reply will not get any more.
        if self.has_same_chunk && self.open > 0 && is_cut_off {
            return true;
        }
        let sums = self.sum.into_iter().chain(self.sum_of_complete);
        self.usages.iter().copied().chain(sums).any(|inner| {
            let input = compare(usage.input_tokens(), inner.input_tokens());
            let output = compare(usage.output_tokens(), inner.output_tokens());
            let may_have_less = |side: Option<Ordering>| side.is_none_or(Ordering::is_le);
            let is_same = |side: Option<Ordering>| side.is_none_or(Ordering::is_eq);
            (input.is_some() || output.is_some())
                && (is_same(input) || (self.has_same_chunk && may_have_less(input)))
                && (is_same(output)
                    || ((is_cut_off || self.has_same_chunk) && may_have_less(output)))
        })
    }
}

fn add_to(sum: &mut Option<Usage>, usage: Option<Usage>) {
    *sum = match (*sum, usage) {
        (Some(sum), Some(usage)) => Some(sum.plus(usage)),
        (sum, usage) => sum.or(usage),
    };
}

/// Compares two counts, if both are known.
fn compare(outer: Option<u64>, inner: Option<u64>) -> Option<Ordering> {
    Some(outer?.cmp(&inner?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(usages: &[Usage]) -> InnerCalls {
        let mut calls = InnerCalls::default();
        for usage in usages {
            calls.note_begun();
            calls.add(*usage, false);
            calls.note_ended();
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
        assert!(!inner.own(Some(Usage::new(9, 20)), true), "the input is known from the start");
    }

    #[test]
    fn reply_with_the_sum_over_the_complete_calls_belongs_to_them() {
        let mut inner = calls(&[Usage::new(1, 2), Usage::new(30, 4)]);
        inner.add(Usage::new(100, 1), true);
        assert!(inner.own(Some(Usage::new(31, 6)), false));
        assert!(inner.own(Some(Usage::new(131, 7)), false));
    }

    #[test]
    fn reply_that_begins_as_that_of_a_call_belongs_to_it_unless_it_has_more_usage() {
        let mut inner = calls(&[Usage::new(10, 20)]);
        inner.note_chunk(ChunkHash::new(b"data: 1"));
        inner.note_own_chunk(ChunkHash::new(b"data: 1"));
        assert!(inner.own(Some(Usage::new(9, 19)), false));
        assert!(!inner.own(Some(Usage::new(9, 21)), false));
        inner.note_begun();
        assert!(inner.own(Some(Usage::new(9, 21)), true), "the usage of an open call is not known");
        assert!(!inner.own(Some(Usage::new(9, 21)), false), "a complete reply has its own usage");
    }

    #[test]
    fn usages_of_thousands_of_calls_take_bounded_space() {
        let mut inner = calls(&[Usage::new(3, 4)].repeat(10_000));
        let mut outer = InnerCalls::default();
        inner.add(Usage::new(7, 8), false);
        outer.merge(&inner);
        assert!(outer.usages.len() <= MAX_USAGES);
        assert!(outer.own(Some(Usage::new(30_007, 40_008)), false));
        assert!(outer.own(Some(Usage::new(7, 8)), false));
    }
}
