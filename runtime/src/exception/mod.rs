//! Errors by type: those that handlers return, those that user code reports, and the trait that
//! names them.

use std::any::type_name;
use std::rc::Rc;
use std::sync::Arc;

use http::StatusCode;

use crate::callsite::WarnOnce;
use crate::hook::{self, Hook};
use crate::metrics::Instance;
use crate::request::{self, ExceptionInfo, RequestError, Serving};

/// Counts an error in `exceptions_total`, with its type and the status of the response.
///
/// Call it for an error that a handler does not return, because the handler recovers from it or
/// turns it into a response. An error that a handler with `#[instrument_endpoint]` returns is
/// counted without a call.
///
/// # The name of an error
///
/// The `exception_type` label is the name of the type, here and for an error that a handler
/// returns. The message of the error never becomes a label.
///
/// - The path is left out: `shop::StockError` becomes `StockError`. A name that many crates use
///   keeps the module or crate before it: `io::Error`, `sqlx::Error`, `tonic::Status`,
///   `time::Elapsed`.
/// - A tuple, a pointer or a response body has the name of the error in it: `(StatusCode, Json<E>)`
///   and `Box<E>` have the name of `E`. If the tuple has only a status beside text or a JSON value,
///   as `(StatusCode, String)` has, the name is `StatusCode`. Text alone is `String`, and
///   `Json<Value>` alone is `Json`.
/// - An error whose type is erased, such as `Box<dyn Error>`, becomes `dyn Error`.
///
/// [`ExceptionType`] gives an error a better name, and so does [`ExceptionName`] in the response
/// that an error becomes. This function cannot see whether a type implements [`ExceptionType`]. If
/// the handler returns the reported error before it waits for anything or reports another error,
/// the error is counted under the name that it would have without the report. Report other errors
/// that implement the trait with [`track_named_exception`], so that they have one name wherever
/// they are counted.
///
/// [`ExceptionName`]: crate::ExceptionName
///
/// # Where an error is counted
///
/// Within a request, the `endpoint` label is that of the request, and nothing is counted if the
/// request is skipped. An error that the handler returns is not counted again if an error of the
/// same type was reported before the response head. While the handler runs, the last report counts
/// when the handler returns, waits, or reports again. Outside any request, the label is empty, each
/// report counts, and the error is counted in the global instance.
///
/// Each report also emits a `tracing` event at level `WARN`, with the name of the error.
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
    report("track_detailed_exception", ExceptionInfo::from_type::<E>(), status);
}

/// Counts an error in `exceptions_total`, with the name that it gives itself through
/// [`ExceptionType`] and the status of the response.
///
/// Use it in place of [`track_detailed_exception`] for an error that implements [`ExceptionType`].
/// The error then has one name, whether it is reported, returned or both. Everything else is as
/// described there.
///
/// # Examples
///
/// ```
/// use http::StatusCode;
/// use streamgauge::{ExceptionType, track_named_exception};
///
/// #[derive(ExceptionType)]
/// enum OrderError {
///     OutOfStock,
/// }
///
/// // exception_type="OutOfStock"
/// track_named_exception(&OrderError::OutOfStock, StatusCode::CONFLICT);
/// ```
pub fn track_named_exception<E: ExceptionType + ?Sized>(error: &E, status: StatusCode) {
    let exception = ExceptionInfo::from_type::<E>().with_own_name(own_name(error));
    report("track_named_exception", exception, status);
}

/// Counts an error that the function `reporter` of this crate reports.
fn report(reporter: &'static str, exception: ExceptionInfo, status: StatusCode) {
    let error = RequestError::reported(exception, status);
    let to_count = match request::serving(|scope| scope.report_error(error)) {
        Serving::Request(to_count) => to_count,
        Serving::Disabled => None,
        Serving::Nothing => {
            static WARNED: WarnOnce = WarnOnce::new();
            let metrics = Instance::for_report_outside_requests(reporter, &WARNED);
            metrics.map(|it| (it.endpoints().with_fixed_label(""), [None, Some(error)]))
        }
    };
    if let Some((endpoint, errors)) = to_count {
        errors.iter().flatten().for_each(|error| error.count(endpoint));
        endpoint.log_exception(exception.label(), Some(status.as_u16()));
    }
}

/// Returns the name that an error gives itself, unless its code panics.
pub(crate) fn own_name<E: ExceptionType + ?Sized>(error: &E) -> Option<&'static str> {
    hook::call(Hook::ExceptionType, type_name::<E>(), || error.exception_type())
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
    let inside = request::serving(|scope| {
        let endpoint = scope.note_reported_error(exception)?;
        Some((scope.instance(), endpoint, scope.take_held_error()))
    });
    match inside {
        Serving::Request(Some((instance, endpoint, earlier))) => {
            if let Some(error) = earlier {
                error.count(endpoint);
            }
            instance.endpoints().count_global_exception(exception.label(), endpoint.label());
        }
        // The request is served without being recorded.
        Serving::Request(None) | Serving::Disabled => {}
        Serving::Nothing => {
            static WARNED: WarnOnce = WarnOnce::new();
            let metrics = Instance::for_report_outside_requests("track_global_exception", &WARNED);
            if let Some(metrics) = metrics {
                metrics.endpoints().count_global_exception(exception.label(), "");
            }
        }
    }
}

/// Supplies the `exception_type` label of an error.
///
/// An error that a handler with `#[instrument_endpoint]` returns is counted in `exceptions_total`
/// with the name of its type. For an enum, derive this trait to count each variant separately.
///
/// A tuple whose last element implements the trait passes its name on, and so do references,
/// `Box`, `Rc`, `Arc`, and axum's `Json`, `Html` and `Extension`: an error in
/// `Result<T, (StatusCode, Json<E>)>` has the name of the `E`.
///
/// # Panics in an implementation
///
/// A panic in [`exception_type`](Self::exception_type) is caught: the error is counted with the
/// name of its type. A `tracing` event at level `WARN` names the type.
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

impl_for_pointers!(&E &mut E Box<E> Rc<E> Arc<E>);

macro_rules! impl_for_tuples {
    () => {};
    ($part:ident $($others:ident)*) => {
        impl<$part, $($others,)* E: ExceptionType> ExceptionType for ($part, $($others,)* E) {
            fn exception_type(&self) -> &'static str {
                let (.., error) = self;
                error.exception_type()
            }
        }

        impl_for_tuples!($($others)*);
    };
}

impl_for_tuples!(A B C D F G H I J K L M N O P);

#[cfg(feature = "axum")]
mod axum_bodies {
    use axum::response::Html;
    use axum::{Extension, Json};

    use super::ExceptionType;

    macro_rules! impl_for_bodies {
        ($($body:ident)*) => {$(
            impl<E: ExceptionType> ExceptionType for $body<E> {
                fn exception_type(&self) -> &'static str {
                    self.0.exception_type()
                }
            }
        )*};
    }

    impl_for_bodies!(Extension Html Json);
}
