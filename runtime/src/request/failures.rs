//! Failures that only a stream's bytes tell of.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// The streams of a request that have failed within their protocol. They may be polled elsewhere.
#[derive(Default)]
pub(crate) struct Failures {
    streams: AtomicU32,
    headed: AtomicBool,
}

impl Failures {
    /// A stream has failed.
    pub(crate) fn add(&self) {
        self.streams.fetch_add(1, Relaxed);
    }

    /// A stream that had failed is gone. Before there was a head its handler has made something else of it.
    pub(crate) fn forgive(&self) {
        if !self.headed.load(Relaxed) {
            self.streams.fetch_sub(1, Relaxed);
        }
    }

    pub(super) fn note_head(&self) {
        self.headed.store(true, Relaxed);
    }

    pub(super) fn any(&self) -> bool {
        self.streams.load(Relaxed) > 0
    }
}
