//! The model calls of a request, and the stream or reply that its response body is expected to be.

use std::sync::Arc;

use super::Scope;
use crate::call::{CallGuard, LlmCall, RequestCalls};
use crate::callsite::Site;
use crate::label::Label;
use crate::request::{ExpectedReply, Serving, StreamInfo, serving};

/// Begins a call of the function of a call site. `provider` and `model` are empty if they are not
/// known. The guard is empty if the instance that would record the call is disabled.
pub(crate) fn begin_call(site: &'static Site, provider: Label, model: Label) -> CallGuard {
    let request = match serving(Scope::calls) {
        Serving::Request(calls) => Some(calls),
        Serving::Nothing => None,
        Serving::Disabled => return CallGuard::NONE,
    };
    CallGuard::begin(site, provider, model, request)
}

impl Scope {
    /// Returns whether an attribute expects the response body to be a stream or the reply of a
    /// call.
    pub(crate) fn has_expected_body(&self) -> bool {
        self.details.get().is_some_and(|details| {
            details.expected_stream.is_some() || details.expected_reply.is_some()
        })
    }

    /// Returns the calls of this request.
    pub(crate) fn calls(&mut self) -> Arc<RequestCalls> {
        if let Some(calls) = self.details.get().and_then(|details| details.calls.as_ref()) {
            return Arc::clone(calls);
        }
        let calls = RequestCalls::new(self.instance, self.endpoint(), self.started);
        if self.head.is_some() {
            calls.note_head();
        }
        let calls = Arc::new(calls);
        self.details.get_or_create().calls = Some(Arc::clone(&calls));
        calls
    }

    /// Returns whether the reply of a call of this request is being read.
    pub(crate) fn is_parsing_reply(&self) -> bool {
        let calls = self.details.get().and_then(|details| details.calls.as_ref());
        calls.is_some_and(|calls| calls.is_parsing())
    }

    /// Makes the layer meter the response body as this stream. The reply of an earlier call is then
    /// not the body, unless that call was made within the one of this stream.
    pub(crate) fn expect_stream(&mut self, stream: StreamInfo) {
        let details = self.details.get_or_create();
        if let Some(call) = &stream.call {
            let is_same = |expected: &ExpectedReply| expected.call.is_within(call);
            details.note_expected_again(call);
            details.expected_reply = details.expected_reply.take().filter(is_same);
        }
        details.expected_stream = Some(stream);
    }

    /// Takes the stream that the response body is expected to be.
    pub(crate) fn take_expected_stream(&mut self, is_event_stream: bool) -> Option<StreamInfo> {
        let expected = self.details.get_mut()?.expected_stream.take();
        expected.filter(|stream| is_event_stream || !stream.events_only)
    }

    /// Makes the layer parse the response body as the reply of a call. If the body is expected to
    /// be the reply of a call within this one, that call is the one that counts. Any other call
    /// that was expected has another reply, which is not the body.
    pub(crate) fn expect_reply(&mut self, call: &Arc<LlmCall>, events_only: bool) {
        let details = self.details.get_or_create();
        if details.expected_calls().any(|expected| expected.is_within(call)) {
            call.pass_on();
            return;
        }
        details.note_expected_again(call);
        if details.expected_stream.as_ref().is_some_and(|stream| stream.call.is_some()) {
            details.expected_stream = None;
        }
        details.expected_reply = Some(ExpectedReply { call: Arc::clone(call), events_only });
    }

    /// Takes the call whose reply the response body is expected to be.
    pub(crate) fn take_expected_reply(&mut self, is_event_stream: bool) -> Option<Arc<LlmCall>> {
        let expected = self.details.get_mut()?.expected_reply.take();
        expected.filter(|reply| is_event_stream || !reply.events_only).map(|reply| reply.call)
    }
}
