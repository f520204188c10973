//! The record of one stream, from its creation to its end or drop.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use super::meter::StreamMeter;
use crate::call::{OpenCall, ReplyParser};
use crate::callsite::Site;
use crate::family::short_name;
use crate::label::Label;
use crate::media_type::BodyContent;
use crate::metrics::Metrics;
use crate::outcome::StreamOutcome;
use crate::request::{self, Scope, SourcePollGuard, StreamInfo};
use crate::series::EndpointSeries;

/// Records one stream, or the call behind a reply, or both; dropping it closes the record.
pub(crate) struct StreamRecorder {
    /// What counts the stream, where that is asked for.
    meter: Option<StreamMeter>,
    /// What reads the protocol, where one is named.
    parser: Option<Box<ReplyParser>>,
    /// Assigns usage that the source records while it is dropped to this reply.
    drop_guard: Option<SourcePollGuard>,
    /// Set while the source is polled, and so still set when it has panicked.
    polling: bool,
    failed: bool,
    complete: bool,
}

impl StreamRecorder {
    /// Records a stream that is created while a request is served. `None` if the response will have
    /// no body.
    pub(crate) fn inside(scope: &mut Scope, info: &StreamInfo) -> Option<Self> {
        let entered = scope.begin_stream();
        if scope.is_head_request() {
            return None;
        }
        let meter = StreamMeter::new(info, entered);
        Some(Self::new(Some(meter), parser_inside(scope, info)))
    }

    /// Records a stream that is created outside any request. `call` is the call that another
    /// attribute of the same function has opened.
    pub(crate) fn outside(info: &StreamInfo, call: Option<OpenCall>) -> Self {
        let meter = StreamMeter::new(info, Instant::now());
        Self::new(Some(meter), parser_outside(info, call))
    }

    /// Records a reply that is parsed and not metered as a stream.
    pub(crate) fn parsing(parser: Box<ReplyParser>) -> Self {
        Self::new(None, Some(parser))
    }

    /// Records a reply that is parsed while a request is served, and not metered as a stream.
    pub(crate) fn parsing_inside(scope: &mut Scope, parser: Box<ReplyParser>) -> Self {
        scope.active_replies().begin(parser.manual_usage());
        Self::parsing(parser)
    }

    fn new(meter: Option<StreamMeter>, parser: Option<Box<ReplyParser>>) -> Self {
        Self { meter, parser, drop_guard: None, polling: false, failed: false, complete: false }
    }

    /// The same record, of a stream that is one of events, or is not: their comments are no chunks.
    pub(crate) fn with_event_stream(mut self, events: bool) -> Self {
        let readable = self.parser.as_ref().is_none_or(|parser| parser.readable);
        if let Some(meter) = &mut self.meter {
            meter.of_events(events && readable);
        }
        self
    }

    /// Before the source is polled. A stream's life begins here, or at the response head if that was
    /// earlier.
    pub(crate) fn poll_begins(&mut self) -> Option<SourcePollGuard> {
        self.polling = true;
        if let Some(meter) = &mut self.meter {
            meter.begin();
        }
        self.source_guard()
    }

    /// The source is about to be dropped, before this.
    pub(crate) fn drop_begins(&mut self) {
        self.drop_guard = self.source_guard();
    }

    /// After the source has been polled, and what [`poll_begins`](Self::poll_begins) gave is dropped. One that has nothing ready may stay so for long: what it has
    /// sent is shown.
    pub(crate) fn poll_ends(&mut self, pending: bool) {
        self.polling = false;
        if let Some(meter) = self.meter.as_mut().filter(|_| pending) {
            meter.flush();
        }
    }

    /// An item has become ready: so many bytes, and the bytes themselves where it shows them.
    pub(crate) fn item(&mut self, size: usize, bytes: Option<&[u8]>) {
        let Self { meter: Some(meter), parser, .. } = self else {
            if let (Some(parser), Some(bytes)) = (&mut self.parser, bytes) {
                parser.read_untimed(bytes);
            }
            return;
        };
        let now = Instant::now();
        let parser = parser.as_mut().filter(|parser| parser.readable);
        let (comment, error) = match (bytes, parser) {
            (None, _) => (false, false),
            (Some(bytes), None) => (meter.is_comment(bytes), false),
            (Some(bytes), Some(parser)) => {
                let seen = parser.read(bytes, now, meter.entered());
                if let Some(pace) = parser.new_pace() {
                    meter.set_pace(pace);
                }
                (seen.comment_only && meter.has_comments(), seen.error)
            }
        };
        if !comment {
            meter.chunk(size, now);
        }
        if error {
            self.error_event();
        }
    }

    fn source_guard(&self) -> Option<SourcePollGuard> {
        self.parser.as_ref().map(|parser| SourcePollGuard::new(parser.manual_usage()))
    }

    /// An error within the protocol: the stream has failed, and with it the request.
    fn error_event(&mut self) {
        if let Self { meter: Some(meter), parser: Some(parser), .. } = self {
            meter.error(parser.error_type());
            parser.fail();
        }
    }

    /// The stream has failed with an error of this type. It may go on all the same.
    pub(crate) fn error(&mut self, type_name: &str) {
        self.failed = true;
        if let Some(meter) = &self.meter {
            meter.error(&short_name(type_name));
        }
    }

    /// The source has ended by itself.
    pub(crate) fn complete(&mut self) {
        self.complete = true;
        if self.parser.as_mut().is_some_and(|parser| parser.end().error) {
            self.error_event();
        }
    }

    fn outcome(&self) -> StreamOutcome {
        if self.polling {
            StreamOutcome::Panic
        } else if self.failed {
            StreamOutcome::StreamError
        } else if let Some(told) = self.parser.as_ref().and_then(|it| it.outcome(self.complete)) {
            told
        } else if self.complete {
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
            if self.polling {
                meter.error("panic");
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

/// Creates the parser of a stream that is created while a request is served, if its attribute names a
/// protocol. A call that another attribute of the same function has opened is used, so that the reply
/// counts once.
fn parser_inside(scope: &mut Scope, info: &StreamInfo) -> Option<Box<ReplyParser>> {
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
fn parser_outside(info: &StreamInfo, opened: Option<OpenCall>) -> Option<Box<ReplyParser>> {
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
    let call = opened.unwrap_or_else(new).or(info.provider.clone(), info.model.clone());
    let tokens_endpoint = tokens_endpoint.unwrap_or_else(|| Arc::clone(&info.endpoint));
    let mut parser = ReplyParser::new(call, protocol, info.content, tokens_endpoint);
    parser.record_pace(&info.endpoint);
    Some(parser)
}
