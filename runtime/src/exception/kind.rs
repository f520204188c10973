//! Errors that name themselves.

use std::sync::Arc;

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
