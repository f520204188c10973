//! A log of events, in order, for the thread of one test.

use std::cell::RefCell;
use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

thread_local! {
    static LOG: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// Appends an event to the log.
pub(crate) fn note(event: &'static str) {
    LOG.with_borrow_mut(|log| log.push(event));
}

/// Runs a closure and returns the events logged meanwhile, followed by `panicked` if it panics.
pub(crate) fn logged<R>(run: impl FnOnce() -> R) -> Vec<&'static str> {
    LOG.take();
    let ran = catch_unwind(AssertUnwindSafe(|| drop(run())));
    if ran.is_err() {
        note("panicked");
    }
    LOG.with_borrow_mut(mem::take)
}

/// A value that logs its name when dropped.
#[derive(Debug)]
pub(crate) struct Noisy(pub(crate) &'static str);

impl Noisy {
    /// Returns the name. Calling this counts as a use of the value.
    pub(crate) fn name(&self) -> &'static str {
        self.0
    }
}

impl Drop for Noisy {
    fn drop(&mut self) {
        note(self.0);
    }
}

/// Returns `Pending` from the first poll and completes on the second.
pub(crate) async fn pause() {
    let mut paused = false;
    poll_fn(|context| {
        context.waker().wake_by_ref();
        if mem::replace(&mut paused, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
