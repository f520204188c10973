//! One tracked call of a model, from the annotated function's start to its reply.

#[cfg(feature = "axum")]
use std::io;
use std::mem;
use std::sync::Arc;
use std::thread;

use super::{ReplyKind, TokenUsage};
use crate::call::ReplyParser;
use crate::call::{ManualUsage, OpenCall, handoff};
use crate::callsite::Site;
use crate::endpoint::Verdict;
use crate::label::Label;
use crate::media_type::BodyContent;
use crate::metrics::Metrics;
use crate::outcome::Termination;
#[cfg(feature = "axum")]
use crate::request::ExpectedReply;
use crate::request::{self};
use crate::series::EndpointSeries;
use crate::stream::StreamRecorder;
use crate::usage::Usage;
use crate::usage::{FinishReason, MissingReason};

/// The open call of a function under `#[track_tokens]`. Dropped without being finished, the call was
/// cancelled or panicked.
#[must_use]
pub struct TokenCall {
    site: &'static Site,
    place: Place,
}

/// Where the call's state is.
enum Place {
    /// Among the calls of the request, where usage recorded by hand finds it. This is the same, with its
    /// endpoint, for an end in another task, which does not reach the request.
    Request(OpenCall, Arc<EndpointSeries>),
    /// Here: no request is being served.
    Here(OpenCall),
    /// Closed, or left to the request.
    Nowhere,
}

/// Begins a call. `provider` and `model` are empty where they are not known.
pub fn start_call(site: &'static Site, provider: Label, model: Label) -> TokenCall {
    let mut call = OpenCall::new(site, provider, model);
    let endpoint = request::current(|scope| {
        scope.calls().begin(&mut call);
        scope.endpoint_for_site(site)
    });
    let place = match endpoint {
        Some(endpoint) => Place::Request(call, endpoint),
        None => {
            if site.is_read() {
                handoff::begin(call.detached());
            }
            Place::Here(call)
        }
    };
    TokenCall { site, place }
}

/// Ends a call with the usage its reply carries.
pub fn finish_call<R: TokenUsage + ?Sized>(mut call: TokenCall, reply: &R) {
    match reply.__kind() {
        ReplyKind::Stream => call.leave_open(),
        ReplyKind::Failed => call.close(Termination::Failed, None, FinishReason::Error),
        ReplyKind::Value => {
            let finish = reply.__finish_reason();
            match reply.token_usage() {
                Some(usage) => {
                    call.close(Termination::Complete, Some((usage, reply.model())), finish);
                }
                None => call.close_untold(reply.model(), finish, reply.__unparsed()),
            }
        }
    }
}

/// Ends a call whose reply is an opaque stream: its usage is recorded by hand while it flows.
pub fn finish_stream_call(mut call: TokenCall, verdict: Verdict) {
    if verdict.exception.is_some() {
        call.close(Termination::Failed, None, FinishReason::Error);
    } else {
        call.leave_open();
    }
}

impl TokenCall {
    /// Leaves the call to the request, which closes it when it ends itself. Where there is none, nobody
    /// would, unless the stream is read: then it has the call.
    fn leave_open(&mut self) {
        let left_to_request = matches!(&self.place, Place::Request(call, _)
            if request::current(|scope| scope.leave_call(call.id())) == Some(true));
        if left_to_request {
            self.place = Place::Nowhere;
        } else if !self.site.is_read() {
            self.close(Termination::Complete, None, FinishReason::Unknown);
        } else if let Place::Request(call, _) | Place::Here(call) =
            mem::replace(&mut self.place, Place::Nowhere)
        {
            handoff::leave(call);
        }
    }

    /// Closes the call of a reply that is an error.
    pub(super) fn fail(mut self) {
        self.close(Termination::Failed, None, FinishReason::Error);
    }

    /// Closes the call of a reply that is none.
    pub(super) fn without_reply(mut self) {
        self.close(Termination::Complete, None, FinishReason::Unknown);
    }

    /// What reads the reply from now on, which passes as a stream. None where another attribute of the
    /// function reads it, or where nobody will ask for its bytes.
    pub(super) fn reader(mut self, content: BodyContent) -> Option<StreamRecorder> {
        if content == BodyContent::Error {
            self.fail();
            return None;
        }
        if self.site.is_read() {
            self.leave_open();
            return None;
        }
        match mem::replace(&mut self.place, Place::Nowhere) {
            Place::Here(call) => {
                let endpoint = Arc::clone(Metrics::global().endpoints().for_site(self.site));
                Some(StreamRecorder::parsing(ReplyParser::for_call(call, content, endpoint)))
            }
            Place::Request(detached, endpoint) => {
                let id = detached.id();
                let inside = request::current(|scope| {
                    scope.calls().has_begun(id).then(|| {
                        if scope.is_head_request() {
                            scope.leave_call(id);
                            return None;
                        }
                        let call = scope.calls().end(id)?;
                        let reading = ReplyParser::for_call(
                            call,
                            content,
                            scope.endpoint_for_site(self.site),
                        );
                        Some(StreamRecorder::parsing_inside(scope, reading))
                    })
                });
                inside.flatten().unwrap_or_else(|| {
                    let reading = ReplyParser::for_call(detached, content, endpoint);
                    Some(StreamRecorder::parsing(reading))
                })
            }
            Place::Nowhere => None,
        }
    }

    /// Lets the layer read the body of the response that the reply becomes, which nobody else can.
    /// Without a layer that is said once.
    #[cfg(feature = "axum")]
    pub(super) fn read_as_sent(mut self, events: bool) {
        match &self.place {
            Place::Request(call, _) if !self.site.is_read() => {
                let claim = ExpectedReply { call: call.id(), events_only: events };
                request::current(|scope| {
                    if scope.calls().has_begun(claim.call) {
                        scope.expect_reply(claim);
                    }
                });
            }
            Place::Here(_) if !self.site.is_read() && self.site.warns_now() => tracing::warn!(
                function = self.site.function(),
                "#[track_tokens] reads this response through `PrometheusLayer`, and no such layer \
                 serves the request: its usage is missing"
            ),
            _ => {}
        }
        self.leave_open();
    }

    /// Reads a reply that is there as a whole.
    pub(super) fn read_whole(mut self, bytes: &[u8]) {
        if let Some((endpoint, call)) = self.take() {
            let reading = ReplyParser::for_call(call, BodyContent::Readable, endpoint);
            let mut reader = StreamRecorder::parsing(reading);
            reader.item(bytes.len(), Some(bytes));
            reader.complete();
        }
    }

    /// Reads a reply that is there as what its JSON is made of.
    #[cfg(feature = "axum")]
    pub(super) fn read_json<T: serde::Serialize>(mut self, reply: &T) {
        struct Pieces(StreamRecorder);

        impl io::Write for Pieces {
            fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
                self.0.item(piece.len(), Some(piece));
                Ok(piece.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        if let Some((endpoint, call)) = self.take() {
            let reading = ReplyParser::for_call(call, BodyContent::Readable, endpoint);
            let mut pieces = Pieces(StreamRecorder::parsing(reading));
            // What cannot be written is no reply: the response says so, too.
            if serde_json::to_writer(&mut pieces, reply).is_ok() {
                pieces.0.complete();
            } else {
                pieces.0.error("SerializeError");
            }
        }
    }

    /// Takes the call out of where it is.
    fn take(&mut self) -> Option<(Arc<EndpointSeries>, OpenCall)> {
        match mem::replace(&mut self.place, Place::Nowhere) {
            Place::Here(call) => {
                let endpoint = Metrics::global().endpoints().for_site(self.site);
                Some((Arc::clone(endpoint), call))
            }
            Place::Request(detached, endpoint) => {
                let inside = request::current(|scope| {
                    scope.calls().has_begun(detached.id()).then(|| {
                        let call = scope.calls().end(detached.id())?;
                        Some((scope.endpoint_for_site(self.site), call))
                    })
                });
                inside.flatten().unwrap_or(Some((endpoint, detached)))
            }
            Place::Nowhere => None,
        }
    }

    /// Closes the call, with the usage and the model that its reply has told.
    fn close(
        &mut self,
        ending: Termination,
        usage: Option<(Usage, Option<&str>)>,
        finish: FinishReason,
    ) {
        let Some((endpoint, mut call)) = self.take() else { return };
        if let Some((usage, model)) = usage {
            call.series(&endpoint, model).record(&usage, finish);
            call.mark_recorded();
        }
        call.close(&endpoint, ending);
    }

    /// Closes the call of a reply that has told no usage. A handle may still bring it.
    fn close_untold(&mut self, model: Option<&str>, finish: FinishReason, unparsed: bool) {
        let Some((endpoint, mut call)) = self.take() else { return };
        let manual_usage = Arc::<ManualUsage>::default();
        call.read(&manual_usage);
        let missing = match (call.is_recorded(), unparsed) {
            (true, _) => None,
            (false, true) => Some(MissingReason::Unparsed),
            (false, false) => Some(MissingReason::NotSent),
        };
        manual_usage.count(None, call.series(&endpoint, model), finish, missing);
        call.mark_recorded();
        call.close(&endpoint, Termination::Complete);
    }
}

impl Drop for TokenCall {
    fn drop(&mut self) {
        let ending = if thread::panicking() {
            Termination::Panicked
        } else {
            Termination::ClientDisconnected
        };
        self.close(ending, None, FinishReason::Unknown);
    }
}
