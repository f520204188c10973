//! Label values, each kept once: an endpoint is the value of a label in a score of series.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;

/// The label values of one instance: those that the limits of the labels admit.
#[derive(Default)]
pub(super) struct Interner(Mutex<BTreeSet<Arc<str>>>);

impl Interner {
    /// The one copy of a text.
    pub(super) fn shared(&self, text: &str) -> Arc<str> {
        let mut texts = self.0.lock();
        if let Some(known) = texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        texts.insert(Arc::clone(&new));
        new
    }
}
