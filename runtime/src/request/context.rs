//! The request that a thread is serving now.
//!
//! A scope is lent to the thread for the duration of one poll. Scopes nest: a handler may call a
//! router that has a layer of its own.

use std::cell::RefCell;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use pin_project_lite::pin_project;

use super::Scope;
use crate::call::{EnteredCall, is_in_disabled_stream};
#[cfg(feature = "exemplars")]
use crate::family::Trace;
use crate::free_list::FreeList;

/// An owned place for a scope.
type ScopeSlot = Box<Option<Scope>>;

thread_local! {
    static CURRENT: RefCell<ScopeHandle> = const { RefCell::new(ScopeHandle::NONE) };
    static FREE_SLOTS: FreeList<ScopeSlot> = const { FreeList::new() };
}

/// Owns the scope of a request, or none. Dropping the handle drops the scope.
///
/// A handle is one pointer: it moves from the service to the response future, to the thread and
/// back at each poll, and to the response body. The slot that it points to is reused for later
/// requests, so that opening a scope does not allocate. An empty slot stands for a request of a
/// disabled instance.
#[derive(Default)]
pub(crate) struct ScopeHandle(Option<ScopeSlot>);

impl ScopeHandle {
    /// A handle without a scope.
    pub(crate) const NONE: Self = Self(None);

    /// Opens a scope with `open` in a free slot of this thread, or in a new one.
    #[inline]
    pub(crate) fn new(open: impl FnOnce(&mut Option<Scope>)) -> Self {
        let mut slot = FreeList::take(&FREE_SLOTS).unwrap_or_default();
        open(&mut slot);
        Self(Some(slot))
    }

    /// Marks a request of a disabled instance, in a free slot of this thread or in a new one.
    pub(crate) fn disabled() -> Self {
        Self(Some(FreeList::take(&FREE_SLOTS).unwrap_or_default()))
    }

    /// Returns whether the handle stands for nothing: neither for a scope, nor for a request of a
    /// disabled instance.
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
        FreeList::keep(&FREE_SLOTS, slot);
    }
}

/// Runs `f` with the scope of `handle` as the current one of this thread, or with none if the
/// handle stands for a request of a disabled instance. A handle that stands for nothing leaves the
/// current scope as it is.
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
    // What a disabled instance serves belongs to no call of an enabled one around it.
    let _outside_calls = handle.get().is_none().then(EnteredCall::outside);
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

/// What this thread is serving.
pub(crate) enum Serving<R> {
    /// A request, with what was read from its scope.
    Request(R),
    /// A request of a disabled instance, of which nothing is recorded, or a stream that was created
    /// in one.
    Disabled,
    /// Nothing: the code runs outside any request.
    Nothing,
}

/// Runs `f` on the scope of the request that this thread is serving, if there is one.
///
/// `f` must not call user code: user code may call this function again, and the inner call would
/// get [`Serving::Nothing`].
#[inline]
pub(crate) fn serving<R>(f: impl FnOnce(&mut Scope) -> R) -> Serving<R> {
    let visit = |current: &RefCell<ScopeHandle>| {
        let mut current = current.try_borrow_mut().ok()?;
        let slot = current.0.as_deref_mut()?;
        Some(slot.as_mut().map_or(Serving::Disabled, |scope| Serving::Request(f(scope))))
    };
    let in_request = CURRENT.try_with(visit).ok().flatten();
    in_request.unwrap_or_else(|| {
        if is_in_disabled_stream() { Serving::Disabled } else { Serving::Nothing }
    })
}

/// Runs `f` on the scope of the request that this thread is serving. Returns `None` outside any
/// request, and in a request of a disabled instance.
///
/// `f` must not call user code, as in [`serving`].
#[inline]
pub(crate) fn current<R>(f: impl FnOnce(&mut Scope) -> R) -> Option<R> {
    CURRENT.try_with(|current| current.try_borrow_mut().ok()?.get().map(f)).ok()?
}

pin_project! {
    /// A future during whose polls and drop this thread serves a request of a disabled instance, if
    /// `is_disabled` is set.
    struct PerhapsDisabled<F> {
        // `None` only while the future is dropped.
        #[pin]
        future: Option<F>,
        is_disabled: bool,
    }

    impl<F> PinnedDrop for PerhapsDisabled<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            enter(&mut handle_if(*this.is_disabled), || this.future.set(None));
        }
    }
}

/// Makes a future part of a request of a disabled instance, if `is_disabled` is set.
pub(crate) fn perhaps_disabled<F: Future>(
    future: F,
    is_disabled: bool,
) -> impl Future<Output = F::Output> {
    PerhapsDisabled { future: Some(future), is_disabled }
}

impl<F: Future> Future for PerhapsDisabled<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(future) = this.future.as_pin_mut() else { return Poll::Pending };
        enter(&mut handle_if(*this.is_disabled), || future.poll(cx))
    }
}

fn handle_if(is_disabled: bool) -> ScopeHandle {
    if is_disabled { ScopeHandle::disabled() } else { ScopeHandle::NONE }
}
