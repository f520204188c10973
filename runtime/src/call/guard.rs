//! The owner of a call while its function runs.

use std::sync::{Arc, OnceLock};
use std::thread;

use http::HeaderMap;

use super::start::CallStart;
use super::{EnteredCall, LlmCall, Reply, RequestCalls};
use crate::callsite::Site;
use crate::label::Label;
use crate::outcome::{CallErrorType, ReplyEnd};

/// Closes a call as cancelled or panicked when it is dropped, unless the call has been taken from
/// it.
///
/// Most functions return a value, and no other code refers to their calls. Such a call is only its
/// start: it has no allocation, reference count or lock of its own. The call is *shared* when
/// something else refers to it: a call within it, a handle, recorded usage, or the reader of its
/// reply.
pub(crate) struct CallGuard {
    /// `None` without a call.
    start: Option<CallStart>,
    /// The call, if it is shared.
    shared: OnceLock<Arc<LlmCall>>,
}

impl CallGuard {
    /// A guard without a call.
    #[expect(
        clippy::declare_interior_mutable_const,
        reason = "each use of the constant is a guard of its own"
    )]
    pub(crate) const NONE: Self = Self { start: None, shared: OnceLock::new() };

    /// Begins a call in `request`, or in the request that this task belongs to through a handle.
    /// `provider` and `model` are empty if the attribute does not name them. The guard is empty
    /// outside any request if the global instance is disabled.
    #[inline]
    pub(crate) fn begin(
        site: &'static Site,
        provider: Label,
        model: Label,
        request: Option<Arc<RequestCalls>>,
    ) -> Self {
        let start = CallStart::new(site, provider, model, request);
        Self { start, shared: OnceLock::new() }
    }

    /// Returns whether the guard has no call, or the call has been taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.start.is_none()
    }

    /// Shares the call and returns it, unless it has been taken. Must not be called while
    /// [`enter_unshared`](Self::enter_unshared) is in effect: the thread would share another copy.
    pub(crate) fn call(&self) -> Option<&Arc<LlmCall>> {
        let start = self.start.as_ref()?;
        Some(self.shared.get_or_init(|| LlmCall::share(start.clone())))
    }

    /// Shares the call and takes it.
    pub(crate) fn take(&mut self) -> Option<Arc<LlmCall>> {
        let start = self.start.take()?;
        Some(self.shared.take().unwrap_or_else(|| LlmCall::share(start)))
    }

    /// Notes why the call has failed, as the value that the function returned says.
    pub(crate) fn note_failure(&self, error: CallErrorType) {
        if let Some(call) = self.call() {
            call.note_failure(error);
        }
    }

    /// Returns whether the returned value says that the call has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.shared.get().is_some_and(|call| call.has_failed())
    }

    /// Closes the call of a function that has returned an error.
    pub(crate) fn fail(&mut self) {
        self.close(&Reply::ended(ReplyEnd::Failed(CallErrorType::Other)));
    }

    /// Notes what the headers of the reply say about the provider's rate limit.
    pub(crate) fn note_headers(&self, headers: &HeaderMap) {
        if let Some(call) = self.call() {
            call.note_headers(headers);
        }
    }

    /// Shares the call and makes it the current one of this thread.
    pub(crate) fn enter(&self) -> EnteredCall {
        self.call().map_or(EnteredCall::NONE, EnteredCall::new)
    }

    /// Makes the call the current one of this thread without sharing it. [`leave`](Self::leave)
    /// must be called before the returned value is dropped.
    #[inline]
    pub(crate) fn enter_unshared(&self) -> EnteredCall {
        match (&self.start, self.shared.get()) {
            (Some(_), Some(call)) => EnteredCall::new(call),
            (Some(start), None) => EnteredCall::unshared(start),
            (None, _) => EnteredCall::NONE,
        }
    }

    /// Leaves the call. Keeps the shared call, if other code has shared it meanwhile.
    #[inline]
    pub(crate) fn leave(&self, entered: &mut EnteredCall) {
        if let Some(call) = entered.restore_and_take() {
            self.shared.get_or_init(|| call);
        }
    }

    /// Closes the call.
    #[inline]
    pub(crate) fn close(&mut self, reply: &Reply<'_>) {
        // Taken first: recording may log, and a `tracing` subscriber may panic.
        let Some(start) = self.start.take() else { return };
        match self.shared.take() {
            None => start.close(reply),
            Some(call) => call.finish(reply),
        }
    }
}

impl Drop for CallGuard {
    #[inline]
    fn drop(&mut self) {
        if !self.is_empty() {
            close_early(self);
        }
    }
}

#[cold]
fn close_early(guard: &mut CallGuard) {
    let end = if thread::panicking() {
        ReplyEnd::Failed(CallErrorType::Panic)
    } else {
        ReplyEnd::Cancelled
    };
    guard.close(&Reply::ended(end));
}

#[cfg(test)]
mod tests {
    use super::super::current_call;
    use super::*;

    static SITE: Site = Site::tokens("tests::function", None, None);

    fn guard() -> CallGuard {
        let label = || Label::Static("literal");
        CallGuard::begin(&SITE, label(), label(), None)
    }

    #[test]
    fn call_that_nothing_refers_to_is_not_shared() {
        let guard = guard();
        let mut entered = guard.enter_unshared();
        guard.leave(&mut entered);
        assert!(guard.shared.get().is_none());
        assert!(current_call().is_none());
    }

    #[test]
    fn call_stays_shared_from_one_poll_to_the_next() {
        let guard = guard();
        let mut entered = guard.enter_unshared();
        let shared = current_call().expect("the call is the current one");
        let within = CallGuard::begin(&SITE, Label::Static(""), Label::Static(""), None);
        let outer = within.start.as_ref().and_then(|start| start.outer.as_ref());
        assert!(outer.is_some_and(|outer| Arc::ptr_eq(outer, &shared)));
        guard.leave(&mut entered);
        drop(entered);
        assert!(guard.shared.get().is_some_and(|call| Arc::ptr_eq(call, &shared)));
        assert!(current_call().is_none());
        let _entered = guard.enter_unshared();
        assert!(current_call().is_some_and(|call| Arc::ptr_eq(&call, &shared)));
    }
}
