//! The record of one stream, from its creation to its end or drop.

use std::thread;
use std::time::Instant;

use super::meter::StreamMeter;
use super::nesting::{MeteredPoll, is_within_stream_of};
use crate::call::{EnteredCall, Reply, ReplyParser};
use crate::label::short_type_name;
use crate::media_type::BodyContent;
use crate::outcome::{CallErrorType, ReplyEnd, StreamOutcome};
use crate::request::{self, Scope, StreamInfo};

/// Records one stream, or the call whose reply it is, or both. Dropping the recorder closes the
/// record.
pub(crate) struct StreamRecorder {
    /// `None` for a reply that is not metered as a stream.
    meter: Option<StreamMeter>,
    /// `None` if no protocol is named, or the response is an error.
    parser: Option<Box<ReplyParser>>,
    /// Set while the source is dropped: what it does is then part of the call.
    drop_guard: Option<EnteredCall>,
    /// True while the source is polled, and therefore still true if the source has panicked.
    is_polling: bool,
    has_failed: bool,
    source_ended: bool,
}

/// Exists while the source of a stream is polled.
#[must_use]
pub(crate) struct SourcePoll {
    _call: Option<EnteredCall>,
    _metered: Option<MeteredPoll>,
}

impl StreamRecorder {
    /// Records a stream that is created while a request is served. Returns `None` if there is
    /// nothing to record: the response to a `HEAD` request has no body.
    pub(crate) fn in_request(scope: &mut Scope, info: StreamInfo) -> Option<Self> {
        if scope.is_head_request() {
            scope.begin_stream();
            if let Some(call) = info.call {
                call.leave_open();
            }
            return None;
        }
        let meter = info.is_stream().then(|| StreamMeter::new(&info, scope.begin_stream()));
        let mut parser = parser(info);
        if let Some(parser) = &mut parser {
            parser.report_errors_to(scope.protocol_errors());
        }
        Self::if_any(meter, parser)
    }

    /// Records a stream that is created outside the task of a request. `entered` is when the
    /// request arrived, or the stream was created.
    pub(crate) fn without_scope(info: StreamInfo, entered: Instant) -> Option<Self> {
        let meter = info.is_stream().then(|| StreamMeter::new(&info, entered));
        Self::if_any(meter, parser(info))
    }

    /// Records a reply that is parsed and not metered as a stream.
    pub(crate) fn parsing(parser: Box<ReplyParser>) -> Self {
        Self::new(None, Some(parser))
    }

    fn if_any(meter: Option<StreamMeter>, parser: Option<Box<ReplyParser>>) -> Option<Self> {
        (meter.is_some() || parser.is_some()).then(|| Self::new(meter, parser))
    }

    fn new(meter: Option<StreamMeter>, parser: Option<Box<ReplyParser>>) -> Self {
        Self {
            meter,
            parser,
            drop_guard: None,
            is_polling: false,
            has_failed: false,
            source_ended: false,
        }
    }

    /// Sets whether the stream consists of server-sent events, whose keep-alive comments are not
    /// chunks.
    pub(crate) fn with_event_stream(mut self, is_event_stream: bool) -> Self {
        let is_readable = self.parser.as_ref().is_none_or(|parser| parser.is_readable());
        if let Some(meter) = &mut self.meter {
            meter.set_event_stream(is_event_stream && is_readable);
        }
        self
    }

    /// Must be called before each poll of the source. The guard that it returns must be dropped
    /// after the poll.
    pub(crate) fn begin_poll(&mut self) -> SourcePoll {
        self.is_polling = true;
        let is_inner =
            |meter: &StreamMeter| !meter.has_chunk() && is_within_stream_of(meter.instance());
        if self.meter.as_ref().is_some_and(is_inner) {
            if let Some(meter) = self.meter.take() {
                meter.withdraw();
            }
        }
        if let Some(meter) = &mut self.meter {
            meter.note_poll();
        }
        SourcePoll {
            _call: self.parser.as_ref().map(|parser| parser.enter()),
            _metered: self.meter.as_ref().map(|meter| MeteredPoll::new(meter.instance())),
        }
    }

    /// Must be called after each poll of the source that has not panicked. A source that is pending
    /// may stay so for a long time, so the counts are flushed.
    pub(crate) fn end_poll(&mut self, is_pending: bool) {
        self.is_polling = false;
        if let Some(meter) = self.meter.as_mut().filter(|_| is_pending) {
            meter.flush();
        }
    }

    /// Must be called before the source is dropped, if the source is dropped before this recorder.
    pub(crate) fn begin_drop(&mut self) {
        self.drop_guard = self.parser.as_ref().map(|parser| parser.enter());
    }

    /// Records an item of `size` bytes. `bytes` are its bytes, if the item gives access to them.
    pub(crate) fn record_item(&mut self, size: usize, bytes: Option<&[u8]>) {
        let Self { meter: Some(meter), parser, .. } = self else {
            if let (Some(parser), Some(bytes)) = (&mut self.parser, bytes) {
                if parser.read(bytes, Instant::now).error {
                    parser.fail();
                }
            }
            return;
        };
        let now = Instant::now();
        let parser = parser.as_mut().filter(|parser| parser.is_readable());
        // Decides whether the item is a keep-alive comment or a chunk.
        let (is_keep_alive, is_error) = match (bytes, parser) {
            (None, _) => (false, false),
            (Some(bytes), None) => (meter.is_keep_alive(bytes), false),
            (Some(bytes), Some(parser)) => {
                let findings = parser.read(bytes, || now);
                meter.set_model(parser.model());
                (findings.keep_alive_only && meter.may_have_keep_alive(), findings.error)
            }
        };
        if !is_keep_alive {
            meter.count_chunk(size, now);
        }
        if is_error {
            self.record_error_event();
        }
    }

    /// Records an error event of the protocol, which makes the stream and its request fail.
    fn record_error_event(&mut self) {
        let Self { meter, parser: Some(parser), .. } = self else { return };
        if let Some(meter) = meter {
            meter.count_error(parser.error_type());
        }
        parser.fail();
    }

    /// Records an item that is an error of this type. The source may go on after it.
    pub(crate) fn record_error(&mut self, type_name: &str) {
        self.has_failed = true;
        if let Some(meter) = &self.meter {
            meter.count_error(&short_type_name(type_name));
        }
    }

    /// Notes why the call fails whose reply is read.
    #[cfg(feature = "reqwest")]
    pub(crate) fn note_failure(&self, error: CallErrorType) {
        if let Some(parser) = &self.parser {
            parser.note_failure(error);
        }
    }

    /// Records that the source has ended.
    pub(crate) fn record_end(&mut self) {
        self.source_ended = true;
        if self.parser.as_mut().is_some_and(|parser| parser.end().error) {
            self.record_error_event();
        }
    }

    fn outcome(&self) -> StreamOutcome {
        let of_protocol = || self.parser.as_ref()?.outcome(self.source_ended);
        if self.is_polling {
            StreamOutcome::Panic
        } else if self.has_failed {
            StreamOutcome::StreamError
        } else if let Some(outcome) = of_protocol() {
            outcome
        } else if self.source_ended {
            StreamOutcome::Complete
        } else if thread::panicking() {
            StreamOutcome::Panic
        } else if request::current(|scope| scope.is_delivered()) == Some(true) {
            StreamOutcome::Complete
        } else {
            StreamOutcome::ClientDisconnect
        }
    }
}

impl Drop for StreamRecorder {
    fn drop(&mut self) {
        let outcome = self.outcome();
        if let Some(meter) = &mut self.meter {
            if self.is_polling {
                meter.count_error(StreamOutcome::Panic.as_str());
            }
            meter.close(outcome);
        }
        if let Some(parser) = self.parser.take() {
            parser.close(outcome);
        }
    }
}

/// Creates the parser of a stream whose call is known. An error response has no reply to parse: the
/// call has failed.
fn parser(info: StreamInfo) -> Option<Box<ReplyParser>> {
    let call = info.call?;
    if let BodyContent::Error(status) = info.content {
        call.finish(&Reply::ended(ReplyEnd::Failed(CallErrorType::from_status(status))));
        return None;
    }
    Some(ReplyParser::for_body(call, info.content))
}
