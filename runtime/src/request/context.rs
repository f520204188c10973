//! The request that a thread is serving now.
//!
//! A scope is lent to the thread for the duration of one poll. Scopes nest: a handler may call a
//! router that has a layer of its own.

use std::cell::RefCell;
use std::mem;
use std::thread;

use super::Scope;
#[cfg(feature = "exemplars")]
use crate::family::Trace;

/// An owned place for a scope.
type ScopeSlot = Box<Option<Scope>>;

/// The number of empty slots that a thread keeps for later requests.
const MAX_FREE_SLOTS: usize = 64;

thread_local! {
    static CURRENT: RefCell<ScopeHandle> = const { RefCell::new(ScopeHandle::NONE) };
    static FREE_SLOTS: RefCell<Vec<ScopeSlot>> = const { RefCell::new(Vec::new()) };
}

/// Owns the scope of a request, or none. Dropping the handle drops the scope.
///
/// A handle is one pointer: it moves from the service to the response future, to the thread and
/// back at each poll, and to the response body. The slot that it points to is reused for later
/// requests, so that opening a scope does not allocate.
#[derive(Default)]
pub(crate) struct ScopeHandle(Option<ScopeSlot>);

impl ScopeHandle {
    /// A handle without a scope.
    pub(crate) const NONE: Self = Self(None);

    /// Opens a scope in a free slot of this thread, or in a new one.
    #[inline]
    pub(crate) fn new(open: impl FnOnce() -> Scope) -> Self {
        let mut slot = with_free_slots(Vec::pop).flatten().unwrap_or_default();
        slot.get_or_insert_with(open);
        Self(Some(slot))
    }

    /// Returns whether the handle has no scope.
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the scope, if the handle has one.
    #[inline]
    pub(crate) fn get(&mut self) -> Option<&mut Scope> {
        self.0.as_deref_mut()?.as_mut()
    }
}

impl Drop for ScopeHandle {
    fn drop(&mut self) {
        let Some(mut slot) = self.0.take() else { return };
        *slot = None;
        with_free_slots(|slots| {
            if slots.len() < MAX_FREE_SLOTS {
                slots.push(slot);
            }
        });
    }
}

/// Runs `f` on the free slots of this thread, unless its thread-locals are already destroyed.
fn with_free_slots<R>(f: impl FnOnce(&mut Vec<ScopeSlot>) -> R) -> Option<R> {
    FREE_SLOTS.try_with(|slots| Some(f(&mut *slots.try_borrow_mut().ok()?))).ok()?
}

/// Runs `f` with the scope of `handle` as the current one of this thread. A handle without a scope
/// leaves the current scope as it is.
#[inline]
pub(crate) fn enter<R>(handle: &mut ScopeHandle, f: impl FnOnce() -> R) -> R {
    struct Restore<'a> {
        handle: &'a mut ScopeHandle,
        was_panicking: bool,
        #[cfg(feature = "exemplars")]
        trace: Option<Trace>,
    }

    impl Drop for Restore<'_> {
        fn drop(&mut self) {
            swap_current(self.handle);
            #[cfg(feature = "exemplars")]
            Trace::replace_request_trace(self.trace);
            // The panic may be caught before the scope is dropped, so it is noted here.
            if thread::panicking() && !self.was_panicking {
                if let Some(scope) = self.handle.get() {
                    scope.note_service_panic();
                }
            }
        }
    }

    if handle.is_none() {
        return f();
    }
    #[cfg(feature = "exemplars")]
    let trace = Trace::replace_request_trace(handle.get().and_then(|scope| scope.trace()));
    swap_current(handle);
    let _restore = Restore {
        handle,
        was_panicking: thread::panicking(),
        #[cfg(feature = "exemplars")]
        trace,
    };
    f()
}

fn swap_current(handle: &mut ScopeHandle) {
    // While a thread ends, its thread-locals may already be destroyed: then no request is current.
    let _ = CURRENT.try_with(|current| {
        if let Ok(mut current) = current.try_borrow_mut() {
            mem::swap(&mut *current, handle);
        }
    });
}

/// Runs `f` on the scope of the request that this thread is serving. Returns `None` outside any
/// request.
///
/// `f` must not call user code: user code may call this function again, and the inner call would
/// get `None`.
#[inline]
pub(crate) fn current<R>(f: impl FnOnce(&mut Scope) -> R) -> Option<R> {
    CURRENT.try_with(|current| current.try_borrow_mut().ok()?.get().map(f)).ok()?
}
