//! The scope of one request.
//!
//! The layer owns it, first in the response future and then in the response body, and lends it to
//! the thread while it polls either of them: see [`current`](super::current).

mod calls;
mod close;
mod details;
mod endpoint;
mod state;

use std::mem;
use std::sync::Arc;
use std::time::Instant;

#[cfg(feature = "axum")]
use http::Extensions;
use http::StatusCode;

pub(crate) use self::calls::begin_call;
use self::details::RequestDetails;
use self::endpoint::recording_at;
pub(crate) use self::state::BodyEnd;
use self::state::{
    AfterPoll, DurationEnd, EndpointSource, Handler, Head, Identity, Panic, Recording,
};
use super::entry::UNMATCHED;
use super::{ExceptionInfo, RequestError, RequestSize};
use crate::family::RequestLabelValues;
#[cfg(feature = "exemplars")]
use crate::family::Trace;
use crate::label::{BODY_ERROR, Method};
use crate::metrics::Instance;
use crate::outcome::ProtocolErrors;
use crate::series::{EndpointSeries, RequestSeries, RouteTemplate};

/// The state of the request being served. Closing the scope records the request, once. A scope that
/// is dropped before that records a client disconnect or a panic.
pub(crate) struct Scope {
    instance: &'static Instance,
    /// The trace that was current when the request arrived.
    #[cfg(feature = "exemplars")]
    trace: Option<Trace>,
    /// The endpoint without values of the request labels.
    endpoint: &'static EndpointSeries,
    endpoint_source: EndpointSource,
    /// The handler that has claimed the request.
    handler: Option<Handler>,
    /// The series in which the request is counted as active, if it is. They have the values that
    /// the request labels had when the request arrived.
    active_in: Option<&'static RequestSeries>,
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
    request_size: RequestSize,
    details: RequestDetails,
}

/// The properties of a request before the service is called.
pub(crate) struct Entry<'a> {
    /// The template that the request has matched, if it is known.
    pub(crate) template: Option<RouteTemplate<'a>>,
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
    /// Opens the scope of a request in an empty place, so that it is not copied there.
    #[inline]
    pub(crate) fn open_in(place: &mut Option<Self>, instance: &'static Instance, entry: Entry<'_>) {
        let Entry { template, method, request_values, size, recorded, marked } = entry;
        instance.decide_zero_series();
        let endpoints = instance.endpoints();
        let route = template.and_then(|template| endpoints.of_template(&template));
        let endpoint = route.unwrap_or_else(|| endpoints.with_fixed_label(UNMATCHED));
        let recording = if !recorded {
            Recording::Skipped
        } else if route.is_none() && instance.ignores_unmatched() {
            Recording::Pending
        } else {
            recording_at(endpoint, instance, method)
        };
        // Before the request is counted as active.
        let details = RequestDetails::on_arrival(instance, recording, endpoint);
        let active_in = (recording == Recording::Active).then(|| {
            let series = endpoint.with_request_labels(request_values).requests(method);
            series.active().inc();
            series
        });
        *place = Some(Self {
            instance,
            #[cfg(feature = "exemplars")]
            trace: Trace::current(),
            endpoint,
            endpoint_source: match route {
                Some(_) => EndpointSource::Route,
                None => EndpointSource::Unmatched,
            },
            handler: None,
            active_in,
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
            request_size: size,
            details,
        });
    }

    /// Returns whether a request that a nested layer has received is this one, and not one that the
    /// handler has made.
    ///
    /// An annotated handler claims the request before it makes requests of its own. A handler
    /// without an attribute was reached through a route, which differs from the route of its own
    /// requests.
    pub(crate) fn is_same_request(
        &mut self,
        instance: &'static Instance,
        marked: bool,
        route: Option<&str>,
    ) -> bool {
        if !self.instance.is_same_instance(instance) {
            return false;
        }
        match self.endpoint_source {
            EndpointSource::Handler => return false,
            EndpointSource::Route
                if !self.endpoint.is_beyond_limit() && route != Some(self.endpoint.label()) =>
            {
                return false;
            }
            EndpointSource::Route | EndpointSource::Unmatched => {}
        }
        match self.identity {
            Identity::Marked => marked,
            Identity::Unmarked | Identity::SeenAgain => {
                instance.deduplicate_by_mark();
                mem::replace(&mut self.identity, Identity::SeenAgain) == Identity::Unmarked
            }
        }
    }

    pub(crate) fn instance(&self) -> &'static Instance {
        self.instance
    }

    /// Returns the endpoint with the values that the request labels have now.
    pub(crate) fn endpoint(&self) -> &'static EndpointSeries {
        self.endpoint.with_request_labels(self.request_values)
    }

    /// Counts the request as active at an endpoint, and no longer at another one.
    fn begin_active(&mut self, endpoint: &'static EndpointSeries) {
        let series = endpoint.with_request_labels(self.arrival_values).requests(self.method);
        series.active().inc();
        let before = self.active_in.replace(series);
        if let Some(before) = before {
            before.active().dec();
        }
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
            self.details.get_or_create().exceptions.note_returned(error);
        }
    }

    /// Names the returned error as the response says.
    #[cfg(feature = "axum")]
    pub(crate) fn name_returned_error(&mut self, status: StatusCode, extensions: &Extensions) {
        if let Some(details) = self.details.get_mut() {
            details.exceptions.name_returned(status, extensions);
        }
    }

    /// Notes an error that was reported, so that returning it as well does not count again. Returns
    /// the endpoint to count it at, if the request is recorded.
    pub(crate) fn note_reported_error(
        &mut self,
        exception: ExceptionInfo,
    ) -> Option<&'static EndpointSeries> {
        self.details.get_or_create().exceptions.note_reported(exception);
        self.is_recorded().then(|| self.endpoint())
    }

    /// Notes a reported error. An error that was reported by its type is held until the handler
    /// returns, waits or reports another error: if the handler returns the error, the returned
    /// value supplies its name. Returns the errors to count now, in this order, and the endpoint to
    /// count them at.
    pub(crate) fn report_error(
        &mut self,
        error: RequestError,
    ) -> Option<(&'static EndpointSeries, [Option<RequestError>; 2])> {
        let endpoint = self.note_reported_error(error.exception)?;
        let earlier = self.take_held_error();
        let may_be_returned = self.recording == Recording::Active
            && !error.exception.has_own_name()
            && self.handler.as_ref().is_some_and(Handler::is_running);
        if may_be_returned {
            self.details.get_or_create().exceptions.hold(error);
            return Some((endpoint, [earlier, None]));
        }
        Some((endpoint, [earlier, Some(error)]))
    }

    /// Takes the reported error that is held, to count it.
    #[inline]
    pub(crate) fn take_held_error(&mut self) -> Option<RequestError> {
        self.details.get_mut()?.exceptions.take_held()
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
            let endpoint = self.endpoint.label();
            self.instance.endpoints().count_global_exception(exception_type, endpoint);
        }
    }

    /// Returns where streams of this request report error events, on whatever thread they are
    /// polled.
    pub(crate) fn protocol_errors(&mut self) -> Arc<ProtocolErrors> {
        Arc::clone(self.details.get_or_create().protocol_errors.get_or_insert_default())
    }

    /// Counts a failure of the response body, unless the body's source has reported an error
    /// itself.
    pub(crate) fn note_body_error(&self) {
        if !self.details.get().is_some_and(|details| details.exceptions.any_reported()) {
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
        self.details.get_or_create().after_poll.push(f);
    }

    /// Takes what was deferred until after the poll of the response body.
    pub(crate) fn take_deferred(&mut self) -> Vec<AfterPoll> {
        let details = self.details.get_mut();
        details.map(|details| mem::take(&mut details.after_poll)).unwrap_or_default()
    }

    /// Returns whether anything was deferred until after the poll of the response body.
    #[inline]
    pub(crate) fn has_deferred(&self) -> bool {
        self.details.get().is_some_and(|details| !details.after_poll.is_empty())
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
        let Some(details) = self.details.get() else { return };
        if let Some(calls) = &details.calls {
            calls.note_head();
        }
        if let Some(errors) = &details.protocol_errors {
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
