//! Errors by type: what handlers return, what they report, and what nobody owned.

use std::sync::Arc;

use http::StatusCode;

use crate::metrics::Metrics;
use crate::request::{self, ExceptionInfo};

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
    let exception = ExceptionInfo::from_type::<E>();
    let endpoint = request::current(|scope| scope.note_reported_error(exception))
        .unwrap_or_else(|| Some(Metrics::global().endpoints().get("")));
    if let Some(endpoint) = endpoint {
        endpoint.count_exception(&exception.label(), status.as_u16());
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
    let exception = ExceptionInfo::from_type::<E>();
    let inside = request::current(|scope| {
        let endpoint = scope.note_reported_error(exception)?;
        Some((scope.metrics().clone(), endpoint))
    });
    match inside {
        Some(Some((metrics, endpoint))) => {
            metrics.endpoints().count_global_exception(&exception.label(), endpoint.label());
        }
        // Served without being recorded.
        Some(None) => {}
        None => Metrics::global().endpoints().count_global_exception(&exception.label(), ""),
    }
}

/// An error that says which of its kinds it is.
///
/// A handler's `Err` is counted in `exceptions_total` by the name of its type. Where that type is an enum,
/// deriving this trait lets it be counted by the name of its variant:
///
/// ```
/// use streamgauge::ExceptionType;
///
/// #[derive(ExceptionType)]
/// enum OrderError {
///     OutOfStock { item: u64 },
///     Declined(String),
/// }
///
/// let error = OrderError::Declined("card 4711 has expired".to_owned());
/// assert_eq!(error.exception_type(), "Declined");
/// ```
///
/// Implemented by hand it may return any text that the program holds, which keeps what a request brings
/// along out of the label:
///
/// ```
/// use streamgauge::ExceptionType;
///
/// struct Refusal {
///     code: u16,
/// }
///
/// impl ExceptionType for Refusal {
///     fn exception_type(&self) -> &'static str {
///         match self.code {
///             400..500 => "refused",
///             _ => "unavailable",
///         }
///     }
/// }
/// # drop(Refusal { code: 400 });
/// ```
pub trait ExceptionType {
    /// The `exception_type` label of this error.
    fn exception_type(&self) -> &'static str;
}

macro_rules! look_through {
    ($($outer:ty)*) => {$(
        impl<E: ExceptionType + ?Sized> ExceptionType for $outer {
            fn exception_type(&self) -> &'static str {
                (**self).exception_type()
            }
        }
    )*};
}

look_through!(&E Box<E> Arc<E>);
