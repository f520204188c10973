//! The call that the code of a thread runs in.

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// The guard that an attribute opens around a function, and that makes the function's body part of
/// a call.
pub trait EnterCall {
    /// Makes the call the current one of this thread until the returned guard is dropped.
    fn enter_call(&self) -> EnteredCall;
}

/// Makes the call of a guard the current one while it exists.
#[must_use]
pub struct EnteredCall {
    pub(crate) _private: (),
}

/// Makes the call of `guard` the current one of this thread until the returned guard is dropped.
pub fn enter_call<G: EnterCall>(guard: &G) -> EnteredCall {
    guard.enter_call()
}

pin_project! {
    /// A future during whose polls a call is the current one.
    #[must_use = "futures do nothing unless polled"]
    pub struct WithinCall<'a, G, F> {
        guard: &'a G,
        #[pin]
        future: F,
    }
}

/// Runs the body of an async function within the call of `guard`.
pub fn within_call<G: EnterCall, F: Future>(guard: &G, future: F) -> WithinCall<'_, G, F> {
    WithinCall { guard, future }
}

impl<G: EnterCall, F: Future> Future for WithinCall<'_, G, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.guard.enter_call();
        this.future.poll(cx)
    }
}
