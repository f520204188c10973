//! The scope of one request.
//!
//! The layer owns it, first in the response future and then in the response body, and lends it to
//! the thread while it polls either of them: see [`current`](super::current).

mod close;
mod state;

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;

use self::state::{DurationEnd, EndpointSource, Head, Identity, Panic, Recording};
use super::entry::UNMATCHED;
use super::exception::RequestExceptions;
use super::{ActiveReplies, ExceptionInfo, ExpectedReply, RequestSize, ServiceState, StreamInfo};
use crate::call::{CallId, OpenCall, OpenCalls};
use crate::callsite::Site;
#[cfg(feature = "exemplars")]
use crate::family::Trace;
use crate::label::{BODY_ERROR, Method};
use crate::metrics::Metrics;
use crate::outcome::ProtocolErrors;
use crate::series::{EndpointSeries, RequestLabels, TokenSeries};

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
    labels: RequestLabels,
    recording: Recording,
    identity: Identity,
    panic: Panic,
    /// Whether the panic that unwinds now was counted by the scope of an inner router.
    panic_counted: bool,
    started: Instant,
    head: Option<Head>,
    duration_end: DurationEnd,
    /// Whether the whole response body was handed to the transport, which may drop the body without
    /// polling it for its end.
    delivered: bool,
    request_size: RequestSize,
    exceptions: RequestExceptions,
    expected_stream: Option<StreamInfo>,
    expected_reply: Option<ExpectedReply>,
    calls: OpenCalls,
    active_replies: ActiveReplies,
    /// Created with the first stream whose protocol is parsed.
    protocol_errors: Option<Arc<ProtocolErrors>>,
}

/// The properties of a request before the service is called.
pub(crate) struct Entry<'a> {
    /// The template of the matched route, if it is known.
    pub(crate) route: Option<&'a str>,
    pub(crate) labels: RequestLabels,
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
        let Entry { route, labels, size, recorded, marked } = entry;
        let endpoint = service.lookup_endpoint(route.unwrap_or(UNMATCHED));
        let recording = if !recorded {
            Recording::Skipped
        } else if route.is_none() && service.metrics().ignores_unmatched() {
            Recording::Pending
        } else {
            endpoint
                .as_ref()
                .unwrap_or_else(|| service.cached_endpoint())
                .requests(labels)
                .active
                .inc();
            Recording::Active
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
            labels,
            recording,
            identity: if marked { Identity::Marked } else { Identity::Unmarked },
            panic: Panic::None,
            panic_counted: false,
            started: Instant::now(),
            head: None,
            duration_end: DurationEnd::Body,
            delivered: false,
            request_size: size,
            exceptions: RequestExceptions::default(),
            expected_stream: None,
            expected_reply: None,
            calls: OpenCalls::default(),
            active_replies: ActiveReplies::default(),
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
            EndpointSource::Route if route != Some(self.endpoint().label()) => return false,
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

    fn endpoint(&self) -> &Arc<EndpointSeries> {
        self.endpoint.as_ref().unwrap_or_else(|| self.service.cached_endpoint())
    }

    fn is_recorded(&self) -> bool {
        self.recording == Recording::Active
    }

    /// Returns when the response head was made.
    pub(crate) fn head_at(&self) -> Option<Instant> {
        self.head.map(|head| head.at)
    }

    /// Returns the endpoint of a call site within this request: the one that its attribute names,
    /// else the endpoint of the request.
    pub(crate) fn endpoint_for_site(&self, site: &'static Site) -> Arc<EndpointSeries> {
        match site.endpoint() {
            Some(_) => Arc::clone(self.metrics().endpoints().for_site(site)),
            None => Arc::clone(self.endpoint()),
        }
    }

    /// Makes the function of a call site the handler of the request. Returns whether it is the
    /// first function to claim the request. An endpoint that its attribute names replaces the
    /// route.
    pub(crate) fn claim(&mut self, site: &'static Site) -> bool {
        if self.endpoint_source == EndpointSource::Handler {
            return false;
        }
        #[cfg(feature = "exemplars")]
        {
            // The handler may have entered a span of its own before this.
            self.trace = self.trace.or_else(Trace::current);
        }
        if site.endpoint().is_some() || self.endpoint_source == EndpointSource::Unmatched {
            self.set_endpoint(Arc::clone(self.metrics().endpoints().for_site(site)));
        }
        self.endpoint_source = EndpointSource::Handler;
        true
    }

    /// Sets the endpoint to the route that a nested layer has seen, if no endpoint is known. A
    /// layer around a whole router does not see the route itself.
    pub(crate) fn note_route(&mut self, route: &str) {
        if self.endpoint_source == EndpointSource::Unmatched {
            self.set_endpoint(self.metrics().endpoints().get_or_create(route));
            self.endpoint_source = EndpointSource::Route;
        }
    }

    fn set_endpoint(&mut self, endpoint: Arc<EndpointSeries>) {
        match self.recording {
            Recording::Pending => {
                self.recording = Recording::Active;
                endpoint.requests(self.labels).active.inc();
            }
            Recording::Active => {
                endpoint.requests(self.labels).active.inc();
                self.endpoint().requests(self.labels).active.dec();
            }
            Recording::Skipped | Recording::Done => {}
        }
        self.endpoint = Some(endpoint);
    }

    /// Removes the request from the request families, as if the layer had not seen it.
    pub(crate) fn skip_recording(&mut self) {
        match self.recording {
            Recording::Active => {
                self.endpoint().requests(self.labels).active.dec();
                self.recording = Recording::Skipped;
            }
            Recording::Pending => self.recording = Recording::Skipped,
            Recording::Skipped | Recording::Done => {}
        }
    }

    /// Notes the error that the claiming handler returned. It is counted when the status is known.
    pub(crate) fn note_returned_error(&mut self, exception: ExceptionInfo) {
        self.exceptions.note_returned(exception);
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

    /// Counts a failure that belongs to no handler, if the request is recorded.
    pub(crate) fn count_global_exception(&self, exception_type: &str) {
        if self.is_recorded() {
            let endpoint = self.endpoint().label();
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

    /// Notes that the whole response body was handed to the transport.
    pub(crate) fn note_delivered(&mut self) {
        self.delivered = true;
    }

    /// Returns whether the whole response body was handed to the transport.
    pub(crate) fn is_delivered(&self) -> bool {
        self.delivered
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
        self.labels.method == Method::Head
    }

    /// Notes that the response is a stream: the request's duration ends with its head. Returns when
    /// the request arrived.
    pub(crate) fn begin_stream(&mut self) -> Instant {
        self.duration_end = DurationEnd::Head;
        self.started
    }

    /// Returns whether an attribute expects the response body to be a stream or the reply of a
    /// call.
    pub(crate) fn has_expected_body(&self) -> bool {
        self.expected_stream.is_some() || self.expected_reply.is_some()
    }

    pub(crate) fn active_replies(&mut self) -> &mut ActiveReplies {
        &mut self.active_replies
    }

    /// Makes the layer meter the response body as this stream.
    pub(crate) fn expect_stream(&mut self, stream: StreamInfo) {
        self.expected_stream = Some(stream);
    }

    /// Takes the stream that the response body is expected to be.
    pub(crate) fn take_expected_stream(&mut self, is_event_stream: bool) -> Option<StreamInfo> {
        self.expected_stream.take().filter(|stream| is_event_stream || !stream.events_only)
    }

    /// Makes the layer parse the response body as the reply of a call.
    pub(crate) fn expect_reply(&mut self, reply: ExpectedReply) {
        self.expected_reply = Some(reply);
    }

    /// Takes the call whose reply the response body is expected to be, if the call is still open.
    pub(crate) fn take_expected_reply(&mut self, is_event_stream: bool) -> Option<OpenCall> {
        let reply =
            self.expected_reply.take().filter(|reply| is_event_stream || !reply.events_only)?;
        self.calls.end(reply.call)
    }

    /// Leaves a call open until the request ends. Returns whether the call began in this request.
    pub(crate) fn leave_call(&mut self, id: CallId) -> bool {
        let has_stream =
            self.expected_stream.as_ref().is_some_and(|stream| stream.call == Some(id));
        self.calls.leave(id, has_stream);
        self.calls.has_begun(id)
    }

    /// Returns the model calls of this request that are open.
    pub(crate) fn calls(&mut self) -> &mut OpenCalls {
        &mut self.calls
    }

    /// Returns the series that manually recorded usage belongs to: those of the newest open call,
    /// else those of the request's endpoint.
    pub(crate) fn token_series(&mut self) -> Arc<TokenSeries> {
        let site = self.calls.newest().map(|call| call.site());
        let endpoint = site.map(|site| self.endpoint_for_site(site));
        match (self.calls.newest(), endpoint) {
            (Some(call), Some(endpoint)) => call.series(&endpoint, None),
            _ => self.endpoint().tokens("", ""),
        }
    }

    /// Notes the response head. `ends_duration` is true if the request's duration ends with it: the
    /// body is a stream, or is already in memory.
    pub(crate) fn note_head(&mut self, status: StatusCode, ends_duration: bool) {
        if ends_duration {
            self.duration_end = DurationEnd::Head;
        }
        self.head = Some(Head { status, at: Instant::now() });
        if let Some(errors) = &self.protocol_errors {
            errors.note_head();
        }
        self.count_returned_error(self.recording, status.as_u16());
    }

    /// Returns the trace that the request belongs to.
    #[cfg(feature = "exemplars")]
    pub(super) fn trace(&self) -> Option<Trace> {
        self.trace
    }
}
