//! `#[instrument_endpoint]`: what one call of an annotated function records.

mod call_error;
mod error_status;
mod inspect;

use std::mem;
use std::thread;
use std::time::Instant;

use http::StatusCode;

pub use self::call_error::{
    InspectCallError, InspectCallErrors, InspectInnerCallError, InspectNoCallError, note_failure,
};
pub use self::error_status::{
    InspectErrorStatus, InspectErrorStatuses, InspectInnerErrorStatus, InspectNoErrorStatus,
};
pub use self::inspect::{
    HasStatus, InspectAny, InspectInnerNamedError, InspectNamedError, InspectNamedErrors,
    InspectNestedResult, InspectNestedResultWithStatus, InspectResult, InspectResultWithStatus,
    InspectStatus, InspectUnnamed, Inspected, ResultInfo, StatusFirst,
};
use crate::call::{CallErrorType, EnterCall, EnteredCall};
use crate::callsite::Site;
use crate::metrics::Instance;
use crate::outcome::{ErrorType, Termination, request_end};
use crate::request::{self, RequestError, Serving};
use crate::series::{EndedRequest, RequestSeries, warn_named_handler};

/// The guard of a running function. Dropping it without [`finish`] records that the function was
/// cancelled or has panicked.
#[must_use]
pub struct EndpointGuard(Role);

/// The role that the function has while a request is served.
enum Role {
    /// The function is the handler of a request that the layer records.
    Handler(HandlerGuard),
    /// The function was called by the handler of such a request.
    Helper,
    /// The instance that would record the function is disabled.
    Unrecorded,
    /// There is no request: the function records itself.
    Standalone(StandaloneCall),
}

/// Notes the end of the handler, and a panic while it unwinds.
struct HandlerGuard;

/// A function that runs outside any request.
struct StandaloneCall {
    series: &'static RequestSeries,
    started: Instant,
    is_open: bool,
}

/// Starts a function of this call site.
pub fn start(site: &'static Site) -> EndpointGuard {
    EndpointGuard(match request::serving(|scope| scope.claim(site)) {
        Serving::Request(true) => {
            if site.is_named() && site.is_first_named_handler() {
                warn_named_handler(site.function(), site.endpoint());
            }
            Role::Handler(HandlerGuard)
        }
        Serving::Request(false) => Role::Helper,
        Serving::Disabled => Role::Unrecorded,
        Serving::Nothing => StandaloneCall::start(site).map_or(Role::Unrecorded, Role::Standalone),
    })
}

/// Finishes a function with the status and the error of its return value.
pub fn finish(guard: EndpointGuard, result: ResultInfo) {
    match guard.0 {
        Role::Handler(handler) => handler.finish(result),
        Role::Helper | Role::Unrecorded => {}
        Role::Standalone(mut call) => call.finish(result),
    }
}

impl HandlerGuard {
    fn finish(self, result: ResultInfo) {
        let status = result.status;
        let error = result.exception.map(|exception| RequestError::returned(exception, status));
        request::current(|scope| scope.end_handler(error));
        mem::forget(self);
    }
}

impl StandaloneCall {
    /// Returns `None` if the global instance is disabled.
    fn start(site: &'static Site) -> Option<Self> {
        let endpoint = Instance::for_site_outside_requests(site)?.endpoints().for_site(site);
        let series = endpoint.requests(site.method());
        series.active().inc();
        Some(Self { series, started: Instant::now(), is_open: true })
    }

    /// Records the function. Without a status in the return value, an error is recorded as 500 and
    /// any other value as 200.
    fn finish(&mut self, result: ResultInfo) {
        let status = result.status.unwrap_or(match result.exception {
            None => StatusCode::OK,
            Some(_) => StatusCode::INTERNAL_SERVER_ERROR,
        });
        if let Some(exception) = result.exception {
            let (label, status) = (exception.label(), Some(status.as_u16()));
            self.series.endpoint().count_exception(label, status);
            self.series.endpoint().log_exception(label, status);
        }
        self.close(Some(status), Termination::Complete);
    }

    fn close(&mut self, status: Option<StatusCode>, termination: Termination) {
        self.is_open = false;
        let end = request_end(status, termination);
        self.series.record_end(
            self.series,
            &EndedRequest {
                end,
                duration: self.started.elapsed(),
                request_size: None,
                response_size: None,
            },
        );
    }
}

impl Drop for HandlerGuard {
    fn drop(&mut self) {
        request::current(|scope| {
            scope.end_handler(None);
            if thread::panicking() {
                scope.note_handler_panic();
            }
        });
    }
}

impl Drop for StandaloneCall {
    fn drop(&mut self) {
        if !self.is_open {
            return;
        }
        if thread::panicking() {
            Instance::implicit_global()
                .endpoints()
                .count_global_exception(ErrorType::Panic.as_str(), self.series.endpoint().label());
            self.close(None, Termination::Panicked);
        } else {
            self.close(None, Termination::ClientDisconnected);
        }
    }
}

impl EnterCall for EndpointGuard {
    fn enter_call(&self) -> EnteredCall {
        EnteredCall::NONE
    }

    fn note_failure(&self, _: CallErrorType) {}
}
