//! Allocations of calls that have ended, for later calls of the same thread.

use std::cell::RefCell;
use std::sync::Arc;

use super::LlmCall;
use super::llm_call::CallState;

/// The number of allocations that a thread keeps.
const MAX_FREE: usize = 64;

thread_local! {
    static FREE: RefCell<Vec<Arc<LlmCall>>> = const { RefCell::new(Vec::new()) };
}

fn with_free<R>(f: impl FnOnce(&mut Vec<Arc<LlmCall>>) -> R) -> Option<R> {
    FREE.try_with(|free| Some(f(&mut *free.try_borrow_mut().ok()?))).ok()?
}

/// Returns a call in a free allocation, or in a new one.
pub(super) fn take(call: LlmCall) -> Arc<LlmCall> {
    let Some(mut free) = with_free(Vec::pop).flatten() else { return Arc::new(call) };
    match Arc::get_mut(&mut free) {
        Some(slot) => *slot = call,
        None => return Arc::new(call),
    }
    free
}

/// Keeps the allocation of a closed call that nothing else shares.
pub(super) fn put(mut call: Arc<LlmCall>) {
    if let Some(slot) = Arc::get_mut(&mut call) {
        (slot.outer, slot.request) = (None, None);
        *slot.state.get_mut() = CallState::default();
        with_free(|free| {
            if free.len() < MAX_FREE {
                free.push(call);
            }
        });
    }
}
