//! Calls outside any request, passed from one attribute of a function to the other.
//!
//! Within a request, the attributes of one function find its call in the request's scope. Outside
//! any request there is no scope. The attributes run directly after one another on one thread, so
//! the first one leaves the call in a thread-local for the second one.

use std::cell::Cell;

use super::{CallId, OpenCall};
use crate::callsite::Site;

enum CallHandoff {
    /// A call whose reply may be a stream that the other attribute meters.
    Offered(OpenCall),
    /// A stream has taken this call.
    Taken(CallId),
}

thread_local! {
    static HANDOFF: Cell<Option<CallHandoff>> = const { Cell::new(None) };
}

fn take() -> Option<CallHandoff> {
    HANDOFF.try_with(Cell::take).ok().flatten()
}

fn put(handoff: CallHandoff) {
    // On a thread that ends, no other attribute follows.
    let _ = HANDOFF.try_with(|slot| slot.set(Some(handoff)));
}

/// Offers a call that begins to a stream of the same function.
pub(crate) fn offer(call: OpenCall) {
    put(CallHandoff::Offered(call));
}

/// Offers a call whose function has returned, unless the stream of the function has taken it
/// already.
pub(crate) fn offer_unless_taken(call: OpenCall) {
    if !matches!(take(), Some(CallHandoff::Taken(id)) if id == call.id()) {
        put(CallHandoff::Offered(call));
    }
}

/// Takes the call that another attribute of the same function has offered.
pub(crate) fn take_for_site(site: &Site) -> Option<OpenCall> {
    match take()? {
        CallHandoff::Offered(call) if call.site().is_same_function(site) => Some(call),
        _ => None,
    }
}

/// Notes that the stream of a call has taken the call.
pub(crate) fn note_taken(call: CallId) {
    put(CallHandoff::Taken(call));
}
