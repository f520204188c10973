//! The cells of a gauge that rises and falls by one.

use super::block::{Cells, Run};
use super::store::Store;
use super::sync::Ordering::{Acquire, Relaxed, Release};

/// The number of cells of a gauge.
pub(super) const LEN: usize = 3;

/// The number of times that the gauge has risen.
const RISES: usize = 0;
/// The number of times that the gauge has fallen.
///
/// Both are kept because a gauge may rise on one thread and fall on another. A reader that loads
/// the falls first then sees all rises that happened before them, so that the difference is never
/// negative.
const FALLS: usize = 1;
/// Not zero once the gauge appears on the page also while it is zero.
const SHOWN: usize = 2;

/// How many times a gauge is read at most while other threads change it.
const MAX_READS: usize = 16;

#[inline]
pub(super) fn rise(run: Run<'_>) {
    run.count(RISES, 1, Release);
}

#[inline]
pub(super) fn fall(run: Run<'_>) {
    run.count(FALLS, 1, Release);
}

#[inline]
pub(super) fn show(run: Run<'_>) {
    // The load avoids a write in most cases.
    if run.load(SHOWN, Relaxed) == 0 {
        run.update(SHOWN, Relaxed, |_| 1);
    }
}

/// Returns whether the gauge was shown.
pub(super) fn is_shown(store: &Store, cells: Cells) -> bool {
    store.sum(cells, SHOWN, Relaxed) != 0
}

/// Returns the current value.
///
/// A rise and fall between the loads of the falls and of the rises makes the difference too large.
/// So the difference is taken when no fall happened meanwhile, else the smallest of several is.
pub(super) fn value(store: &Store, cells: Cells) -> u64 {
    let falls = || store.sum(cells, FALLS, Acquire);
    let rises = || store.sum(cells, RISES, Acquire);
    let (mut before, mut least) = (falls(), u64::MAX);
    for _ in 0..MAX_READS {
        least = least.min(rises().wrapping_sub(before));
        let after = falls();
        if after == before {
            break;
        }
        before = after;
    }
    least
}
