//! The scope of one request.
//!
//! The layer owns it, first in the response future and then in the response body, and lends it to
//! the thread while it polls either of them: see [`current`](super::current).

mod calls;
mod close;
mod endpoint;
mod state;

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;

pub(crate) use self::calls::begin_call;
use self::endpoint::recording_at;
pub(crate) use self::state::BodyEnd;
use self::state::{
    AfterPoll, DurationEnd, EndpointSource, Handler, Head, Identity, Panic, Recording,
};
use super::entry::UNMATCHED;
use super::exception::RequestExceptions;
use super::{ExceptionInfo, ExpectedReply, RequestError, RequestSize, ServiceState, StreamInfo};
use crate::call::RequestCalls;
use crate::family::RequestLabelValues;
#[cfg(feature = "exemplars")]
use crate::family::Trace;
use crate::label::{BODY_ERROR, Method};
use crate::metrics::Metrics;
use crate::outcome::ProtocolErrors;
use crate::series::{EndpointSeries, RequestSeries};

/// The state of the request being served. Closing the scope records the request, once. A scope that
/// is dropped before that records a client disconnect or a panic.
pub(crate) struct Scope {
    service: Arc<ServiceState>,
    /// The trace that was current when the request arrived.
    #[cfg(feature = "exemplars")]
    trace: Option<Trace>,
    /// `None` while the endpoint is the cached one of [`ServiceState`].
    endpoint: Option<Arc<EndpointSeries>>,
    endpoint_source: EndpointSource,
    /// The handler that has claimed the request.
    handler: Option<Handler>,
    method: Method,
    /// The values of the request labels when the request arrived. `active_requests` has them until
    /// the request ends.
    arrival_values: RequestLabelValues,
    /// The values of the request labels now.
    request_values: RequestLabelValues,
    recording: Recording,
    identity: Identity,
    panic: Panic,
    /// Whether the panic that unwinds now was counted by the scope of an inner router.
    panic_counted: bool,
    started: Instant,
    head: Option<Head>,
    duration_end: DurationEnd,
    /// The number of metered streams that the response may be, or may consist of.
    streams: u32,
    body_end: Option<BodyEnd>,
    /// The streams that were dropped while the response body was polled.
    after_poll: Vec<AfterPoll>,
    request_size: RequestSize,
    exceptions: RequestExceptions,
    expected_stream: Option<StreamInfo>,
    expected_reply: Option<ExpectedReply>,
    /// Created with the first call.
    calls: Option<Arc<RequestCalls>>,
    /// Created with the first stream whose protocol is parsed.
    protocol_errors: Option<Arc<ProtocolErrors>>,
}

/// The properties of a request before the service is called.
pub(crate) struct Entry<'a> {
    /// The template of the matched route, if it is known.
    pub(crate) route: Option<&'a str>,
    pub(crate) method: Method,
    /// The values of the request labels that the request carries.
    pub(crate) request_values: RequestLabelValues,
    pub(crate) size: RequestSize,
    /// Whether the request is recorded: paths and methods may be skipped.
    pub(crate) recorded: bool,
    /// Whether the request carries the mark of the layer: see `layer/nested.rs`.
    pub(crate) marked: bool,
}

impl Scope {
    /// Opens the scope of a request.
    #[inline]
    pub(crate) fn open(service: Arc<ServiceState>, entry: Entry<'_>) -> Self {
        let Entry { route, method, request_values, size, recorded, marked } = entry;
        let endpoint = service.lookup_endpoint(route.unwrap_or(UNMATCHED));
        let recording = if !recorded {
            Recording::Skipped
        } else if route.is_none() && service.metrics().ignores_unmatched() {
            Recording::Pending
        } else {
            let endpoint = endpoint.as_ref().unwrap_or_else(|| service.cached_endpoint());
            let recording = recording_at(endpoint, service.metrics(), method);
            if recording == Recording::Active {
                endpoint.with_request_labels(request_values).requests(method).active().inc();
            }
            recording
        };
        Self {
            service,
            #[cfg(feature = "exemplars")]
            trace: Trace::current(),
            endpoint,
            endpoint_source: match route {
                Some(_) => EndpointSource::Route,
                None => EndpointSource::Unmatched,
            },
            handler: None,
            method,
            arrival_values: request_values,
            request_values,
            recording,
            identity: if marked { Identity::Marked } else { Identity::Unmarked },
            panic: Panic::None,
            panic_counted: false,
            started: Instant::now(),
            head: None,
            duration_end: DurationEnd::Body,
            streams: 0,
            body_end: None,
            after_poll: Vec::new(),
            request_size: size,
            exceptions: RequestExceptions::default(),
            expected_stream: None,
            expected_reply: None,
            calls: None,
            protocol_errors: None,
        }
    }

    /// Returns whether a request that a nested layer has received is this one, and not one that the
    /// handler has made.
    ///
    /// An annotated handler claims the request before it makes requests of its own. A handler
    /// without an attribute was reached through a route, which differs from the route of its own
    /// requests.
    pub(crate) fn is_same_request(
        &mut self,
        metrics: &Metrics,
        marked: bool,
        route: Option<&str>,
    ) -> bool {
        if !self.metrics().is_same_instance(metrics) {
            return false;
        }
        match self.endpoint_source {
            EndpointSource::Handler => return false,
            EndpointSource::Route if route != Some(self.unlabelled_endpoint().label()) => {
                return false;
            }
            EndpointSource::Route | EndpointSource::Unmatched => {}
        }
        match self.identity {
            Identity::Marked => marked,
            Identity::Unmarked | Identity::SeenAgain => {
                metrics.deduplicate_by_mark();
                mem::replace(&mut self.identity, Identity::SeenAgain) == Identity::Unmarked
            }
        }
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        self.service.metrics()
    }

    /// Returns the endpoint without values of the request labels.
    fn unlabelled_endpoint(&self) -> &Arc<EndpointSeries> {
        self.endpoint.as_ref().unwrap_or_else(|| self.service.cached_endpoint())
    }

    /// Returns the endpoint with the values that the request labels have now.
    pub(crate) fn endpoint(&self) -> &Arc<EndpointSeries> {
        self.unlabelled_endpoint().with_request_labels(self.request_values)
    }

    /// Returns the series of `endpoint` with the values that the request labels had when the
    /// request arrived. The request is active there.
    fn arrival_series<'a>(&self, endpoint: &'a Arc<EndpointSeries>) -> &'a RequestSeries {
        endpoint.with_request_labels(self.arrival_values).requests(self.method)
    }

    fn is_recorded(&self) -> bool {
        matches!(self.recording, Recording::Active | Recording::Deferred)
    }

    /// Returns when the response head was made.
    pub(crate) fn head_at(&self) -> Option<Instant> {
        self.head.map(|head| head.at)
    }

    /// Notes that the claiming handler has ended, perhaps with an error. The error is counted when
    /// the status is known.
    pub(crate) fn end_handler(&mut self, error: Option<RequestError>) {
        if let Some(handler) = &mut self.handler {
            handler.end();
        }
        if let Some(error) = error {
            self.exceptions.note_returned(error);
        }
    }

    /// Names the returned error as the response says.
    #[cfg(feature = "axum")]
    pub(crate) fn name_returned_error(&mut self, response: &http::response::Parts) {
        self.exceptions.name_returned(response);
    }

    /// Notes an error that was reported, so that returning it as well does not count again. Returns
    /// the endpoint to count it at, if the request is recorded.
    pub(crate) fn note_reported_error(
        &mut self,
        exception: ExceptionInfo,
    ) -> Option<Arc<EndpointSeries>> {
        self.exceptions.note_reported(exception);
        self.is_recorded().then(|| Arc::clone(self.endpoint()))
    }

    /// Notes a reported error. An error that was reported by its type is held until the handler
    /// returns, waits or reports another error: if the handler returns the error, the returned
    /// value supplies its name. Returns the errors to count now, in this order, and the endpoint to
    /// count them at.
    pub(crate) fn report_error(
        &mut self,
        error: RequestError,
    ) -> Option<(Arc<EndpointSeries>, [Option<RequestError>; 2])> {
        let endpoint = self.note_reported_error(error.exception)?;
        let earlier = self.take_held_error();
        let may_be_returned = self.recording == Recording::Active
            && !error.exception.has_own_name()
            && self.handler.as_ref().is_some_and(Handler::is_running);
        if may_be_returned {
            self.exceptions.hold(error);
            return Some((endpoint, [earlier, None]));
        }
        Some((endpoint, [earlier, Some(error)]))
    }

    /// Takes the reported error that is held, to count it.
    #[inline]
    pub(crate) fn take_held_error(&mut self) -> Option<RequestError> {
        self.exceptions.take_held()
    }

    /// Counts the reported error that the handler has not returned in the poll that has ended.
    #[inline]
    pub(crate) fn count_held_error(&mut self) {
        if let Some(error) = self.take_held_error().filter(|_| self.is_recorded()) {
            error.count(self.endpoint());
        }
    }

    /// Counts a failure that belongs to no handler, if the request is recorded.
    pub(crate) fn count_global_exception(&self, exception_type: &str) {
        if self.is_recorded() {
            let endpoint = self.unlabelled_endpoint().label();
            self.metrics().endpoints().count_global_exception(exception_type, endpoint);
        }
    }

    /// Returns where streams of this request report error events, on whatever thread they are
    /// polled.
    pub(crate) fn protocol_errors(&mut self) -> Arc<ProtocolErrors> {
        Arc::clone(self.protocol_errors.get_or_insert_default())
    }

    /// Counts a failure of the response body, unless the body's source has reported an error
    /// itself.
    pub(crate) fn note_body_error(&self) {
        if !self.exceptions.any_reported() {
            self.count_global_exception(BODY_ERROR);
        }
    }

    /// Returns whether the client disconnected before it had sent the whole request body.
    pub(crate) fn was_upload_cut_off(&self) -> bool {
        self.request_size.was_cut_off()
    }

    /// Notes how the response body has ended. What it drops afterwards ends in the same way.
    pub(crate) fn note_body_end(&mut self, end: BodyEnd) {
        self.body_end = Some(end);
    }

    /// Returns how the response body has ended.
    pub(crate) fn body_end(&self) -> Option<BodyEnd> {
        self.body_end
    }

    /// Returns whether the response body is being sent.
    pub(crate) fn is_body_open(&self) -> bool {
        self.head.is_some() && self.body_end.is_none()
    }

    /// Runs `f` after the current poll of the response body, which may turn out to fail.
    pub(crate) fn defer(&mut self, f: AfterPoll) {
        self.after_poll.push(f);
    }

    /// Takes what was deferred until after the poll of the response body.
    pub(crate) fn take_deferred(&mut self) -> Vec<AfterPoll> {
        mem::take(&mut self.after_poll)
    }

    /// Returns whether anything was deferred until after the poll of the response body.
    #[inline]
    pub(crate) fn has_deferred(&self) -> bool {
        !self.after_poll.is_empty()
    }

    /// Notes a panic that leaves the service or the response body.
    pub(super) fn note_service_panic(&mut self) {
        self.panic = Panic::Service { handler: self.panic.is_of_handler() };
    }

    /// Notes a panic that leaves the claiming handler. The request ends as a panic if the response
    /// is a server error, which is what a layer that catches panics sends.
    pub(crate) fn note_handler_panic(&mut self) {
        self.panic = match self.panic {
            Panic::None | Panic::Handler => Panic::Handler,
            Panic::Service { .. } => Panic::Service { handler: true },
        };
    }

    /// Returns whether the response has no body, whatever the handler returns.
    pub(crate) fn is_head_request(&self) -> bool {
        self.method == Method::Head
    }

    /// Returns whether a response of this status turns the connection into a tunnel, and has no
    /// body (RFC 9110, section 9.3.6). HTTP/2 opens a WebSocket in this way.
    pub(crate) fn opens_tunnel(&self, status: StatusCode) -> bool {
        self.method == Method::Connect && status.is_success()
    }

    /// Returns whether the request body is still to be read, by the response body or another task.
    pub(crate) fn is_upload_open(&self) -> bool {
        self.request_size.is_open()
    }

    /// Notes that the response is a stream: the request's duration ends with its head. Returns when
    /// the request arrived.
    pub(crate) fn begin_stream(&mut self) -> Instant {
        self.streams += 1;
        self.started
    }

    /// Withdraws a stream that was dropped before the response head, because the response is not
    /// this stream. Returns false if there is a head already.
    pub(crate) fn withdraw_stream(&mut self) -> bool {
        if self.head.is_some() {
            return false;
        }
        self.streams = self.streams.saturating_sub(1);
        true
    }

    /// Returns whether the duration of the request ends with its head.
    pub(crate) fn ends_with_head(&self) -> bool {
        self.duration_end == DurationEnd::Head || self.streams > 0
    }

    /// Notes the response head. `ends_duration` is true if the request's duration ends with it: the
    /// body is a stream, or is already in memory.
    pub(crate) fn note_head(&mut self, status: StatusCode, ends_duration: bool) {
        if ends_duration {
            self.duration_end = DurationEnd::Head;
        }
        self.head = Some(Head { status, at: Instant::now() });
        if let Some(calls) = &self.calls {
            calls.note_head();
        }
        if let Some(errors) = &self.protocol_errors {
            errors.note_head();
        }
        self.count_returned_errors(self.recording, Some(status));
    }

    /// Returns the trace that the request belongs to.
    #[cfg(feature = "exemplars")]
    pub(super) fn trace(&self) -> Option<Trace> {
        self.trace
    }
}
