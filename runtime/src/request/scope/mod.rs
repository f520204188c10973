//! The scope of one request.
//!
//! The layer owns it, in the response future and then in the response body, and lends it to the
//! thread while it polls: whatever runs inside that poll finds it with [`current`](super::current).

mod close;

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;

use super::exception::Exceptions;
use super::gate::UNMATCHED;
use super::{
    CallClaim, CallId, Exception, Failures, Gate, OpenCall, OpenCalls, Readings, RequestSize,
    StreamClaim,
};
use crate::family::Method;
#[cfg(feature = "exemplars")]
use crate::family::Trace;
use crate::metrics::Metrics;
use crate::site::{EndpointSeries, Kind, Site, TokenSeries};

/// What is known about the request being served. Closing it counts the request, once; dropping it
/// counts the request as left or panicked.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact that may be true on its own")]
pub(crate) struct Scope {
    gate: Arc<Gate>,
    /// The trace that it came in with.
    #[cfg(feature = "exemplars")]
    trace: Option<Trace>,
    /// There where it is not the gate's usual one.
    endpoint: Option<Arc<EndpointSeries>>,
    kind: Kind,
    marked: bool,
    /// Whether it has come by another layer, as far as an unmarked request can be told.
    passed_again: bool,
    /// False for what is served without being recorded.
    counts: bool,
    closed: bool,
    /// Whether the request is to be recorded once it is known who takes it.
    waits: bool,
    /// Whether `endpoint` is more than the want of a route.
    matched: bool,
    claimed: bool,
    /// All of the response has been handed over, whether its source was asked for its end or not.
    delivered: bool,
    /// What has failed within its protocol; there once a protocol is read.
    failures: Option<Arc<Failures>>,
    /// A panic has passed through the service or the body.
    panicked: bool,
    /// A panic has passed through the claiming handler, and may have been caught since.
    handler_panicked: bool,
    started: Instant,
    head: Option<Head>,
    /// Whether the request's duration ends with its head.
    ends_with_head: bool,
    request_size: RequestSize,
    exceptions: Exceptions,
    /// Whether a router called from here has counted the panic that is passing through.
    panic_counted: bool,
    stream: Option<StreamClaim>,
    call: Option<CallClaim>,
    calls: OpenCalls,
    readings: Readings,
}

/// A request as it enters.
pub(crate) struct Entry<'a> {
    /// The template of the route that took it, where one is known.
    pub(crate) route: Option<&'a str>,
    pub(crate) kind: Kind,
    pub(crate) size: RequestSize,
    /// Whether it is to be recorded.
    pub(crate) counts: bool,
    /// Whether it carries the layer's mark.
    pub(crate) marked: bool,
}

/// The response head.
#[derive(Clone, Copy)]
struct Head {
    status: StatusCode,
    at: Instant,
}

impl Scope {
    /// Opens the scope of a request.
    #[inline]
    pub(crate) fn open(gate: Arc<Gate>, entry: Entry<'_>) -> Self {
        let Entry { route, kind, size, counts, marked } = entry;
        let endpoint = gate.other(route.unwrap_or(UNMATCHED));
        let matched = route.is_some();
        let waits = counts && !matched && gate.metrics().ignores_unmatched();
        let counts = counts && !waits;
        if counts {
            endpoint.as_ref().unwrap_or_else(|| gate.usual()).requests(kind).active.inc();
        }
        Self {
            gate,
            #[cfg(feature = "exemplars")]
            trace: Trace::current(),
            endpoint,
            kind,
            marked,
            passed_again: false,
            counts,
            closed: false,
            waits,
            matched,
            claimed: false,
            delivered: false,
            failures: None,
            panicked: false,
            handler_panicked: false,
            started: Instant::now(),
            head: None,
            ends_with_head: false,
            request_size: size,
            exceptions: Exceptions::default(),
            panic_counted: false,
            stream: None,
            call: None,
            calls: OpenCalls::default(),
            readings: Readings::default(),
        }
    }

    /// Whether a request that a layer further in has got is this one, and not one that the handler
    /// has made. A handler that is annotated has begun before it makes any, and one that is not was taken
    /// to by a route, which is none of its own request's.
    pub(crate) fn passes_again(
        &mut self,
        metrics: &Metrics,
        marked: bool,
        route: Option<&str>,
    ) -> bool {
        let elsewhere = self.matched && route != Some(self.endpoint().label());
        if !self.metrics().is(metrics) || self.claimed || elsewhere {
            false
        } else if self.marked {
            marked
        } else {
            metrics.mark_from_now_on();
            !mem::replace(&mut self.passed_again, true)
        }
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        self.gate.metrics()
    }

    fn endpoint(&self) -> &Arc<EndpointSeries> {
        self.endpoint.as_ref().unwrap_or_else(|| self.gate.usual())
    }

    /// When the response head was made.
    pub(crate) fn head_at(&self) -> Option<Instant> {
        self.head.map(|head| head.at)
    }

    /// The endpoint a site belongs to within this request.
    pub(crate) fn endpoint_of(&self, site: &'static Site) -> Arc<EndpointSeries> {
        match site.endpoint() {
            Some(_) => Arc::clone(self.metrics().endpoints().of_site(site)),
            None => Arc::clone(self.endpoint()),
        }
    }

    /// Makes a site the owner of the request, if it is the first. A named endpoint replaces the
    /// matched route from here on.
    pub(crate) fn claim(&mut self, site: &'static Site) -> bool {
        if mem::replace(&mut self.claimed, true) {
            return false;
        }
        #[cfg(feature = "exemplars")]
        {
            // The span may be one that the handler has made.
            self.trace = self.trace.or_else(Trace::current);
        }
        if site.endpoint().is_some() || !self.matched {
            self.move_to(Arc::clone(self.metrics().endpoints().of_site(site)));
        }
        true
    }

    /// Takes note of the route that took the request, where the layer that counts it stands too far
    /// outside to know.
    pub(crate) fn matched(&mut self, route: &str) {
        if !self.matched && !self.claimed {
            self.move_to(self.metrics().endpoints().get(route));
        }
    }

    fn move_to(&mut self, endpoint: Arc<EndpointSeries>) {
        self.matched = true;
        if mem::take(&mut self.waits) {
            self.counts = true;
            endpoint.requests(self.kind).active.inc();
        } else if self.counts {
            endpoint.requests(self.kind).active.inc();
            self.endpoint().requests(self.kind).active.dec();
        }
        self.endpoint = Some(endpoint);
    }

    /// Leaves the request out of the request families, as if the layer had not seen it.
    pub(crate) fn exempt(&mut self) {
        self.waits = false;
        if mem::take(&mut self.counts) {
            self.endpoint().requests(self.kind).active.dec();
        }
    }

    /// Takes the claiming handler's error; it is counted when the response tells its status.
    pub(crate) fn failed_with(&mut self, exception: Exception) {
        self.exceptions.returned(exception);
    }

    /// Takes note of an error that is reported by hand, so that returning it as well adds nothing, and
    /// tells where to count it.
    pub(crate) fn report(&mut self, exception: Exception) -> Option<Arc<EndpointSeries>> {
        self.exceptions.reported(exception);
        self.counts.then(|| Arc::clone(self.endpoint()))
    }

    fn count_returned(&mut self, status: u16) {
        if let Some(exception) = self.exceptions.take().filter(|_| self.counts) {
            self.endpoint().exception(&exception.label(), status);
        }
    }

    /// Takes note of an error that is reported as nobody's, so that returning it as well adds nothing, and
    /// tells where to count it and at which endpoint it happened.
    pub(crate) fn report_global(
        &mut self,
        exception: Exception,
    ) -> Option<(Metrics, Arc<EndpointSeries>)> {
        self.exceptions.reported(exception);
        self.counts.then(|| (self.metrics().clone(), Arc::clone(self.endpoint())))
    }

    /// Counts a failure that no handler owned.
    pub(crate) fn global_exception(&self, exception_type: &str) {
        if self.counts {
            let endpoint = self.endpoint().label();
            self.metrics().endpoints().global_exception(exception_type, endpoint);
        }
    }

    /// Where a stream says that it has failed, wherever it is polled.
    pub(crate) fn failures(&mut self) -> Arc<Failures> {
        Arc::clone(self.failures.get_or_insert_default())
    }

    /// The response body has failed. What its generator has reported by hand it has not lost, too.
    pub(crate) fn body_failed(&self) {
        if !self.exceptions.any_reported() {
            self.global_exception("BodyError");
        }
    }

    /// All of the response has been handed over.
    pub(crate) fn note_delivered(&mut self) {
        self.delivered = true;
    }

    /// Whether all of the response has been handed over.
    pub(crate) fn is_delivered(&self) -> bool {
        self.delivered
    }

    /// A panic passes through the service or the body.
    pub(super) fn note_panic(&mut self) {
        self.panicked = true;
    }

    /// A panic passes through the claiming handler. It is the request's end if it becomes a server's
    /// error, as a layer that catches panics makes one of it.
    pub(crate) fn note_handler_panic(&mut self) {
        self.handler_panicked = true;
    }

    /// Whether the response will have no body, whatever the handler returns.
    pub(crate) fn head_only(&self) -> bool {
        self.kind.method == Method::Head
    }

    /// Takes note that the handler has made a stream, and tells when the request entered.
    pub(crate) fn begin_stream(&mut self) -> Instant {
        self.ends_with_head = true;
        self.started
    }

    /// Whether the response body is said to be a stream, or the reply of a call.
    pub(crate) fn has_claims(&self) -> bool {
        self.stream.is_some() || self.call.is_some()
    }

    /// The replies whose protocol is read.
    pub(crate) fn readings(&mut self) -> &mut Readings {
        &mut self.readings
    }

    /// Lets the response body be metered as a stream.
    pub(crate) fn claim_stream(&mut self, claim: StreamClaim) {
        self.stream = Some(claim);
    }

    pub(crate) fn take_stream_claim(&mut self) -> Option<StreamClaim> {
        self.stream.take()
    }

    /// Lets the response body be read as the reply of a call.
    pub(crate) fn claim_call(&mut self, claim: CallClaim) {
        self.call = Some(claim);
    }

    /// The call whose reply the response body is, if it is still open.
    pub(crate) fn take_call_claim(&mut self, events: bool) -> Option<OpenCall> {
        let claim = self.call.take().filter(|claim| events || !claim.events)?;
        self.calls.end(claim.call)
    }

    /// Leaves a call open, if it began in this request.
    pub(crate) fn leave_call(&mut self, id: CallId) -> bool {
        let is_claimed = self.stream.as_ref().is_some_and(|claim| claim.call == Some(id));
        self.calls.leave(id, is_claimed);
        self.calls.has_begun(id)
    }

    /// The model calls that have begun in this request and not ended.
    pub(crate) fn calls(&mut self) -> &mut OpenCalls {
        &mut self.calls
    }

    /// The series that usage recorded by hand belongs to: the newest call's, else the request's.
    pub(crate) fn token_series(&mut self) -> Arc<TokenSeries> {
        let site = self.calls.newest().map(|call| call.site());
        let endpoint = site.map(|site| self.endpoint_of(site));
        match (self.calls.newest(), endpoint) {
            (Some(call), Some(endpoint)) => call.series(&endpoint, None),
            _ => self.endpoint().tokens("", ""),
        }
    }

    /// Takes note of the response head, and of whether the request's duration ends with it: a stream
    /// follows, or nothing that takes time.
    pub(crate) fn head(&mut self, status: StatusCode, ends: bool) {
        self.ends_with_head |= ends;
        self.head = Some(Head { status, at: Instant::now() });
        if let Some(failures) = &self.failures {
            failures.note_head();
        }
        self.count_returned(status.as_u16());
    }

    /// The trace that the request belongs to.
    #[cfg(feature = "exemplars")]
    pub(super) fn trace(&self) -> Option<Trace> {
        self.trace
    }
}
