//! The progress of a request body, as the layer sees it being read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use crate::free_list::FreeList;

thread_local! {
    /// The allocations of ended uploads.
    static FREE: FreeList<Arc<Progress>> = const { FreeList::new() };
}

/// How much of a request body was read, and whether the client cut it off.
///
/// The scope of the request and the body share it, because a handler may move the body to another
/// task. The allocation is reused for later requests.
#[derive(Clone, Debug)]
pub(crate) struct UploadProgress(Arc<Progress>);

#[derive(Debug, Default)]
struct Progress {
    read: AtomicU64,
    was_cut_off: AtomicBool,
}

impl UploadProgress {
    pub(crate) fn new() -> Self {
        Self(FreeList::take(&FREE).unwrap_or_default())
    }

    /// Adds bytes that were read.
    pub(crate) fn add(&self, bytes: usize) {
        self.0.read.fetch_add(bytes as u64, Relaxed);
    }

    /// Returns the number of bytes that were read.
    pub(super) fn read(&self) -> u64 {
        self.0.read.load(Relaxed)
    }

    /// Returns whether the body, which shares this progress with the scope, still exists.
    pub(super) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// Notes that the client disconnected before it had sent the whole body.
    pub(crate) fn note_cut_off(&self) {
        self.0.was_cut_off.store(true, Relaxed);
    }

    /// Returns whether the client disconnected before it had sent the whole body.
    pub(super) fn was_cut_off(&self) -> bool {
        self.0.was_cut_off.load(Relaxed)
    }
}

impl Drop for UploadProgress {
    fn drop(&mut self) {
        let Some(progress) = Arc::get_mut(&mut self.0) else { return };
        *progress = Progress::default();
        FreeList::keep(&FREE, Arc::clone(&self.0));
    }
}
