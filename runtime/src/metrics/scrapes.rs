//! How many pages there are at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The pages that are being written and sent.
pub(crate) struct Scrapes {
    open: AtomicUsize,
    most: usize,
}

impl Scrapes {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { open: AtomicUsize::new(0), most })
    }

    /// Leave to write one more page, unless there are too many.
    pub(crate) fn begin(self: &Arc<Self>) -> Option<ScrapePermit> {
        let more = |open| (open < self.most).then_some(open + 1);
        self.open.fetch_update(Relaxed, Relaxed, more).ok()?;
        Some(ScrapePermit(Arc::clone(self)))
    }
}

/// One page's leave, given back when it is dropped.
pub(crate) struct ScrapePermit(Arc<Scrapes>);

impl Drop for ScrapePermit {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}
