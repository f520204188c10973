//! One call of a function under `#[track_tokens]`, from its start to its reply.

use std::any::type_name;
use std::borrow::Cow;
#[cfg(feature = "axum")]
use std::io;

#[cfg(any(feature = "axum", feature = "reqwest"))]
use http::HeaderMap;

use super::{ReplyKind, TokenUsage};
use crate::call::{CallGuard, EnterCall, EnteredCall, Reply, ReplyParser};
use crate::callsite::Site;
use crate::endpoint::ResultInfo;
use crate::hook::{self, Hook};
use crate::label::Label;
use crate::media_type::BodyContent;
use crate::outcome::{CallErrorType, ReplyEnd, Unread};
use crate::request::{self, Serving};
#[cfg(feature = "axum")]
use crate::series::warn_reply_without_layer;
use crate::stream::StreamRecorder;
use crate::usage::Usage;

/// The open call of a function under `#[track_tokens]`. Dropping it before the function has
/// returned records a call that was cancelled or has panicked.
#[must_use]
pub struct TrackedCall(CallGuard);

/// Starts a call. `provider` and `model` are empty if they are not known.
pub fn start_call(site: &'static Site, provider: Label, model: Label) -> TrackedCall {
    TrackedCall(request::begin_call(site, provider, model))
}

/// Ends a call with the usage that its reply carries.
pub fn finish_call<R: TokenUsage + ?Sized>(mut call: TrackedCall, reply: &R) {
    if call.0.is_empty() {
        return;
    }
    match reply.__kind() {
        ReplyKind::Stream if call.0.has_failed() => call.fail(),
        ReplyKind::Stream => call.leave_open(),
        ReplyKind::Failed => call.fail(),
        ReplyKind::Value => {
            let details = reply.__details();
            let usage = hook::call(Hook::TokenUsage, type_name::<R>(), || reply.token_usage());
            let model = hook::call(Hook::TokenUsage, type_name::<R>(), || reply.model());
            call.0.close(&Reply {
                finish: details.finish,
                unread: if usage.is_none() { Unread::Usage } else { details.unread },
                usage: usage.flatten(),
                usage_by_other_models: owned(details.usage_by_other_models),
                model: model.flatten().map(Cow::Borrowed),
                operation: details.operation,
                service_tier: details.service_tier.map(Cow::Owned),
                provider_cost: details.provider_cost,
                ..Reply::ended(ReplyEnd::Complete)
            });
        }
    }
}

fn owned(usage: Vec<(String, Usage)>) -> Vec<(Cow<'static, str>, Usage)> {
    if usage.is_empty() {
        return Vec::new();
    }
    usage.into_iter().map(|(model, usage)| (Cow::Owned(model), usage)).collect()
}

/// Ends a call whose reply is a stream that is not parsed. The handler records the usage itself.
pub fn finish_stream_call(call: TrackedCall, result: ResultInfo) {
    if result.exception.is_some() {
        call.fail();
    } else {
        call.leave_open();
    }
}

impl TrackedCall {
    /// Leaves the call open, whose reply is a stream that nothing parses.
    fn leave_open(mut self) {
        if let Some(call) = self.0.take() {
            call.leave_open();
        }
    }

    /// Closes the call of a reply that is an error.
    pub(super) fn fail(mut self) {
        self.0.fail();
    }

    /// Closes the call of a function that returned no reply.
    pub(super) fn close_without_reply(mut self) {
        self.0.close(&Reply::ended(ReplyEnd::Complete));
    }

    /// Notes what the headers of the reply say about the provider's rate limit.
    #[cfg(any(feature = "axum", feature = "reqwest"))]
    pub(super) fn note_headers(&self, headers: &HeaderMap) {
        self.0.note_headers(headers);
    }

    /// Returns the recorder that parses the reply as it passes. Returns `None` if the bytes of the
    /// reply are not sent, or are an error.
    pub(super) fn recorder(mut self, content: BodyContent) -> Option<StreamRecorder> {
        if let BodyContent::Error(status) = content {
            let error = CallErrorType::from_status(status);
            self.0.close(&Reply::ended(ReplyEnd::Failed(error)));
            return None;
        }
        if request::current(|scope| scope.is_head_request()) == Some(true) {
            self.leave_open();
            return None;
        }
        let Some(call) = self.0.take() else {
            let is_disabled = matches!(request::serving(|_| ()), Serving::Disabled);
            return is_disabled.then(StreamRecorder::disabled);
        };
        Some(StreamRecorder::parsing(ReplyParser::for_body(call, content)))
    }

    /// Makes the layer parse the body of the response that the reply becomes, because the bytes
    /// cannot be reached in the reply. Logs a warning once if there is no layer.
    #[cfg(feature = "axum")]
    pub(super) fn expect_body(self, events_only: bool) {
        let Some(call) = self.0.call() else { return };
        let is_expected = request::current(|scope| scope.expect_reply(call, events_only)).is_some();
        if !is_expected && call.site().is_first_without_layer() {
            warn_reply_without_layer(call.site().function());
        }
        self.leave_open();
    }

    /// Parses a reply that is complete in memory.
    pub(super) fn parse_bytes(mut self, bytes: &[u8]) {
        if let Some(call) = self.0.take() {
            let parser = ReplyParser::new(call, BodyContent::Readable);
            let mut recorder = StreamRecorder::parsing(parser);
            recorder.record_item(bytes.len(), Some(bytes));
            recorder.record_end();
        }
    }

    /// Parses a reply from its JSON, which is serialized piece by piece for this purpose.
    #[cfg(feature = "axum")]
    pub(super) fn parse_json<T: serde::Serialize>(mut self, reply: &T) {
        struct RecorderWriter(StreamRecorder);

        impl io::Write for RecorderWriter {
            fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
                self.0.record_item(piece.len(), Some(piece));
                Ok(piece.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        if let Some(call) = self.0.take() {
            let parser = ReplyParser::new(call, BodyContent::Document);
            let mut writer = RecorderWriter(StreamRecorder::parsing(parser));
            // axum answers 500 to a reply that cannot be serialized.
            let serialized = hook::call(Hook::Serialize, type_name::<T>(), || {
                serde_json::to_writer(&mut writer, reply)
            });
            if matches!(serialized, Some(Ok(()))) {
                writer.0.record_end();
            } else {
                writer.0.record_error("SerializeError");
            }
        }
    }
}

impl EnterCall for TrackedCall {
    fn enter_call(&self) -> EnteredCall {
        self.0.enter_unshared()
    }

    fn leave_call(&self, entered: &mut EnteredCall) {
        self.0.leave(entered);
    }

    fn note_failure(&self, error: CallErrorType) {
        self.0.note_failure(error);
    }
}
