//! Errors by type: what handlers return, what they report, and what nobody owned.

mod kind;

use http::StatusCode;

pub use self::kind::ExceptionType;
use crate::metrics::Metrics;
use crate::request::{self, Exception};

/// Counts an error in `exceptions_total`, by the name of its type and the status it became.
///
/// Inside a request that the layer serves the endpoint is the request's, and an error that the handler
/// reports by hand and returns as well is counted once; returning it is enough. Outside, the endpoint is
/// empty ("not known"), in the global instance.
///
/// Only the type's name becomes a label, never the message: `shop::StockError` is `StockError`. An error that
/// names its variants ([`ExceptionType`]) is asked for them where a handler returns it, not here.
///
/// ```
/// use http::StatusCode;
/// use streamgauge::track_detailed_exception;
///
/// if let Err(error) = "seven".parse::<u32>() {
///     track_detailed_exception(&error, StatusCode::BAD_REQUEST); // exception_type="ParseIntError"
/// }
/// ```
pub fn track_detailed_exception<E: ?Sized>(_error: &E, status: StatusCode) {
    let exception = Exception::of::<E>();
    let endpoint = request::current(|scope| scope.report(exception))
        .unwrap_or_else(|| Some(Metrics::global().endpoints().get("")));
    if let Some(endpoint) = endpoint {
        endpoint.exception(&exception.label(), status.as_u16());
    }
}

/// Counts an error in `global_exceptions_total`, by the name of its type: for failures that belong to
/// no handler, as in a fallback or a background task. A handler that returns such an error as well does not
/// count it once more.
///
/// ```
/// use streamgauge::track_global_exception;
///
/// fn on_reload_failure(error: &std::io::Error) {
///     track_global_exception(error); // exception_type="Error"
/// }
/// ```
pub fn track_global_exception<E: ?Sized>(_error: &E) {
    let exception = Exception::of::<E>();
    match request::current(|scope| scope.report_global(exception)) {
        Some(Some((metrics, endpoint))) => {
            metrics.endpoints().global_exception(&exception.label(), endpoint.label());
        }
        // Served without being recorded.
        Some(None) => {}
        None => Metrics::global().endpoints().global_exception(&exception.label(), ""),
    }
}
