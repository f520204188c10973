//! Streams within streams: the outermost metered stream counts, because it is what the client
//! receives.

use std::cell::Cell;

thread_local! {
    /// Whether this thread polls the source of a metered stream.
    static IS_METERED: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether this thread polls the source of a metered stream.
pub(super) fn is_within_metered_stream() -> bool {
    IS_METERED.try_with(Cell::get).unwrap_or(false)
}

/// While it exists, streams that are polled on this thread are within a metered stream.
#[must_use]
pub(super) struct MeteredPoll {
    was_metered: bool,
}

impl MeteredPoll {
    pub(super) fn new() -> Self {
        let was_metered = IS_METERED.try_with(|metered| metered.replace(true)).unwrap_or(false);
        Self { was_metered }
    }
}

impl Drop for MeteredPoll {
    fn drop(&mut self) {
        let _ = IS_METERED.try_with(|metered| metered.set(self.was_metered));
    }
}
