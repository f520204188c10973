//! The replies of a request whose protocol is read.

use std::sync::{Arc, Weak};

use super::{ByHand, current};

/// Which replies are being read.
#[derive(Default)]
pub(crate) struct Readings {
    newest: Weak<ByHand>,
    /// The innermost whose source is being polled now, be it of this request or not.
    polled: Weak<ByHand>,
}

impl Readings {
    pub(crate) fn begin(&mut self, by_hand: &Arc<ByHand>) {
        self.newest = Arc::downgrade(by_hand);
    }

    /// Whether the newest is still being read.
    #[cfg(feature = "axum")]
    pub(crate) fn any(&self) -> bool {
        self.newest.strong_count() > 0
    }

    /// Where usage belongs that a source records by hand.
    pub(crate) fn polled(&self) -> Option<Arc<ByHand>> {
        self.polled.upgrade()
    }
}

/// The time in which a source runs: what is recorded by hand meanwhile is its.
#[must_use]
pub(crate) struct SourceRuns {
    /// Whose source ran before, and does so again; none where no request is being served.
    outer: Option<Weak<ByHand>>,
}

impl SourceRuns {
    pub(crate) fn now(by_hand: &Arc<ByHand>) -> Self {
        let outer = current(|scope| {
            std::mem::replace(&mut scope.readings().polled, Arc::downgrade(by_hand))
        });
        Self { outer }
    }
}

impl Drop for SourceRuns {
    fn drop(&mut self) {
        if let Some(outer) = self.outer.take() {
            current(|scope| scope.readings().polled = outer);
        }
    }
}
