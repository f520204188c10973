//! The end of a request.

use std::mem;
use std::thread;
use std::time::Duration;

use http::StatusCode;

use super::Scope;
use super::state::{Panic, Recording};
use crate::call::RequestCalls;
#[cfg(feature = "exemplars")]
use crate::family::Trace;
use crate::label::Method;
use crate::outcome::{ErrorType, Outcome, RequestEnd, Termination, request_end};
use crate::request::current;
use crate::series::{EndedRequest, PageRoute};

impl Scope {
    /// Records the request and closes its open calls. Further calls do nothing.
    pub(crate) fn close(&mut self, termination: Termination, response_size: Option<u64>) {
        let recording = mem::replace(&mut self.recording, Recording::Done);
        if recording == Recording::Done {
            return;
        }
        let status = self.head.map(|head| head.status);
        let termination = termination.after_upload(self.was_upload_cut_off());
        // Nearly all requests end here: complete, without errors, calls or a panic.
        if recording == Recording::Active
            && termination == Termination::Complete
            && self.panic == Panic::None
            && self.details.get().is_none()
        {
            #[cfg(feature = "exemplars")]
            let outer = Trace::replace_request_trace(self.trace);
            self.record(request_end(status, termination), response_size, None);
            #[cfg(feature = "exemplars")]
            Trace::replace_request_trace(outer);
            return;
        }
        self.close_with_details(recording, termination, response_size);
    }

    /// Records a request that needs more than to be counted.
    fn close_with_details(
        &mut self,
        recording: Recording,
        termination: Termination,
        response_size: Option<u64>,
    ) {
        let status = self.head.map(|head| head.status);
        let details = self.details.get_mut();
        let calls = details.and_then(|details| details.calls.take());
        if let Some(calls) = &calls {
            calls.close_left(termination.for_open_calls(status));
        }
        let protocol_errors = self.details.get().and_then(|it| it.protocol_errors.as_ref());
        let has_failed = protocol_errors.is_some_and(|errors| errors.any());
        let termination = termination
            .after_handler_panic(self.panic.is_of_handler(), status)
            .after_protocol_error(has_failed);
        let end = request_end(status, termination);
        let recording = match recording {
            Recording::Deferred => self.resume_recording(end),
            _ => recording,
        };
        // Counting an exception emits a tracing event, and a subscriber may panic: the request is
        // recorded first.
        #[cfg(feature = "exemplars")]
        let outer = Trace::replace_request_trace(self.trace);
        if let Some(calls) = &calls {
            calls.record_first_tokens();
        }
        if recording == Recording::Active {
            self.record(end, response_size, calls.as_deref());
        }
        #[cfg(feature = "exemplars")]
        Trace::replace_request_trace(outer);
        self.count_returned_errors(recording, None);
        if termination == Termination::Panicked {
            self.count_panic(recording);
        }
    }

    /// Decides whether to record a request at the route of the metrics page, or at what may be this
    /// route, that has not reached the metrics endpoint. The request is not recorded if a guard or
    /// the router has refused it, or if the client has left. Otherwise another handler has served
    /// it, and it is recorded.
    fn resume_recording(&mut self, end: RequestEnd) -> Recording {
        if matches!(end.status, 401 | 403 | 405) || end.outcome == Outcome::Cancelled {
            return Recording::Skipped;
        }
        let endpoint = self.endpoint;
        let is_page_request = matches!(self.method, Method::Get | Method::Head);
        if is_page_request && end.outcome == Outcome::Success && !endpoint.is_beyond_limit() {
            endpoint.set_page_route(PageRoute::No);
        }
        self.begin_active(endpoint);
        Recording::Active
    }

    #[inline]
    fn record(
        &mut self,
        end: RequestEnd,
        response_size: Option<u64>,
        calls: Option<&RequestCalls>,
    ) {
        let Some(active_in) = self.active_in.take() else { return };
        let counted = if self.request_values == self.arrival_values {
            active_in
        } else {
            self.endpoint().requests(self.method)
        };
        let duration = self.duration();
        let request_size = self.request_size.known();
        active_in.record_end(counted, &EndedRequest { end, duration, request_size, response_size });
        if let Some(calls) = calls {
            calls.record(self.endpoint(), self.started + duration);
        }
    }

    /// Counts the errors that the handler returned, each with its status, and the last reported
    /// error if the handler did not return it.
    ///
    /// `head` is the status of the response. If it is an error status, the last returned error gets
    /// it, unless that error has its own. A success or a redirection may come from a layer that has
    /// absorbed the error.
    pub(super) fn count_returned_errors(&mut self, recording: Recording, head: Option<StatusCode>) {
        let Some(details) = self.details.get_mut() else { return };
        let exceptions = &mut details.exceptions;
        if exceptions.is_empty() {
            return;
        }
        let head = head.filter(|status| status.as_u16() >= 400);
        let reported = exceptions.take_held();
        let absorbed = exceptions.take_absorbed();
        let mut returned = exceptions.take_returned();
        if let Some(error) = &mut returned {
            error.status = error.status.or(head);
        }
        if recording == Recording::Active {
            for error in reported.into_iter().chain(absorbed).chain(returned) {
                error.count(self.endpoint());
            }
        }
    }

    /// Counts a panic once, although it may unwind through the scopes of several requests: those of
    /// routers that handlers call.
    fn count_panic(&self, recording: Recording) {
        if thread::panicking() {
            current(|outer| outer.panic_counted = true);
        }
        if !self.panic_counted && recording == Recording::Active {
            let endpoint = self.endpoint.label();
            self.instance.endpoints().count_global_exception(ErrorType::Panic.as_str(), endpoint);
        }
    }

    /// Closes a request whose response was dropped before its end.
    pub(crate) fn abandon(&mut self, response_size: Option<u64>) {
        let termination = match self.panic {
            Panic::Service { .. } => Termination::Panicked,
            Panic::None | Panic::Handler => Termination::ClientDisconnected,
        };
        self.close(termination, response_size);
    }

    /// Returns the time from the request's arrival to the end of its response, or to the head.
    fn duration(&self) -> Duration {
        match self.head {
            Some(head) if self.ends_with_head() => head.at - self.started,
            _ => self.started.elapsed(),
        }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        if self.recording != Recording::Done {
            self.abandon(None);
        }
    }
}
