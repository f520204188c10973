//! The replies of a request that are being parsed.

use std::mem;
use std::sync::{Arc, Weak};

use super::current;
use crate::call::ManualUsage;

/// The replies of a request that are being parsed.
#[derive(Default)]
pub(crate) struct ActiveReplies {
    newest: Weak<ManualUsage>,
    /// The innermost reply whose source is being polled now. It may belong to another request.
    polled: Weak<ManualUsage>,
}

impl ActiveReplies {
    /// Adds a reply.
    pub(crate) fn begin(&mut self, manual_usage: &Arc<ManualUsage>) {
        self.newest = Arc::downgrade(manual_usage);
    }

    /// Returns whether the newest reply is still being parsed.
    pub(crate) fn any(&self) -> bool {
        self.newest.strong_count() > 0
    }

    /// Returns where usage goes that a source records while it is being polled.
    pub(crate) fn polled(&self) -> Option<Arc<ManualUsage>> {
        self.polled.upgrade()
    }
}

/// While it exists, usage that is recorded on this thread belongs to the reply whose source is
/// being polled or dropped.
#[must_use]
pub(crate) struct SourcePollGuard {
    /// The reply that was polled before; `None` if no request is being served.
    outer: Option<Weak<ManualUsage>>,
}

impl SourcePollGuard {
    pub(crate) fn new(manual_usage: &Arc<ManualUsage>) -> Self {
        let outer = current(|scope| {
            mem::replace(&mut scope.active_replies().polled, Arc::downgrade(manual_usage))
        });
        Self { outer }
    }
}

impl Drop for SourcePollGuard {
    fn drop(&mut self) {
        if let Some(outer) = self.outer.take() {
            current(|scope| scope.active_replies().polled = outer);
        }
    }
}
