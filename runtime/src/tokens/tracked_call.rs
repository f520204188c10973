//! One call of a function under `#[track_tokens]`, from its start to its reply.

#[cfg(feature = "axum")]
use std::io;
use std::mem;
use std::sync::Arc;
use std::thread;

use super::{ReplyKind, TokenUsage};
use crate::call::{EnterCall, EnteredCall};
use crate::call::{ManualUsage, OpenCall, ReplyParser, handoff};
use crate::callsite::Site;
use crate::endpoint::ResultInfo;
use crate::label::Label;
use crate::media_type::BodyContent;
use crate::metrics::Metrics;
use crate::outcome::Termination;
use crate::request;
#[cfg(feature = "axum")]
use crate::request::ExpectedReply;
use crate::series::EndpointSeries;
use crate::stream::StreamRecorder;
use crate::usage::{FinishReason, MissingReason, Usage};

/// The open call of a function under `#[track_tokens]`. Dropping it before the function has
/// returned records a call that was cancelled or has panicked.
#[must_use]
pub struct TrackedCall {
    site: &'static Site,
    owner: Owner,
}

/// What owns the open call.
enum Owner {
    /// The request being served, so that manually recorded usage finds the call. The copy and its
    /// endpoint are used if the call ends in another task, which cannot reach the request.
    Request(OpenCall, Arc<EndpointSeries>),
    /// The tracked call itself: no request is being served.
    Function(OpenCall),
    /// The call is closed, or left to the request.
    Released,
}

/// Starts a call. `provider` and `model` are empty if they are not known.
pub fn start_call(site: &'static Site, provider: Label, model: Label) -> TrackedCall {
    let mut call = OpenCall::new(site, provider, model);
    let endpoint = request::current(|scope| {
        scope.calls().begin(&mut call);
        scope.endpoint_for_site(site)
    });
    let owner = match endpoint {
        Some(endpoint) => Owner::Request(call, endpoint),
        None => {
            if site.is_parsed_by_stream_attribute() {
                handoff::offer(call.detached());
            }
            Owner::Function(call)
        }
    };
    TrackedCall { site, owner }
}

/// Ends a call with the usage that its reply carries.
pub fn finish_call<R: TokenUsage + ?Sized>(mut call: TrackedCall, reply: &R) {
    match reply.__kind() {
        ReplyKind::Stream => call.leave_open(),
        ReplyKind::Failed => call.close(Termination::Failed, None, FinishReason::Error),
        ReplyKind::Value => {
            let finish = reply.__finish_reason();
            match reply.token_usage() {
                Some(usage) => {
                    call.close(Termination::Complete, Some((usage, reply.model())), finish);
                }
                None => call.close_without_usage(reply.model(), finish, reply.__unparsed()),
            }
        }
    }
}

/// Ends a call whose reply is a stream that is not parsed. The handler records the usage itself.
pub fn finish_stream_call(mut call: TrackedCall, result: ResultInfo) {
    if result.exception.is_some() {
        call.close(Termination::Failed, None, FinishReason::Error);
    } else {
        call.leave_open();
    }
}

impl TrackedCall {
    /// Leaves the call to the request, which closes it when the request ends. Outside any request
    /// the call is closed, unless another attribute of the function parses the stream and takes the
    /// call.
    fn leave_open(&mut self) {
        let left_to_request = matches!(&self.owner, Owner::Request(call, _)
            if request::current(|scope| scope.leave_call(call.id())) == Some(true));
        if left_to_request {
            self.owner = Owner::Released;
        } else if !self.site.is_parsed_by_stream_attribute() {
            self.close(Termination::Complete, None, FinishReason::Unknown);
        } else if let Owner::Request(call, _) | Owner::Function(call) =
            mem::replace(&mut self.owner, Owner::Released)
        {
            handoff::offer_unless_taken(call);
        }
    }

    /// Closes the call of a reply that is an error.
    pub(super) fn fail(mut self) {
        self.close(Termination::Failed, None, FinishReason::Error);
    }

    /// Closes the call of a function that returned no reply.
    pub(super) fn close_without_reply(mut self) {
        self.close(Termination::Complete, None, FinishReason::Unknown);
    }

    /// Returns the recorder that parses the reply as it passes. Returns `None` if another attribute
    /// of the function parses it, or if the bytes of the reply are not sent.
    pub(super) fn recorder(mut self, content: BodyContent) -> Option<StreamRecorder> {
        if content == BodyContent::Error {
            self.fail();
            return None;
        }
        if self.site.is_parsed_by_stream_attribute() {
            self.leave_open();
            return None;
        }
        match mem::replace(&mut self.owner, Owner::Released) {
            Owner::Function(call) => {
                let endpoint = Arc::clone(Metrics::global().endpoints().for_site(self.site));
                Some(StreamRecorder::parsing(ReplyParser::for_call(call, content, endpoint)))
            }
            Owner::Request(detached, endpoint) => {
                let id = detached.id();
                let inside = request::current(|scope| {
                    scope.calls().has_begun(id).then(|| {
                        if scope.is_head_request() {
                            scope.leave_call(id);
                            return None;
                        }
                        let call = scope.calls().end(id)?;
                        let endpoint = scope.endpoint_for_site(self.site);
                        let parser = ReplyParser::for_call(call, content, endpoint);
                        Some(StreamRecorder::parsing_in_request(scope, parser))
                    })
                });
                inside.flatten().unwrap_or_else(|| {
                    let parser = ReplyParser::for_call(detached, content, endpoint);
                    Some(StreamRecorder::parsing(parser))
                })
            }
            Owner::Released => None,
        }
    }

    /// Makes the layer parse the body of the response that the reply becomes, because the bytes
    /// cannot be reached in the reply. Logs a warning once if there is no layer.
    #[cfg(feature = "axum")]
    pub(super) fn expect_body(mut self, events_only: bool) {
        match &self.owner {
            Owner::Request(call, _) if !self.site.is_parsed_by_stream_attribute() => {
                let reply = ExpectedReply { call: call.id(), events_only };
                request::current(|scope| {
                    if scope.calls().has_begun(reply.call) {
                        scope.expect_reply(reply);
                    }
                });
            }
            Owner::Function(_)
                if !self.site.is_parsed_by_stream_attribute() && self.site.is_first_warning() =>
            {
                tracing::warn!(
                    function = self.site.function(),
                    "#[track_tokens] parses this response through `PrometheusLayer`, but no such \
                     layer serves the request: the call is recorded as missing usage"
                );
            }
            _ => {}
        }
        self.leave_open();
    }

    /// Parses a reply that is complete in memory.
    pub(super) fn parse_bytes(mut self, bytes: &[u8]) {
        if let Some((endpoint, call)) = self.take() {
            let parser = ReplyParser::for_call(call, BodyContent::Readable, endpoint);
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

        if let Some((endpoint, call)) = self.take() {
            let parser = ReplyParser::for_call(call, BodyContent::Readable, endpoint);
            let mut writer = RecorderWriter(StreamRecorder::parsing(parser));
            // axum answers 500 to a reply that cannot be serialized.
            if serde_json::to_writer(&mut writer, reply).is_ok() {
                writer.0.record_end();
            } else {
                writer.0.record_error("SerializeError");
            }
        }
    }

    /// Takes the open call from its owner.
    fn take(&mut self) -> Option<(Arc<EndpointSeries>, OpenCall)> {
        match mem::replace(&mut self.owner, Owner::Released) {
            Owner::Function(call) => {
                let endpoint = Metrics::global().endpoints().for_site(self.site);
                Some((Arc::clone(endpoint), call))
            }
            Owner::Request(detached, endpoint) => {
                let inside = request::current(|scope| {
                    scope.calls().has_begun(detached.id()).then(|| {
                        let call = scope.calls().end(detached.id())?;
                        Some((scope.endpoint_for_site(self.site), call))
                    })
                });
                inside.flatten().unwrap_or(Some((endpoint, detached)))
            }
            Owner::Released => None,
        }
    }

    /// Closes the call, with the usage and the model of its reply.
    fn close(
        &mut self,
        termination: Termination,
        usage: Option<(Usage, Option<&str>)>,
        finish: FinishReason,
    ) {
        let Some((endpoint, mut call)) = self.take() else { return };
        if let Some((usage, model)) = usage {
            call.series(&endpoint, model).record(&usage, finish);
            call.mark_recorded();
        }
        call.close(&endpoint, termination);
    }

    /// Closes the call of a reply without usage, which a handle may still record.
    fn close_without_usage(&mut self, model: Option<&str>, finish: FinishReason, unparsed: bool) {
        let Some((endpoint, mut call)) = self.take() else { return };
        let manual_usage = Arc::<ManualUsage>::default();
        call.forward_handles_to(&manual_usage);
        let missing = match (call.is_recorded(), unparsed) {
            (true, _) => None,
            (false, true) => Some(MissingReason::Unparsed),
            (false, false) => Some(Termination::Complete.missing_reason()),
        };
        manual_usage.record_call(None, call.series(&endpoint, model), finish, missing);
        call.mark_recorded();
        call.close(&endpoint, Termination::Complete);
    }
}

impl Drop for TrackedCall {
    fn drop(&mut self) {
        let termination = if thread::panicking() {
            Termination::Panicked
        } else {
            Termination::ClientDisconnected
        };
        self.close(termination, None, FinishReason::Unknown);
    }
}

impl EnterCall for TrackedCall {
    fn enter_call(&self) -> EnteredCall {
        EnteredCall { _private: () }
    }
}
