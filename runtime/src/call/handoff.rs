//! Calls outside any request, handed from one attribute of a function to the other.
//!
//! Both act right after each other, on one thread: whoever comes second finds what the first has left.

use std::cell::Cell;

use super::{CallId, OpenCall};
use crate::callsite::Site;

enum CallHandoff {
    /// A call that a stream may be the reply of.
    Call(OpenCall),
    /// A stream has been made, and this is its call.
    Taken(CallId),
}

thread_local! {
    static HANDED: Cell<Option<CallHandoff>> = const { Cell::new(None) };
}

fn take() -> Option<CallHandoff> {
    HANDED.try_with(Cell::take).ok().flatten()
}

fn put(handed: CallHandoff) {
    // On a thread that ends there is nobody to hand to.
    let _ = HANDED.try_with(|slot| slot.set(Some(handed)));
}

/// Hands on a call that begins, to a stream of the same function that is about to be made.
pub(crate) fn begin(call: OpenCall) {
    put(CallHandoff::Call(call));
}

/// Hands on a call whose function has returned, unless its stream has been made before that.
pub(crate) fn leave(call: OpenCall) {
    if !matches!(take(), Some(CallHandoff::Taken(id)) if id == call.id()) {
        put(CallHandoff::Call(call));
    }
}

/// The call that the other attribute of a site's function has handed on.
pub(crate) fn handed_to(site: &Site) -> Option<OpenCall> {
    match take()? {
        CallHandoff::Call(call) if call.site().is_beside(site) => Some(call),
        _ => None,
    }
}

/// Lets a call's other attribute know that its stream has been made.
pub(crate) fn taken(call: CallId) {
    put(CallHandoff::Taken(call));
}
