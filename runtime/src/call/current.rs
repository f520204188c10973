//! The call and the request that the code of a thread belongs to.
//!
//! A tracked function makes its call the current one whenever its body runs, and a reply that is
//! read makes its call the current one whenever its source is polled. A call that starts meanwhile
//! is made within it.

use std::cell::RefCell;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::start::CallStart;
use super::{CallErrorType, CallHandle, LlmCall, RequestCalls};

thread_local! {
    static CURRENT: RefCell<Current> = const { RefCell::new(Current::NOTHING) };
}

/// What the code of a thread belongs to.
struct Current {
    call: CurrentCall,
    /// Set in a spawned task that a handle has made part of a request.
    request: Option<Arc<RequestCalls>>,
    /// Set while a stream is polled that was created in a request of a disabled instance.
    is_disabled: bool,
}

/// The call that the code of a thread is part of.
enum CurrentCall {
    None,
    /// A call that only its guard refers to.
    Unshared(CallStart),
    Shared(Arc<LlmCall>),
}

impl Current {
    const NOTHING: Self = Self { call: CurrentCall::None, request: None, is_disabled: false };

    /// Replaces the call, and returns the one before.
    fn replace_call(&mut self, call: CurrentCall) -> Self {
        Self { call: mem::replace(&mut self.call, call), ..Self::NOTHING }
    }
}

impl CurrentCall {
    /// Shares the call and returns it.
    #[inline]
    fn share(&mut self) -> Option<Arc<LlmCall>> {
        match self {
            Self::None => None,
            Self::Shared(call) => Some(Arc::clone(call)),
            Self::Unshared(_) => self.share_unshared(),
        }
    }

    #[cold]
    fn share_unshared(&mut self) -> Option<Arc<LlmCall>> {
        let Self::Unshared(start) = mem::replace(self, Self::None) else { return None };
        let call = LlmCall::share(start);
        *self = Self::Shared(Arc::clone(&call));
        Some(call)
    }

    /// Removes the call. Returns it if it is shared.
    #[inline]
    fn take_shared(&mut self) -> Option<Arc<LlmCall>> {
        if let Self::Unshared(_) = self {
            *self = Self::None;
            return None;
        }
        match mem::replace(self, Self::None) {
            Self::Shared(call) => Some(call),
            Self::None | Self::Unshared(_) => None,
        }
    }
}

/// Returns the call that the code of this thread is part of.
pub(crate) fn current_call() -> Option<Arc<LlmCall>> {
    with_current(|current| current.call.share())
}

/// Returns the calls of the request that a handle has made this task part of.
pub(crate) fn current_request_calls() -> Option<Arc<RequestCalls>> {
    with_current(|current| current.request.clone())
}

/// Returns the call that the code of this thread is part of. Sets `request`, if it is `None`, to
/// that of [`current_request_calls`].
#[inline]
pub(super) fn current_call_within(request: &mut Option<Arc<RequestCalls>>) -> Option<Arc<LlmCall>> {
    with_current(|current| {
        if request.is_none() {
            request.clone_from(&current.request);
        }
        current.call.share()
    })
}

/// Returns whether the code of this thread belongs to a stream of a disabled instance.
pub(crate) fn is_in_disabled_stream() -> bool {
    with_current(|current| current.is_disabled)
}

/// Runs `f` on what this thread belongs to. While a thread ends it belongs to nothing.
#[inline]
fn with_current<R: Default>(f: impl FnOnce(&mut Current) -> R) -> R {
    CURRENT
        .try_with(|current| Some(f(&mut *current.try_borrow_mut().ok()?)))
        .ok()
        .flatten()
        .unwrap_or_default()
}

/// The guard that an attribute opens around a function, and that makes the function's body part of
/// a call.
pub trait EnterCall {
    /// Makes the call the current one of this thread until the returned value is dropped.
    fn enter_call(&self) -> EnteredCall;

    /// Called when the function stops running, before `entered` is dropped. May take the call that
    /// was shared meanwhile from `entered`.
    fn leave_call(&self, _entered: &mut EnteredCall) {}

    /// Notes why the call has failed, as the value that the function returned says.
    fn note_failure(&self, error: CallErrorType);
}

/// While it exists, a call is the current one of this thread.
#[must_use]
pub struct EnteredCall {
    before: Before,
}

/// What a thread belonged to before a guard has changed it.
#[derive(Default)]
enum Before {
    /// Nothing was changed.
    #[default]
    Unchanged,
    /// The thread belonged to no call. The request is the same.
    NoCall,
    /// The request is the same.
    Call {
        call: CurrentCall,
        is_disabled: bool,
    },
    Other(Current),
}

impl EnteredCall {
    /// A guard that changes nothing.
    pub(crate) const NONE: Self = Self { before: Before::Unchanged };

    /// Makes `call` the current one of this thread. The request stays.
    pub(crate) fn new(call: &Arc<LlmCall>) -> Self {
        Self::lending(Arc::clone(call))
    }

    /// Makes `call` the current one of this thread. [`leave`](Self::leave) returns this reference,
    /// so that the owner can lend it again and again without touching the shared count.
    pub(crate) fn lending(call: Arc<LlmCall>) -> Self {
        Self::enter(|| CurrentCall::Shared(call))
    }

    /// Makes a call that is not shared the current one of this thread. The request stays.
    #[inline]
    pub(super) fn unshared(start: &CallStart) -> Self {
        Self::enter(|| CurrentCall::Unshared(start.clone()))
    }

    #[inline]
    fn enter(call: impl FnOnce() -> CurrentCall) -> Self {
        let before = with_current(|current| {
            if matches!(current, Current { call: CurrentCall::None, is_disabled: false, .. }) {
                current.call = call();
                return Before::NoCall;
            }
            Before::Call {
                call: mem::replace(&mut current.call, call()),
                is_disabled: mem::take(&mut current.is_disabled),
            }
        });
        Self { before }
    }

    /// Makes a request and a call of it the current ones of this thread.
    fn in_request(call: Option<&CallHandle>, request: Option<&Arc<RequestCalls>>) -> Self {
        let call = call.map(|handle| Arc::clone(handle.call()));
        let call = call.map_or(CurrentCall::None, CurrentCall::Shared);
        Self::replace(Current { call, request: request.cloned(), is_disabled: false })
    }

    /// Takes the code of this thread out of the call and the request that a handle has made it part
    /// of.
    pub(crate) fn outside() -> Self {
        Self::replace(Current::NOTHING)
    }

    /// Makes the code of this thread part of a stream of a disabled instance.
    pub(crate) fn in_disabled_stream() -> Self {
        Self::replace(Current { is_disabled: true, ..Current::NOTHING })
    }

    fn replace(new: Current) -> Self {
        let before = with_current(|current| Before::Other(mem::replace(current, new)));
        Self { before }
    }

    /// Restores what was current before. Returns the call that was current until now, if it is
    /// shared.
    pub(crate) fn leave(mut self) -> Option<Arc<LlmCall>> {
        self.restore_and_take()
    }

    /// Restores what was current before. Returns the call that was current until now, if it is
    /// shared.
    #[inline]
    pub(super) fn restore_and_take(&mut self) -> Option<Arc<LlmCall>> {
        if matches!(self.before, Before::NoCall) {
            self.before = Before::Unchanged;
            // The guard has another copy of a call that is not shared, so that nothing ends here.
            return with_current(|current| current.call.take_shared());
        }
        self.restore().call.take_shared()
    }

    /// Restores what was current before, and returns what was current until now. The latter must be
    /// dropped outside of the thread-local, because its drop may record.
    fn restore(&mut self) -> Current {
        let ended = match mem::take(&mut self.before) {
            Before::Unchanged => None,
            Before::NoCall => with_current(|current| Some(current.replace_call(CurrentCall::None))),
            Before::Call { call, is_disabled } => with_current(|current| {
                current.is_disabled = is_disabled;
                Some(current.replace_call(call))
            }),
            Before::Other(before) => with_current(|current| Some(mem::replace(current, before))),
        };
        ended.unwrap_or(Current::NOTHING)
    }
}

impl Drop for EnteredCall {
    #[inline]
    fn drop(&mut self) {
        if !matches!(self.before, Before::Unchanged) {
            self.restore();
        }
    }
}

/// While it exists, the call of a guard is the current one of this thread.
#[must_use]
pub struct EnteredGuard<'a, G: EnterCall> {
    guard: &'a G,
    entered: EnteredCall,
}

impl<G: EnterCall> Drop for EnteredGuard<'_, G> {
    #[inline]
    fn drop(&mut self) {
        self.guard.leave_call(&mut self.entered);
    }
}

/// Makes the call of `guard` the current one of this thread until the returned guard is dropped.
#[inline]
pub fn enter_call<G: EnterCall>(guard: &G) -> EnteredGuard<'_, G> {
    EnteredGuard { guard, entered: guard.enter_call() }
}

pin_project! {
    /// A future during whose polls and drop a call is the current one.
    #[must_use = "futures do nothing unless polled"]
    pub struct WithinCall<'a, G, F>
    where
        G: EnterCall,
    {
        guard: &'a G,
        // `None` once the future has returned.
        #[pin]
        future: Option<F>,
    }

    impl<'a, G, F> PinnedDrop for WithinCall<'a, G, F>
    where
        G: EnterCall,
    {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                let _entered = enter_call(*this.guard);
                this.future.set(None);
            }
        }
    }
}

/// Runs the body of an async function within the call of `guard`.
pub fn within_call<G: EnterCall, F: Future>(guard: &G, future: F) -> WithinCall<'_, G, F> {
    WithinCall { guard, future: Some(future) }
}

impl<G: EnterCall, F: Future> Future for WithinCall<'_, G, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        // Only an attribute makes this future, and awaits it once.
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Pending };
        let _entered = enter_call(*this.guard);
        let polled = future.poll(cx);
        if polled.is_ready() {
            this.future.set(None);
        }
        polled
    }
}

pin_project! {
    /// A future whose calls belong to a request, and are made within a call of it.
    struct WithinRequest<F> {
        // `None` once the future has returned.
        #[pin]
        future: Option<F>,
        // Keeps the call open until the future has ended.
        call: Option<CallHandle>,
        request: Option<Arc<RequestCalls>>,
    }

    impl<F> PinnedDrop for WithinRequest<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                let _entered = EnteredCall::in_request(this.call.as_ref(), this.request.as_ref());
                this.future.set(None);
            }
        }
    }
}

/// Makes the calls of a future part of a request, and of a call of it.
pub(crate) fn within_request<F: Future>(
    future: F,
    call: Option<CallHandle>,
    request: Option<Arc<RequestCalls>>,
) -> impl Future<Output = F::Output> {
    WithinRequest { future: Some(future), call, request }
}

impl<F: Future> Future for WithinRequest<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Pending };
        let _entered = EnteredCall::in_request(this.call.as_ref(), this.request.as_ref());
        let polled = future.poll(cx);
        if polled.is_ready() {
            this.future.set(None);
            *this.call = None;
        }
        polled
    }
}
