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
    LlmCall::begin(site, provider, model, request).map_or(CallGuard::NONE, CallGuard::new)
}

impl Scope {
    /// Returns whether an attribute expects the response body to be a stream or the reply of a
    /// call.
    pub(crate) fn has_expected_body(&self) -> bool {
        self.expected_stream.is_some() || self.expected_reply.is_some()
    }

    /// Returns the calls of this request.
    pub(crate) fn calls(&mut self) -> Arc<RequestCalls> {
        if let Some(calls) = &self.calls {
            return Arc::clone(calls);
        }
        let calls =
            RequestCalls::new(self.metrics().clone(), Arc::clone(self.endpoint()), self.started);
        if self.head.is_some() {
            calls.note_head();
        }
        let calls = Arc::new(calls);
        self.calls = Some(Arc::clone(&calls));
        calls
    }

    /// Returns whether the reply of a call of this request is being read.
    pub(crate) fn is_parsing_reply(&self) -> bool {
        self.calls.as_ref().is_some_and(|calls| calls.is_parsing())
    }

    /// Makes the layer meter the response body as this stream. The reply of an earlier call is then
    /// not the body, unless that call was made within the one of this stream.
    pub(crate) fn expect_stream(&mut self, stream: StreamInfo) {
        if let Some(call) = &stream.call {
            let is_same = |expected: &ExpectedReply| expected.call.is_within(call);
            self.note_expected_again(call);
            self.expected_reply = self.expected_reply.take().filter(is_same);
        }
        self.expected_stream = Some(stream);
    }

    /// Takes the stream that the response body is expected to be.
    pub(crate) fn take_expected_stream(&mut self, is_event_stream: bool) -> Option<StreamInfo> {
        self.expected_stream.take().filter(|stream| is_event_stream || !stream.events_only)
    }

    /// Makes the layer parse the response body as the reply of a call. If the body is expected to
    /// be the reply of a call within this one, that call is the one that counts. Any other call
    /// that was expected has another reply, which is not the body.
    pub(crate) fn expect_reply(&mut self, call: &Arc<LlmCall>, events_only: bool) {
        let expected = self.expected_reply.as_ref().map(|expected| &expected.call);
        let streamed = self.expected_stream.as_ref().and_then(|stream| stream.call.as_ref());
        if expected.into_iter().chain(streamed).any(|expected| expected.is_within(call)) {
            call.pass_on();
            return;
        }
        let is_streamed = streamed.is_some();
        self.note_expected_again(call);
        if is_streamed {
            self.expected_stream = None;
        }
        self.expected_reply = Some(ExpectedReply { call: Arc::clone(call), events_only });
    }

    /// Notes that the reply of `call` is expected to be the response body. If a layer or the
    /// handler has called the function again, the reply of the earlier call was replaced.
    fn note_expected_again(&self, call: &LlmCall) {
        let expected = self.expected_reply.as_ref().map(|expected| &expected.call);
        let streamed = self.expected_stream.as_ref().and_then(|stream| stream.call.as_ref());
        for expected in expected.into_iter().chain(streamed) {
            expected.note_replaced_by(call);
        }
    }

    /// Takes the call whose reply the response body is expected to be.
    pub(crate) fn take_expected_reply(&mut self, is_event_stream: bool) -> Option<Arc<LlmCall>> {
        let expected =
            self.expected_reply.take().filter(|reply| is_event_stream || !reply.events_only);
        expected.map(|reply| reply.call)
    }
}
