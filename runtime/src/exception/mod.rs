//! Errors by type: what handlers return, what they report, and what nobody owned.

use std::any::type_name;

use http::StatusCode;

use crate::family::short_name;
use crate::metrics::Metrics;
use crate::request;

/// Counts an error in `exceptions_total`, by the name of its type and the status it became.
///
/// Inside a request that the layer serves the endpoint is the request's, and an error that the handler
/// reports by hand and returns as well is counted once; returning it is enough. Outside, the endpoint is
/// empty ("not known"), in the global instance.
///
/// Only the type's name becomes a label, never the message: `shop::StockError` is `StockError`.
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
    let type_name = type_name::<E>();
    if request::current(|scope| scope.report(type_name, status)).is_none() {
        let outside = Metrics::global().endpoints().get("");
        outside.exception(&short_name(type_name), status.as_u16());
    }
}

/// Counts an error in `global_exceptions_total`, by the name of its type: for failures that belong to
/// no handler, as in a fallback or a background task.
///
/// ```
/// use streamgauge::track_global_exception;
///
/// fn on_reload_failure(error: &std::io::Error) {
///     track_global_exception(error); // exception_type="Error"
/// }
/// ```
pub fn track_global_exception<E: ?Sized>(_error: &E) {
    let name = short_name(type_name::<E>());
    if request::current(|scope| scope.metrics().endpoints().global_exception(&name)).is_none() {
        Metrics::global().endpoints().global_exception(&name);
    }
}
