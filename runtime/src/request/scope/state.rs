//! The states of a request.

use std::ptr;
use std::time::Instant;

use http::StatusCode;

use crate::callsite::Site;

/// Whether the request is recorded in the request and exception families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recording {
    /// The request is served without being recorded.
    Skipped,
    /// The request is recorded as soon as a route or an attribute sets its endpoint.
    Pending,
    /// The request has arrived at the route of the metrics page, or at what may be this route. It
    /// becomes active when an annotated handler claims it. Otherwise it is recorded when it ends,
    /// unless a guard or the router has refused it or the client has left.
    Deferred,
    /// The request is counted in `active_requests`, and recorded when it ends.
    Active,
    /// The request has ended.
    Done,
}

/// What has set the `endpoint` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndpointSource {
    /// Nothing: no route is known, and the label is `unmatched`.
    Unmatched,
    /// The route that the request matched.
    Route,
    /// An annotated handler has claimed the request. The label is the endpoint that its attribute
    /// names, else the route.
    Handler,
}

/// The function that has claimed a request.
#[derive(Clone, Copy)]
pub(super) struct Handler {
    site: &'static Site,
    is_running: bool,
}

impl Handler {
    /// The handler starts for the first time.
    pub(super) fn new(site: &'static Site) -> Self {
        Self { site, is_running: true }
    }

    /// Notes that a function starts. Returns whether it is the handler, which a layer has called
    /// again. A handler that calls itself while it runs does not start another attempt.
    pub(super) fn begin_attempt(&mut self, site: &'static Site) -> bool {
        let is_attempt = ptr::eq(self.site, site) && !self.is_running;
        self.is_running |= is_attempt;
        is_attempt
    }

    /// Returns whether the handler has not ended.
    pub(super) fn is_running(&self) -> bool {
        self.is_running
    }

    /// Notes that the handler has ended.
    pub(super) fn end(&mut self) {
        self.is_running = false;
    }
}

/// How a nested layer recognizes that it got this request, and not one that the handler has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// By the mark in the request's extensions.
    Marked,
    /// The request has no mark: the next request that a layer gets inside this scope is this one.
    Unmarked,
    /// The request has no mark, and a nested layer has got it already.
    SeenAgain,
}

/// The panics that have passed through the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Panic {
    None,
    /// A panic left the claiming handler. It may have been caught since, and turned into a
    /// response.
    Handler,
    /// A panic left the service or the response body. The claiming handler may have panicked as
    /// well, or before.
    Service {
        handler: bool,
    },
}

impl Panic {
    /// Returns whether a panic left the claiming handler.
    pub(super) fn is_of_handler(self) -> bool {
        matches!(self, Self::Handler | Self::Service { handler: true })
    }
}

/// Where the duration of a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DurationEnd {
    Head,
    Body,
}

/// The response head.
#[derive(Clone, Copy)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) at: Instant,
}

/// How the response body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyEnd {
    /// The whole body was handed to the transport, which may drop it without polling it for its
    /// end.
    Delivered,
    /// The body failed, whether its source did or a layer around the source.
    Failed,
    /// The body was dropped before its end: the client disconnected.
    Dropped,
}

/// Runs when it is known whether the response body has failed.
pub(super) type AfterPoll = Box<dyn FnOnce(Option<BodyEnd>) + Send>;
