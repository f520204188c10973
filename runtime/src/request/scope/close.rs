//! The end of a request.

use std::mem;
use std::thread;
use std::time::Duration;

use super::Scope;
#[cfg(feature = "exemplars")]
use crate::family::Trace;
use crate::request::{Ending, current, end};
use crate::site::End;

impl Scope {
    /// Counts the request, unless that has been done.
    pub(crate) fn close(&mut self, ending: Ending, response_size: Option<u64>) {
        if mem::replace(&mut self.closed, true) {
            return;
        }
        let status = self.head.map(|head| head.status);
        let calls_ending = ending.of_calls(status);
        while let Some(call) = self.calls.pop() {
            call.close_with_request(|site| self.endpoint_of(site), calls_ending);
        }
        let failed = self.failures.as_ref().is_some_and(|failures| failures.any());
        let ending = ending.after_panic(self.handler_panicked, status).after_failure(failed);
        let end = end(status, ending);
        // First what cannot fail: exceptions are told of, and whoever is told may panic.
        if self.counts {
            self.record(end, response_size);
        }
        self.count_returned(end.status);
        if ending == Ending::Panicked {
            self.count_panic();
        }
    }

    fn record(&self, end: End, response_size: Option<u64>) {
        let series = self.endpoint().requests(self.kind);
        series.active.dec();
        let ended = series.end(end);
        #[cfg(feature = "exemplars")]
        let before = Trace::of_request(self.trace);
        ended.duration.observe_duration(self.duration());
        #[cfg(feature = "exemplars")]
        Trace::of_request(before);
        if let Some(size) = self.request_size.now() {
            series.request_size().observe(size);
        }
        if let Some(size) = response_size {
            series.response_size().observe(size);
        }
    }

    /// Counts a panic once, though it may pass through the scopes of several requests: those of routers
    /// that are called from handlers.
    fn count_panic(&self) {
        if thread::panicking() {
            current(|outer| outer.panic_counted = true);
        }
        if !self.panic_counted {
            self.global_exception("panic");
        }
    }

    /// Counts a request whose response nobody waits for any more.
    pub(crate) fn abandon(&mut self, response_size: Option<u64>) {
        self.close(if self.panicked { Ending::Panicked } else { Ending::Left }, response_size);
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
