//! The limit of scrapes in progress.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Counts the metrics pages that are being written and sent.
pub(crate) struct ScrapeLimit {
    in_progress: AtomicUsize,
    limit: usize,
}

impl ScrapeLimit {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { in_progress: AtomicUsize::new(0), limit })
    }

    /// Returns a permit for one more page, or `None` if the limit is reached.
    pub(crate) fn try_acquire(self: &Arc<Self>) -> Option<ScrapePermit> {
        let more = |in_progress| (in_progress < self.limit).then_some(in_progress + 1);
        self.in_progress.fetch_update(Relaxed, Relaxed, more).ok()?;
        Some(ScrapePermit(Arc::clone(self)))
    }
}

/// Permits one page. Dropping the permit makes room for another page.
pub(crate) struct ScrapePermit(Arc<ScrapeLimit>);

impl Drop for ScrapePermit {
    fn drop(&mut self) {
        self.0.in_progress.fetch_sub(1, Relaxed);
    }
}
