//! The owner of a call while its function runs.

use std::sync::Arc;
use std::thread;

use http::HeaderMap;

use super::{EnteredCall, LlmCall, Reply};
use crate::outcome::{CallErrorType, ReplyEnd};

/// Closes a call as cancelled or panicked when it is dropped, unless the call has been taken from
/// it.
pub(crate) struct CallGuard(Option<Arc<LlmCall>>);

impl CallGuard {
    /// A guard without a call.
    pub(crate) const NONE: Self = Self(None);

    pub(crate) fn new(call: Arc<LlmCall>) -> Self {
        Self(Some(call))
    }

    /// Returns the call, unless it has been taken.
    pub(crate) fn call(&self) -> Option<&Arc<LlmCall>> {
        self.0.as_ref()
    }

    /// Takes the call.
    pub(crate) fn take(&mut self) -> Option<Arc<LlmCall>> {
        self.0.take()
    }

    /// Notes why the call has failed, as the value that the function returned says.
    pub(crate) fn note_failure(&self, error: CallErrorType) {
        if let Some(call) = &self.0 {
            call.note_failure(error);
        }
    }

    /// Returns whether the returned value says that the call has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.0.as_ref().is_some_and(|call| call.state.lock().failure.is_some())
    }

    /// Closes the call of a function that has returned an error.
    pub(crate) fn fail(&mut self) {
        self.close(&Reply::ended(ReplyEnd::Failed(CallErrorType::Other)));
    }

    /// Notes what the headers of the reply say about the provider's rate limit.
    pub(crate) fn note_headers(&self, headers: &HeaderMap) {
        if let Some(call) = &self.0 {
            call.note_headers(headers);
        }
    }

    /// Makes the call the current one of this thread.
    pub(crate) fn enter(&self) -> EnteredCall {
        self.0.as_ref().map_or(EnteredCall::NONE, EnteredCall::new)
    }

    /// Closes the call.
    pub(crate) fn close(&mut self, reply: &Reply<'_>) {
        if let Some(call) = self.take() {
            call.finish(reply);
        }
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        let end = if thread::panicking() {
            ReplyEnd::Failed(CallErrorType::Panic)
        } else {
            ReplyEnd::Cancelled
        };
        self.close(&Reply::ended(end));
    }
}
