//! `#[instrument_endpoint]`: what one call of an annotated function records.

mod verdict;

use std::thread;
use std::time::Instant;

use http::StatusCode;

pub use self::verdict::{
    HasStatus, Named, OfAny, OfResult, OfStatus, OfStatusResult, Reply, Unnamed, Verdict,
};
use crate::callsite::Site;
use crate::metrics::Metrics;
use crate::outcome::{Termination, request_end};
use crate::request::{self, Scope};
use crate::series::{EndpointSeries, RequestSeries};

/// The open call of an annotated function. Dropped without [`finish`], it was cancelled or panicked.
#[must_use]
pub struct EndpointGuard(State);

enum State {
    /// The function serves a request that the layer counts, as its handler.
    Owner(Handler),
    /// The function was called by the handler of such a request.
    Helper,
    /// There is no request: the function records by itself.
    Alone(Call),
}

struct Handler;

struct Call {
    endpoint: &'static EndpointSeries,
    series: &'static RequestSeries,
    started: Instant,
    open: bool,
}

/// Begins a call.
pub fn start(site: &'static Site) -> EndpointGuard {
    EndpointGuard(match request::current(|scope| scope.claim(site)) {
        Some(true) => State::Owner(Handler),
        Some(false) => State::Helper,
        None => State::Alone(Call::start(site)),
    })
}

/// Ends a call with what its result says.
pub fn finish(guard: EndpointGuard, verdict: Verdict) {
    match guard.0 {
        State::Owner(_) => {
            if let Some(exception) = verdict.exception {
                request::current(|scope| scope.note_returned_error(exception));
            }
        }
        State::Helper => {}
        State::Alone(mut call) => call.finish(verdict),
    }
}

impl Call {
    fn start(site: &'static Site) -> Self {
        let endpoint = Metrics::global().endpoints().for_site(site);
        let series = endpoint.requests(site.method().into());
        series.active.inc();
        Self { endpoint, series, started: Instant::now(), open: true }
    }

    /// Where only the function is known, a result without a status of its own is 200, an error 500.
    fn finish(&mut self, verdict: Verdict) {
        let status = verdict.status.unwrap_or(match verdict.exception {
            None => StatusCode::OK,
            Some(_) => StatusCode::INTERNAL_SERVER_ERROR,
        });
        if let Some(exception) = verdict.exception {
            self.endpoint.count_exception(&exception.label(), status.as_u16());
        }
        self.close(Some(status), Termination::Complete);
    }

    fn close(&mut self, status: Option<StatusCode>, ending: Termination) {
        self.open = false;
        let end = request_end(status, ending);
        self.series.active.dec();
        self.series.end(end).duration.observe_duration(self.started.elapsed());
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        if thread::panicking() {
            request::current(Scope::note_handler_panic);
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        if thread::panicking() {
            Metrics::global().endpoints().count_global_exception("panic", self.endpoint.label());
            self.close(None, Termination::Panicked);
        } else {
            self.close(None, Termination::ClientDisconnected);
        }
    }
}
