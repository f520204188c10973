//! The record of one stream, from its creation to its end or drop.

use std::mem;
use std::thread;
use std::time::Instant;

use super::meter::StreamMeter;
use super::nesting::{MeteredPoll, is_within_stream_of};
use crate::call::{EnteredCall, Reply, ReplyParser};
use crate::label::BODY_ERROR;
use crate::media_type::BodyContent;
use crate::outcome::{CallErrorType, ReplyEnd, StreamOutcome};
use crate::request::{self, BodyEnd, Scope, StreamInfo};
use crate::type_name::short_type_name;

/// Records one stream, or the call whose reply it is, or both. Dropping the recorder closes the
/// record.
pub(crate) struct StreamRecorder {
    record: Record,
    /// Set while the source is dropped: what it does is then part of the call. Boxed, because few
    /// streams have one, and room for it would make every stream larger to move.
    drop_guard: Option<Box<EnteredCall>>,
    /// True while the source is polled, and therefore still true if the source has panicked.
    is_polling: bool,
    has_failed: bool,
    source_ended: bool,
}

/// The parts of a record that stay open until the stream has ended.
#[derive(Default)]
struct Record {
    /// `None` for a reply that is not metered as a stream.
    meter: Option<StreamMeter>,
    /// `None` if no protocol is named, or the response is an error.
    parser: Option<Box<ReplyParser>>,
    /// Whether an error of the stream was counted. A failed stream counts one.
    has_counted_error: bool,
    /// Whether the stream is the body of a response that a function has returned.
    is_body: bool,
    /// Whether the stream was created in a request of a disabled instance. The record then has no
    /// other part, and what the source does is not recorded either.
    is_disabled: bool,
}

/// How the source of a stream has ended, as its recorder has seen it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SourceEnd {
    Complete,
    Failed,
    Panicked,
    /// The source was dropped before its end. The response body may say why.
    Dropped,
}

/// Exists while the source of a stream is polled.
#[must_use]
pub(crate) struct SourcePoll {
    call: Option<EnteredCall>,
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

    /// Marks a stream that is created in a request of a disabled instance, so that what its source
    /// does is recorded nowhere, whichever task polls it.
    pub(crate) fn disabled() -> Self {
        let mut recorder = Self::new(None, None);
        recorder.record.is_disabled = true;
        recorder
    }

    fn if_any(meter: Option<StreamMeter>, parser: Option<Box<ReplyParser>>) -> Option<Self> {
        (meter.is_some() || parser.is_some()).then(|| Self::new(meter, parser))
    }

    fn new(meter: Option<StreamMeter>, parser: Option<Box<ReplyParser>>) -> Self {
        Self {
            record: Record { meter, parser, ..Record::default() },
            drop_guard: None,
            is_polling: false,
            has_failed: false,
            source_ended: false,
        }
    }

    /// Sets whether the stream consists of server-sent events, whose comments are no payload.
    pub(crate) fn with_event_stream(mut self, is_event_stream: bool) -> Self {
        let is_readable = self.record.parser.as_ref().is_none_or(|parser| parser.is_readable());
        if let Some(meter) = &mut self.record.meter {
            meter.set_event_stream(is_event_stream && is_readable);
        }
        self
    }

    /// Notes that the stream is the body of a response that a function has returned. If a layer
    /// sends another response in its place, the stream is not recorded.
    pub(crate) fn of_body(mut self) -> Self {
        self.record.is_body = true;
        self
    }

    /// Must be called before each poll of the source. The guard that it returns must be dropped
    /// after the poll, or passed to [`leave`](Self::leave), which saves time.
    #[inline]
    pub(crate) fn begin_poll(&mut self) -> SourcePoll {
        self.is_polling = true;
        if self.record.meter.as_ref().is_some_and(|meter| !meter.has_chunk()) {
            self.begin_poll_without_chunk();
        }
        SourcePoll {
            call: self.enter_source(),
            _metered: self.record.meter.as_ref().map(|meter| MeteredPoll::new(meter.instance())),
        }
    }

    /// Prepares a poll before the first chunk: a stream within a metered one is not recorded.
    #[cold]
    fn begin_poll_without_chunk(&mut self) {
        let is_inner = |meter: &mut StreamMeter| is_within_stream_of(meter.instance());
        if let Some(meter) = self.record.meter.take_if(is_inner) {
            meter.withdraw();
        }
        if let Some(meter) = &mut self.record.meter {
            meter.note_poll();
        }
    }

    /// Takes the guard of a poll. The next poll then does not change the reference count of the
    /// call.
    #[inline]
    pub(crate) fn leave(&mut self, poll: SourcePoll) {
        if let (Some(parser), Some(call)) = (&mut self.record.parser, poll.call) {
            parser.leave(call);
        }
    }

    /// Must be called after each poll of the source that has not panicked. A source that is pending
    /// may stay so for a long time, so the counts are flushed.
    #[inline]
    pub(crate) fn end_poll(&mut self, is_pending: bool) {
        self.is_polling = false;
        if let Some(meter) = self.record.meter.as_mut().filter(|_| is_pending) {
            meter.flush();
        }
    }

    /// Must be called before the source is dropped, if the source is dropped before this recorder.
    pub(crate) fn begin_drop(&mut self) {
        self.drop_guard = self.enter_source().map(Box::new);
    }

    /// Makes what the source does part of the call whose reply the stream is.
    #[inline]
    fn enter_source(&mut self) -> Option<EnteredCall> {
        if self.record.is_disabled {
            return Some(EnteredCall::in_disabled_stream());
        }
        self.record.parser.as_mut().map(|parser| parser.enter())
    }

    /// Records an item of `size` bytes. `bytes` are its bytes, if the item gives access to them.
    #[inline]
    pub(crate) fn record_item(&mut self, size: usize, bytes: Option<&[u8]>) {
        match &mut self.record {
            Record { meter: Some(meter), parser: None, .. } if !meter.counts_comments() => {
                meter.count_chunk(size, Instant::now());
            }
            _ => self.read_item(size, bytes),
        }
    }

    /// Records an item whose bytes are read: by the parser of a protocol, or to find comments.
    #[inline(never)]
    fn read_item(&mut self, size: usize, bytes: Option<&[u8]>) {
        let Record { meter: Some(meter), parser, .. } = &mut self.record else {
            if let (Some(parser), Some(bytes)) = (&mut self.record.parser, bytes) {
                if parser.read(bytes, Instant::now).error {
                    parser.fail();
                }
            }
            return;
        };
        let now = Instant::now();
        let parser = parser.as_mut().filter(|parser| parser.is_readable());
        let (comment_bytes, is_error) = match (bytes, parser) {
            (None, _) => (0, false),
            (Some(bytes), None) => (meter.count_comment_bytes(bytes), false),
            (Some(bytes), Some(parser)) => {
                let findings = parser.read(bytes, || now);
                meter.set_model(parser.model());
                let has_comments = meter.may_have_comments();
                (if has_comments { findings.comment_bytes } else { 0 }, findings.error)
            }
        };
        // Comments are no payload, and an item that consists of them is not a chunk. The size of an
        // item may be an estimate, which need not include its comments.
        if comment_bytes == 0 || bytes.is_some_and(|bytes| bytes.len() > comment_bytes) {
            meter.count_chunk(size.saturating_sub(comment_bytes), now);
        }
        if is_error {
            self.record.note_error_event();
        }
    }

    /// Records an item that is an error of this type. The source may go on after it.
    ///
    /// Does nothing if the client has cut off the upload: a stream that reads the upload then ends
    /// as a client disconnect.
    pub(crate) fn record_error(&mut self, type_name: &'static str) {
        if request::current(|scope| scope.was_upload_cut_off()) == Some(true) {
            return;
        }
        self.has_failed = true;
        self.record.count_error(short_type_name(type_name));
    }

    /// Notes why the call fails whose reply is read.
    #[cfg(feature = "reqwest")]
    pub(crate) fn note_failure(&self, error: CallErrorType) {
        if let Some(parser) = &self.record.parser {
            parser.note_failure(error);
        }
    }

    /// Records that the source has ended.
    pub(crate) fn record_end(&mut self) {
        self.source_ended = true;
        if self.record.parser.as_mut().is_some_and(|parser| parser.end().error) {
            self.record.note_error_event();
        }
    }

    fn source_end(&self) -> SourceEnd {
        if self.is_polling {
            SourceEnd::Panicked
        } else if self.has_failed {
            SourceEnd::Failed
        } else if self.source_ended {
            SourceEnd::Complete
        } else {
            SourceEnd::Dropped
        }
    }
}

impl Drop for StreamRecorder {
    fn drop(&mut self) {
        let end = self.source_end();
        if end != SourceEnd::Dropped {
            return self.record.close(end, None);
        }
        let record = &mut self.record;
        let body_end = request::current(|scope| {
            // If a layer drops the source while the layer is polled, the outcome depends on this
            // poll. The record that is left here is empty, and closing it does nothing.
            if scope.is_body_open() {
                let mut record = mem::take(record);
                scope.defer(Box::new(move |body_end| record.close(end, body_end)));
            }
            scope.body_end()
        });
        if body_end == Some(None) {
            self.record.withdraw_replaced_stream();
        }
        self.record.close(end, body_end.flatten());
    }
}

impl Record {
    /// Notes an error event of the protocol, which makes the stream and its request fail. An error
    /// without a type is counted at the end of the stream, because the frame after it may name one.
    fn note_error_event(&mut self) {
        let Some(parser) = &mut self.parser else { return };
        parser.fail();
        if parser.has_error_type() {
            self.count_error(StreamOutcome::ErrorEvent.as_str());
        }
    }

    /// Counts the stream's first error. Its type is that of the error event, if there was one.
    fn count_error(&mut self, error_type: &'static str) {
        let Self { meter: Some(meter), parser, has_counted_error: false, .. } = self else {
            return;
        };
        let event_type = parser.as_ref().and_then(|parser| parser.error_type());
        meter.count_error(event_type.unwrap_or(error_type));
        self.has_counted_error = true;
    }

    /// Withdraws a response body that is dropped unread before the response head. A layer has sent
    /// another response in its place.
    fn withdraw_replaced_stream(&mut self) {
        let is_unread = |meter: &mut StreamMeter| {
            self.is_body
                && !meter.is_polled()
                && request::current(Scope::withdraw_stream) == Some(true)
        };
        if let Some(meter) = self.meter.take_if(is_unread) {
            meter.withdraw();
        }
    }

    fn outcome(&self, end: SourceEnd, body_end: Option<BodyEnd>) -> StreamOutcome {
        let of_protocol = || self.parser.as_ref()?.outcome(end == SourceEnd::Complete);
        match (end, body_end) {
            (SourceEnd::Panicked, _) => return StreamOutcome::Panic,
            (SourceEnd::Failed, _) | (SourceEnd::Dropped, Some(BodyEnd::Failed)) => {
                return StreamOutcome::StreamError;
            }
            (SourceEnd::Complete | SourceEnd::Dropped, _) => {}
        }
        if let Some(outcome) = of_protocol() {
            outcome
        } else if end == SourceEnd::Complete {
            StreamOutcome::Complete
        } else if thread::panicking() {
            StreamOutcome::Panic
        } else if body_end == Some(BodyEnd::Delivered) {
            StreamOutcome::Complete
        } else {
            StreamOutcome::ClientDisconnect
        }
    }

    /// Closes the record. `end` is how the source ended, and `body_end` is how the response body
    /// ended, if that is known.
    fn close(&mut self, end: SourceEnd, body_end: Option<BodyEnd>) {
        let outcome = self.outcome(end, body_end);
        match outcome {
            StreamOutcome::Panic | StreamOutcome::ErrorEvent => {
                self.count_error(outcome.as_str());
            }
            StreamOutcome::StreamError => self.count_error(BODY_ERROR),
            StreamOutcome::Complete
            | StreamOutcome::ClientDisconnect
            | StreamOutcome::Truncated => {}
        }
        if let Some(meter) = &mut self.meter {
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
