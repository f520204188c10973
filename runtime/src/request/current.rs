//! The request that a thread is serving now.
//!
//! A scope is lent to the thread for the time of one poll, and routers that are called from handlers nest.

use std::cell::RefCell;
use std::mem;
use std::thread;

use super::Scope;
use super::open::OpenScope;
#[cfg(feature = "exemplars")]
use crate::family::Trace;

thread_local! {
    static CURRENT: RefCell<OpenScope> = const { RefCell::new(OpenScope::NONE) };
}

/// Runs `f` with the scope in `slot` as the thread's current one. An empty slot changes nothing.
#[inline]
pub(crate) fn enter<R>(slot: &mut OpenScope, f: impl FnOnce() -> R) -> R {
    struct Restore<'a> {
        slot: &'a mut OpenScope,
        was_panicking: bool,
        #[cfg(feature = "exemplars")]
        trace: Option<Trace>,
    }

    impl Drop for Restore<'_> {
        fn drop(&mut self) {
            swap(self.slot);
            #[cfg(feature = "exemplars")]
            Trace::of_request(self.trace);
            // The panic may be caught before the scope is dropped, so it is noted here.
            if thread::panicking() && !self.was_panicking {
                if let Some(scope) = self.slot.get() {
                    scope.note_panic();
                }
            }
        }
    }

    if slot.is_none() {
        return f();
    }
    #[cfg(feature = "exemplars")]
    let trace = Trace::of_request(slot.get().and_then(|scope| scope.trace()));
    swap(slot);
    let _restore = Restore {
        slot,
        was_panicking: thread::panicking(),
        #[cfg(feature = "exemplars")]
        trace,
    };
    f()
}

fn swap(slot: &mut OpenScope) {
    // The thread may be on its way out, with its locals destroyed: then nothing is current.
    let _ = CURRENT.try_with(|current| {
        if let Ok(mut current) = current.try_borrow_mut() {
            mem::swap(&mut *current, slot);
        }
    });
}

/// Runs `f` on the current request's scope, if a request is being served. `f` must not call into
/// the user's code, which may come back here.
pub(crate) fn current<R>(f: impl FnOnce(&mut Scope) -> R) -> Option<R> {
    CURRENT.try_with(|current| current.try_borrow_mut().ok()?.get().map(f)).ok()?
}
