//! Usage recorded by hand while a protocol is read.

use parking_lot::Mutex;

use crate::tokens::Usage;

/// What has been recorded by hand for the call behind a stream whose protocol is read.
#[derive(Default)]
pub(crate) struct ByHand(Mutex<Option<Usage>>);

impl ByHand {
    pub(crate) fn add(&self, usage: Usage) {
        let mut recorded = self.0.lock();
        *recorded = Some(recorded.map_or(usage, |before| before.plus(usage)));
    }

    pub(crate) fn take(&self) -> Option<Usage> {
        self.0.lock().take()
    }
}
