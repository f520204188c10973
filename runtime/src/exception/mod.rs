//! Errors by type: those that handlers return, those that user code reports, and the trait that
//! names them.

use std::sync::Arc;

use http::StatusCode;

use crate::callsite::WarnOnce;
use crate::metrics::Metrics;
use crate::request::{self, ExceptionInfo};

/// Counts an error in `exceptions_total`, with its type and the status of the response.
///
/// Call it for an error that a handler does not return, because the handler recovers from it or
/// turns it into a response. An error that a handler with `#[instrument_endpoint]` returns is
/// counted without a call.
///
/// The `exception_type` label is the name of the type without its path: `shop::StockError` becomes
/// `StockError`. The message of the error never becomes a label. [`ExceptionType`] is not used
/// here, only for errors that a handler returns. A type-erased error such as `Box<dyn Error>` has
/// no better name than `Box<dyn Error>`.
///
/// Within a request, the `endpoint` label is that of the request, and nothing is counted if the
/// request is skipped. An error that the handler returns is not counted again if an error of the
/// same type was reported before the response head. Outside any request, the label is empty, each
/// report counts, and the error is counted in the global instance.
///
/// Each count also emits a `tracing` event at level `WARN`.
///
/// # Examples
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
    let endpoint =
        request::current(|scope| scope.note_reported_error(exception)).unwrap_or_else(|| {
            static WARNED: WarnOnce = WarnOnce::new();
            let metrics = Metrics::for_report_outside_requests("track_detailed_exception", &WARNED);
            Some(metrics.endpoints().get_or_create(""))
        });
    if let Some(endpoint) = endpoint {
        endpoint.count_exception(&exception.label(), Some(status.as_u16()));
    }
}

/// Counts an error in `global_exceptions_total`, with its type.
///
/// Call it for failures that belong to no handler, for example in middleware or in a background
/// task. If the handler returns an error of the same type afterwards, that error counts here only,
/// and not in `exceptions_total`.
///
/// Each count also emits a `tracing` event at level `ERROR`.
///
/// # Examples
///
/// ```
/// use streamgauge::track_global_exception;
///
/// #[derive(Debug)]
/// struct ReloadError;
///
/// fn on_reload_failure(error: &ReloadError) {
///     track_global_exception(error); // exception_type="ReloadError"
/// }
/// # on_reload_failure(&ReloadError);
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
        // The request is served without being recorded.
        Some(None) => {}
        None => {
            static WARNED: WarnOnce = WarnOnce::new();
            Metrics::for_report_outside_requests("track_global_exception", &WARNED)
                .endpoints()
                .count_global_exception(&exception.label(), "");
        }
    }
}

/// Supplies the `exception_type` label of an error.
///
/// An error that a handler with `#[instrument_endpoint]` returns is counted in `exceptions_total`
/// with the name of its type. For an enum, derive this trait to count each variant separately.
///
/// # Examples
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
/// An implementation may return any string literal. The return type is `&'static str`, so that
/// nothing that a client sends can become a label value:
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
    /// Returns the value of the `exception_type` label.
    fn exception_type(&self) -> &'static str;
}

macro_rules! impl_for_pointers {
    ($($pointer:ty)*) => {$(
        impl<E: ExceptionType + ?Sized> ExceptionType for $pointer {
            fn exception_type(&self) -> &'static str {
                (**self).exception_type()
            }
        }
    )*};
}

impl_for_pointers!(&E Box<E> Arc<E>);
