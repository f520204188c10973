//! The status and the error of a value that an annotated function returns.
//!
//! An attribute sees a return type only as tokens: aliases and `impl Trait` hide what the type is.
//! The expansion therefore calls a method on the value, and method resolution picks the
//! implementation. Each trait below is implemented for one reference less than the one before, and
//! method resolution tries the most references first, so that the most specific trait that fits is
//! used. The technique is known as autoref specialization.

use http::StatusCode;

use crate::call::{CallError, CallErrorType};
use crate::exception::{ExceptionType, own_name};
use crate::request::ExceptionInfo;

/// The status and the error of a returned value.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResultInfo {
    /// The error, for an `Err`.
    pub(crate) exception: Option<ExceptionInfo>,
    /// The status, if the value or its error has one.
    pub(crate) status: Option<StatusCode>,
}

impl ResultInfo {
    fn from_error<E>() -> Self {
        Self { exception: Some(ExceptionInfo::from_type::<E>()), status: None }
    }

    /// Sets the status of the response that the error becomes, if the error names it.
    #[must_use]
    pub fn with_error_status(self, status: Option<StatusCode>) -> Self {
        Self { status: self.status.or(status), ..self }
    }

    /// Sets the name that the error gives itself.
    #[must_use]
    pub fn with_exception_type(self, name: Option<&'static str>) -> Self {
        Self { exception: self.exception.map(|exception| exception.with_own_name(name)), ..self }
    }
}

/// Wraps a returned value, so that the traits of this module apply to it and to nothing else.
#[derive(Debug)]
pub struct Inspected<'a, T: ?Sized>(pub &'a T);

/// A returned value that has a status.
pub trait HasStatus {
    /// Returns the status that will be sent.
    fn status(&self) -> StatusCode;
}

impl HasStatus for StatusCode {
    fn status(&self) -> StatusCode {
        *self
    }
}

impl<B> HasStatus for http::Response<B> {
    fn status(&self) -> StatusCode {
        self.status()
    }
}

#[cfg(feature = "axum")]
impl HasStatus for axum::response::Redirect {
    fn status(&self) -> StatusCode {
        axum::response::IntoResponse::into_response(self.clone()).status()
    }
}

/// A status, or a tuple that begins with one. In axum, a tuple that sets the status begins with it.
pub trait StatusFirst: HasStatus {}

impl StatusFirst for StatusCode {}

/// Implements the traits for tuples of a status and these parts, and of a status and fewer parts.
macro_rules! impl_for_tuples {
    () => {};
    ($part:ident $($others:ident)*) => {
        impl<$part, $($others),*> HasStatus for (StatusCode, $part, $($others),*) {
            fn status(&self) -> StatusCode {
                self.0
            }
        }

        impl<$part, $($others),*> StatusFirst for (StatusCode, $part, $($others),*) {}

        impl<$part, $($others),*> CallError for (StatusCode, $part, $($others),*) {
            fn call_error_type(&self) -> CallErrorType {
                self.0.call_error_type()
            }
        }

        impl_for_tuples!($($others)*);
    };
}

impl_for_tuples!(A B C D E F G H I J K L M N O P);

/// The most specific case: a `Result` in a `Result`, whose inner `Ok` value has a status.
pub trait InspectNestedResultWithStatus {
    #[doc(hidden)]
    fn streamgauge_inspect(&self) -> ResultInfo;
}

impl<T: HasStatus, E, F> InspectNestedResultWithStatus
    for &&&&&Inspected<'_, Result<Result<T, E>, F>>
{
    fn streamgauge_inspect(&self) -> ResultInfo {
        match self.0 {
            Ok(Ok(value)) => ResultInfo { exception: None, status: Some(value.status()) },
            Ok(Err(_)) => ResultInfo::from_error::<E>(),
            Err(_) => ResultInfo::from_error::<F>(),
        }
    }
}

/// The second case: any other `Result` in a `Result`. An inner error fails as an outer one does.
pub trait InspectNestedResult {
    #[doc(hidden)]
    fn streamgauge_inspect(&self) -> ResultInfo;
}

impl<T, E, F> InspectNestedResult for &&&&Inspected<'_, Result<Result<T, E>, F>> {
    fn streamgauge_inspect(&self) -> ResultInfo {
        match self.0 {
            Ok(Ok(_)) => ResultInfo::default(),
            Ok(Err(_)) => ResultInfo::from_error::<E>(),
            Err(_) => ResultInfo::from_error::<F>(),
        }
    }
}

/// The third case: a `Result` whose `Ok` value has a status.
pub trait InspectResultWithStatus {
    #[doc(hidden)]
    fn streamgauge_inspect(&self) -> ResultInfo;
}

impl<T: HasStatus, E> InspectResultWithStatus for &&&Inspected<'_, Result<T, E>> {
    fn streamgauge_inspect(&self) -> ResultInfo {
        match self.0 {
            Ok(value) => ResultInfo { exception: None, status: Some(value.status()) },
            Err(_) => ResultInfo::from_error::<E>(),
        }
    }
}

/// The fourth case: any other `Result`.
pub trait InspectResult {
    #[doc(hidden)]
    fn streamgauge_inspect(&self) -> ResultInfo;
}

impl<T, E> InspectResult for &&Inspected<'_, Result<T, E>> {
    fn streamgauge_inspect(&self) -> ResultInfo {
        match self.0 {
            Ok(_) => ResultInfo::default(),
            Err(_) => ResultInfo::from_error::<E>(),
        }
    }
}

/// The fifth case: a value that has a status.
pub trait InspectStatus {
    #[doc(hidden)]
    fn streamgauge_inspect(&self) -> ResultInfo;
}

impl<T: HasStatus> InspectStatus for &Inspected<'_, T> {
    fn streamgauge_inspect(&self) -> ResultInfo {
        ResultInfo { exception: None, status: Some(self.0.status()) }
    }
}

/// The last case: any value.
pub trait InspectAny {
    #[doc(hidden)]
    fn streamgauge_inspect(&self) -> ResultInfo;
}

impl<T: ?Sized> InspectAny for Inspected<'_, T> {
    fn streamgauge_inspect(&self) -> ResultInfo {
        ResultInfo::default()
    }
}

/// A `Result` in a `Result`, both of whose errors implement [`ExceptionType`]. This and the
/// following cases are resolved independently of those above.
pub trait InspectNamedErrors {
    #[doc(hidden)]
    fn streamgauge_exception_type(&self) -> Option<&'static str>;
}

impl<T, E: ExceptionType, F: ExceptionType> InspectNamedErrors
    for &&&Inspected<'_, Result<Result<T, E>, F>>
{
    fn streamgauge_exception_type(&self) -> Option<&'static str> {
        match self.0 {
            Ok(inner) => inner.as_ref().err().and_then(own_name),
            Err(error) => own_name(error),
        }
    }
}

/// A `Result` in a `Result`, whose inner error implements [`ExceptionType`].
pub trait InspectInnerNamedError {
    #[doc(hidden)]
    fn streamgauge_exception_type(&self) -> Option<&'static str>;
}

impl<T, E: ExceptionType, F> InspectInnerNamedError for &&Inspected<'_, Result<Result<T, E>, F>> {
    fn streamgauge_exception_type(&self) -> Option<&'static str> {
        self.0.as_ref().ok()?.as_ref().err().and_then(own_name)
    }
}

/// A `Result` whose error implements [`ExceptionType`].
pub trait InspectNamedError {
    #[doc(hidden)]
    fn streamgauge_exception_type(&self) -> Option<&'static str>;
}

impl<T, E: ExceptionType> InspectNamedError for &Inspected<'_, Result<T, E>> {
    fn streamgauge_exception_type(&self) -> Option<&'static str> {
        self.0.as_ref().err().and_then(own_name)
    }
}

/// Any other value.
pub trait InspectUnnamed {
    #[doc(hidden)]
    fn streamgauge_exception_type(&self) -> Option<&'static str>;
}

impl<T: ?Sized> InspectUnnamed for Inspected<'_, T> {
    fn streamgauge_exception_type(&self) -> Option<&'static str> {
        None
    }
}
