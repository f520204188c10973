//! The part of a call that a handle of `token_usage_context` keeps.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::llm_call::Phase;
use super::{LlmCall, RequestCalls};

/// A call to which usage can be recorded from any task. The call stays open until its last handle
/// is dropped, if it has no usage before that.
pub(crate) struct CallHandle(Arc<LlmCall>);

impl CallHandle {
    pub(crate) fn new(call: Arc<LlmCall>) -> Self {
        call.handles.fetch_add(1, Relaxed);
        Self(call)
    }

    pub(crate) fn call(&self) -> &Arc<LlmCall> {
        &self.0
    }

    /// Returns the calls of the request that the call belongs to.
    pub(crate) fn request_calls(&self) -> Option<Arc<RequestCalls>> {
        self.0.request_calls()
    }
}

impl Clone for CallHandle {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.0))
    }
}

impl Drop for CallHandle {
    fn drop(&mut self) {
        // The lock of the state orders this with a call that ends at the same time: either it sees
        // no handle, or this sees that it awaits usage.
        let is_last = self.0.handles.fetch_sub(1, Relaxed) == 1;
        let state = self.0.state.lock();
        if let (true, Phase::AwaitingUsage(reply, ended)) = (is_last, &state.phase) {
            let (reply, ended) = ((**reply).clone(), *ended);
            self.0.settle(state, &reply, ended);
        }
    }
}
