//! The replies of a request that are being parsed.

use std::sync::{Arc, Weak};

use crate::call::ManualUsage;

/// The replies of a request that are being parsed.
#[derive(Default)]
pub(crate) struct ActiveReplies {
    newest: Weak<ManualUsage>,
    /// The innermost reply whose source is being polled now. It may belong to another request.
    pub(super) polled: Weak<ManualUsage>,
}

impl ActiveReplies {
    /// Adds a reply.
    pub(crate) fn begin(&mut self, manual_usage: &Arc<ManualUsage>) {
        self.newest = Arc::downgrade(manual_usage);
    }

    /// Returns whether the newest reply is still being parsed.
    pub(crate) fn is_newest_active(&self) -> bool {
        self.newest.strong_count() > 0
    }

    /// Returns where usage goes that a source records while it is being polled.
    pub(crate) fn polled(&self) -> Option<Arc<ManualUsage>> {
        self.polled.upgrade()
    }
}
