//! The record of one stream, from its creation to its end or drop.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use super::meter::StreamMeter;
use crate::call::{OpenCall, ReplyParser};
use crate::callsite::Site;
use crate::label::Label;
use crate::label::short_type_name;
use crate::media_type::BodyContent;
use crate::metrics::Metrics;
use crate::outcome::StreamOutcome;
use crate::request::{self, Scope, SourcePollGuard, StreamInfo};
use crate::series::EndpointSeries;

/// Records one stream, or the call whose reply it is, or both. Dropping the recorder closes the
/// record.
pub(crate) struct StreamRecorder {
    /// `None` for a reply that is not metered as a stream.
    meter: Option<StreamMeter>,
    /// `None` if no protocol is named, or the response is an error.
    parser: Option<Box<ReplyParser>>,
    /// Set while the source is dropped: usage that it records then belongs to this reply.
    drop_guard: Option<SourcePollGuard>,
    /// True while the source is polled, and therefore still true if the source has panicked.
    is_polling: bool,
    has_failed: bool,
    source_ended: bool,
}

impl StreamRecorder {
    /// Records a stream that is created while a request is served. Returns `None` for a `HEAD`
    /// request, whose response has no body.
    pub(crate) fn in_request(scope: &mut Scope, info: &StreamInfo) -> Option<Self> {
        let entered = scope.begin_stream();
        if scope.is_head_request() {
            return None;
        }
        let meter = StreamMeter::new(info, entered);
        Some(Self::new(Some(meter), parser_in_request(scope, info)))
    }

    /// Records a stream that is created outside any request. `call` is the call that another
    /// attribute of the same function has opened.
    pub(crate) fn without_request(info: &StreamInfo, call: Option<OpenCall>) -> Self {
        let meter = StreamMeter::new(info, Instant::now());
        Self::new(Some(meter), parser_without_request(info, call))
    }

    /// Records a reply that is parsed and not metered as a stream.
    pub(crate) fn parsing(parser: Box<ReplyParser>) -> Self {
        Self::new(None, Some(parser))
    }

    /// Records a reply that is parsed while a request is served, and not metered as a stream.
    pub(crate) fn parsing_in_request(scope: &mut Scope, parser: Box<ReplyParser>) -> Self {
        scope.active_replies().begin(parser.manual_usage());
        Self::parsing(parser)
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
    pub(crate) fn begin_poll(&mut self) -> Option<SourcePollGuard> {
        self.is_polling = true;
        if let Some(meter) = &mut self.meter {
            meter.note_poll();
        }
        self.source_guard()
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
        self.drop_guard = self.source_guard();
    }

    fn source_guard(&self) -> Option<SourcePollGuard> {
        self.parser.as_ref().map(|parser| SourcePollGuard::new(parser.manual_usage()))
    }

    /// Records an item of `size` bytes. `bytes` are its bytes, if the item gives access to them.
    pub(crate) fn record_item(&mut self, size: usize, bytes: Option<&[u8]>) {
        let Self { meter: Some(meter), parser, .. } = self else {
            if let (Some(parser), Some(bytes)) = (&mut self.parser, bytes) {
                parser.read_untimed(bytes);
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
                let findings = parser.read(bytes, now, meter.entered());
                if let Some(pace) = parser.take_model_pace() {
                    meter.set_pace(pace);
                }
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
        if let Self { meter: Some(meter), parser: Some(parser), .. } = self {
            meter.count_error(parser.error_type());
            parser.fail();
        }
    }

    /// Records an item that is an error of this type. The source may go on after it.
    pub(crate) fn record_error(&mut self, type_name: &str) {
        self.has_failed = true;
        if let Some(meter) = &self.meter {
            meter.count_error(&short_type_name(type_name));
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

/// The call site of a stream whose bytes are to be parsed. An error response has no reply to parse.
fn parsed_site(info: &StreamInfo) -> Option<&'static Site> {
    info.site.filter(|site| site.protocol().is_some() && info.content != BodyContent::Error)
}

/// Creates the parser of a stream that is created while a request is served, if its attribute names
/// a protocol. If another attribute of the same function has opened a call, the parser records that
/// call, so that the reply counts once.
fn parser_in_request(scope: &mut Scope, info: &StreamInfo) -> Option<Box<ReplyParser>> {
    parsed_site(info)?;
    let opened = info.call.and_then(|id| scope.calls().end(id));
    let tokens_endpoint = opened
        .as_ref()
        .filter(|call| call.site().endpoint().is_some())
        .map(|call| scope.endpoint_for_site(call.site()));
    let mut parser = stream_parser(info, opened, tokens_endpoint)?;
    parser.report_errors_to(scope.protocol_errors());
    scope.active_replies().begin(parser.manual_usage());
    Some(parser)
}

/// Creates the parser of a stream that is created outside any request.
fn parser_without_request(info: &StreamInfo, opened: Option<OpenCall>) -> Option<Box<ReplyParser>> {
    let named = opened.as_ref().map(OpenCall::site).filter(|site| site.endpoint().is_some());
    let tokens_endpoint =
        named.map(|site| Arc::clone(Metrics::global().endpoints().for_site(site)));
    stream_parser(info, opened, tokens_endpoint)
}

fn stream_parser(
    info: &StreamInfo,
    opened: Option<OpenCall>,
    tokens_endpoint: Option<Arc<EndpointSeries>>,
) -> Option<Box<ReplyParser>> {
    let site = parsed_site(info)?;
    let protocol = site.protocol()?;
    let new = || OpenCall::new(site, Label::Static(""), Label::Static(""));
    let call = opened.unwrap_or_else(new).or_labels(info.provider.clone(), info.model.clone());
    let tokens_endpoint = tokens_endpoint.unwrap_or_else(|| Arc::clone(&info.endpoint));
    let mut parser = ReplyParser::new(call, protocol, info.content, tokens_endpoint);
    parser.record_pace(&info.endpoint);
    Some(parser)
}
