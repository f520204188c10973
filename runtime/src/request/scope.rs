//! The scope of one request.
//!
//! The layer owns it, in the response future and then in the response body, and lends it to the
//! thread while it polls: whatever runs inside that poll finds it with [`current`]. It is moved in
//! and out by value, so opening one allocates nothing, and routers called from handlers nest.

use std::borrow::Cow;
use std::cell::RefCell;
use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use http::StatusCode;

use super::{Ending, OpenCalls, end};
use crate::family::{Method, short_name};
use crate::metrics::Metrics;
use crate::site::{EndpointSeries, Site, TokenSeries};

thread_local! {
    static CURRENT: RefCell<Option<Scope>> = const { RefCell::new(None) };
}

/// What is known about the request being served. Closing it counts the request, once; dropping it
/// counts the request as left or panicked.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact that may be true on its own")]
pub(crate) struct Scope {
    metrics: Metrics,
    endpoint: Arc<EndpointSeries>,
    method: Method,
    /// False for what is served without being recorded, and once the request is counted.
    counts: bool,
    claimed: bool,
    panicked: bool,
    started: Instant,
    head: Option<Head>,
    /// Whether the request's duration ends with its head.
    ends_with_head: bool,
    request_size: Option<u64>,
    /// The type of the error that the claiming handler returned, until its status is known.
    exception: Option<&'static str>,
    /// The types of the errors that were reported by hand.
    reported: Vec<&'static str>,
    /// Whether a router called from here has counted the panic that is passing through.
    panic_counted: bool,
    stream: Option<StreamClaim>,
    calls: OpenCalls,
}

/// The response head.
#[derive(Clone, Copy)]
struct Head {
    status: StatusCode,
    at: Instant,
}

/// A handler's word that the response body is its stream.
pub(crate) struct StreamClaim {
    /// The stream is one of server-sent events: a body of another kind is not it.
    pub(crate) events: bool,
    pub(crate) endpoint: Arc<EndpointSeries>,
    pub(crate) model: Cow<'static, str>,
}

impl Scope {
    /// Opens the scope of a request on `endpoint`, a route template.
    pub(crate) fn open(
        metrics: Metrics,
        endpoint: &str,
        method: Method,
        request_size: Option<u64>,
        counts: bool,
    ) -> Self {
        let endpoint = metrics.endpoints().get(endpoint);
        if counts {
            endpoint.method(method).active.inc();
        }
        Self {
            metrics,
            endpoint,
            method,
            counts,
            claimed: false,
            panicked: false,
            started: Instant::now(),
            head: None,
            ends_with_head: false,
            request_size,
            exception: None,
            reported: Vec::new(),
            panic_counted: false,
            stream: None,
            calls: OpenCalls::default(),
        }
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// When the response head was made.
    pub(crate) fn head_at(&self) -> Option<Instant> {
        self.head.map(|head| head.at)
    }

    /// The endpoint a site belongs to within this request.
    pub(crate) fn endpoint_of(&self, site: &'static Site) -> Arc<EndpointSeries> {
        match site.endpoint() {
            Some(_) => self.metrics.endpoints().of_site(site),
            None => Arc::clone(&self.endpoint),
        }
    }

    /// Makes a site the owner of the request, if it is the first. A named endpoint replaces the
    /// matched route from here on.
    pub(crate) fn claim(&mut self, site: &'static Site) -> bool {
        if mem::replace(&mut self.claimed, true) {
            return false;
        }
        if site.endpoint().is_some() {
            let endpoint = self.endpoint_of(site);
            if self.counts {
                endpoint.method(self.method).active.inc();
                self.endpoint.method(self.method).active.dec();
            }
            self.endpoint = endpoint;
        }
        true
    }

    /// Leaves the request out of the request families, as if the layer had not seen it.
    pub(crate) fn exempt(&mut self) {
        if mem::take(&mut self.counts) {
            self.endpoint.method(self.method).active.dec();
        }
    }

    /// Takes the claiming handler's error; it is counted when the response tells its status.
    pub(crate) fn failed_with(&mut self, type_name: &'static str) {
        if !self.reported.contains(&type_name) {
            self.exception = Some(type_name);
        }
    }

    /// Counts an error that a handler reports by hand. Returning it as well adds nothing.
    pub(crate) fn report(&mut self, type_name: &'static str, status: StatusCode) {
        if !self.reported.contains(&type_name) {
            self.reported.push(type_name);
        }
        self.count_exception(type_name, status.as_u16());
    }

    fn count_exception(&self, type_name: &str, status: u16) {
        if self.counts {
            self.endpoint.exception(&short_name(type_name), status);
        }
    }

    /// Counts a failure that no handler owned.
    pub(crate) fn global_exception(&self, exception_type: &str) {
        if self.counts {
            self.metrics.endpoints().global_exception(exception_type);
        }
    }

    /// Whether the response will have no body, whatever the handler returns.
    pub(crate) fn head_only(&self) -> bool {
        self.method == Method::Head
    }

    /// Takes note that the handler has made a stream, and tells when the request entered.
    pub(crate) fn begin_stream(&mut self) -> Instant {
        self.ends_with_head = true;
        self.started
    }

    /// Lets the response body be metered as a stream.
    pub(crate) fn claim_stream(&mut self, claim: StreamClaim) {
        self.stream = Some(claim);
    }

    pub(crate) fn take_stream_claim(&mut self) -> Option<StreamClaim> {
        self.stream.take()
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
            _ => self.endpoint.tokens("", ""),
        }
    }

    /// Takes note of the response head, and of whether the request's duration ends with it: a stream
    /// follows, or nothing that takes time.
    pub(crate) fn head(&mut self, status: StatusCode, ends: bool) {
        self.ends_with_head |= ends;
        self.head = Some(Head { status, at: Instant::now() });
        if let Some(type_name) = self.exception.take() {
            self.count_exception(type_name, status.as_u16());
        }
    }

    /// Counts the request.
    pub(crate) fn close(&mut self, ending: Ending, response_size: Option<u64>) {
        while let Some(call) = self.calls.pop() {
            let endpoint = self.endpoint_of(call.site());
            call.close(&endpoint, ending);
        }
        let end = end(self.head.map(|head| head.status), ending);
        if let Some(type_name) = self.exception.take() {
            self.count_exception(type_name, end.status);
        }
        if ending == Ending::Panicked {
            self.count_panic();
        }
        if !mem::take(&mut self.counts) {
            return;
        }
        let series = self.endpoint.method(self.method);
        series.active.dec();
        series.end(end);
        series.duration(end.outcome).observe_duration(self.duration());
        if let Some(size) = self.request_size {
            series.request_size().observe(size);
        }
        if let Some(size) = response_size {
            series.response_size().observe(size);
        }
    }

    /// Counts a panic once, though it may pass through the scopes of several requests: those of routers
    /// that are called from handlers.
    fn count_panic(&self) {
        if !self.panic_counted {
            self.global_exception("panic");
        }
        if thread::panicking() {
            current(|outer| outer.panic_counted = true);
        }
    }

    /// Counts a request whose response nobody waits for any more.
    pub(crate) fn abandon(&mut self, response_size: Option<u64>) {
        let panicked = self.panicked || thread::panicking();
        self.close(if panicked { Ending::Panicked } else { Ending::Left }, response_size);
    }

    /// From the entry to the end of the response, or to its head.
    fn duration(&self) -> Duration {
        match self.head {
            Some(head) if self.ends_with_head => head.at - self.started,
            _ => self.started.elapsed(),
        }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        self.abandon(None);
    }
}

/// Runs `f` with the scope in `slot` as the thread's current one.
pub(crate) fn enter<R>(slot: &mut Option<Scope>, f: impl FnOnce() -> R) -> R {
    struct Restore<'a> {
        slot: &'a mut Option<Scope>,
        was_panicking: bool,
    }

    impl Drop for Restore<'_> {
        fn drop(&mut self) {
            swap(self.slot);
            // The panic may be caught before the scope is dropped, so it is noted here.
            if let Some(scope) = self.slot
                && !self.was_panicking
                && thread::panicking()
            {
                scope.panicked = true;
            }
        }
    }

    swap(slot);
    let _restore = Restore { slot, was_panicking: thread::panicking() };
    f()
}

fn swap(slot: &mut Option<Scope>) {
    // The thread may be on its way out, with its locals destroyed: then nothing is current.
    let _ = CURRENT.try_with(|current| {
        if let Ok(mut current) = current.try_borrow_mut() {
            mem::swap(&mut *current, slot);
        }
    });
}

/// Runs `f` on the current request's scope, if a request is being served. `f` must not call into
/// the user's code, which may come back here.
pub(crate) fn current<R>(f: impl FnOnce(&mut Scope) -> R) -> Option<R> {
    CURRENT.try_with(|current| current.try_borrow_mut().ok()?.as_mut().map(f)).ok()?
}
