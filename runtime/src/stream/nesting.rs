//! Streams within streams: the outermost metered stream counts, because it is what the client
//! receives.

use std::cell::Cell;

thread_local! {
    /// The instance of the metered stream whose source this thread polls.
    static METERED_BY: Cell<Option<InstanceId>> = const { Cell::new(None) };
}

/// Tells instances apart. Each of them meters the outermost stream that it sees.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct InstanceId(pub(super) usize);

/// Returns whether this thread polls the source of a stream that this instance meters.
pub(super) fn is_within_stream_of(instance: InstanceId) -> bool {
    METERED_BY.try_with(Cell::get) == Ok(Some(instance))
}

/// While it exists, streams that are polled on this thread are within a metered stream.
#[must_use]
pub(super) struct MeteredPoll {
    outer: Option<InstanceId>,
}

impl MeteredPoll {
    pub(super) fn new(instance: InstanceId) -> Self {
        let outer = METERED_BY.try_with(|metered| metered.replace(Some(instance)));
        Self { outer: outer.ok().flatten() }
    }
}

impl Drop for MeteredPoll {
    fn drop(&mut self) {
        let _ = METERED_BY.try_with(|metered| metered.set(self.outer));
    }
}
