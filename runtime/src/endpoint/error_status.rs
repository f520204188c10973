//! The status of the response that a returned error becomes, if the error is a status or begins
//! with one. The traits are resolved as in [`inspect`](super::inspect).

use http::StatusCode;

use super::{HasStatus, Inspected};

/// A `Result` in a `Result`, both of whose errors have a status.
pub trait InspectErrorStatuses {
    #[doc(hidden)]
    fn streamgauge_error_status(&self) -> Option<StatusCode>;
}

impl<T, E: HasStatus, F: HasStatus> InspectErrorStatuses
    for &&&Inspected<'_, Result<Result<T, E>, F>>
{
    fn streamgauge_error_status(&self) -> Option<StatusCode> {
        match self.0 {
            Ok(inner) => inner.as_ref().err().map(E::status),
            Err(error) => Some(error.status()),
        }
    }
}

/// A `Result` in a `Result`, whose inner error has a status.
pub trait InspectInnerErrorStatus {
    #[doc(hidden)]
    fn streamgauge_error_status(&self) -> Option<StatusCode>;
}

impl<T, E: HasStatus, F> InspectInnerErrorStatus for &&Inspected<'_, Result<Result<T, E>, F>> {
    fn streamgauge_error_status(&self) -> Option<StatusCode> {
        self.0.as_ref().ok()?.as_ref().err().map(E::status)
    }
}

/// A `Result` whose error has a status.
pub trait InspectErrorStatus {
    #[doc(hidden)]
    fn streamgauge_error_status(&self) -> Option<StatusCode>;
}

impl<T, E: HasStatus> InspectErrorStatus for &Inspected<'_, Result<T, E>> {
    fn streamgauge_error_status(&self) -> Option<StatusCode> {
        self.0.as_ref().err().map(E::status)
    }
}

/// Any other value.
pub trait InspectNoErrorStatus {
    #[doc(hidden)]
    fn streamgauge_error_status(&self) -> Option<StatusCode>;
}

impl<T: ?Sized> InspectNoErrorStatus for Inspected<'_, T> {
    fn streamgauge_error_status(&self) -> Option<StatusCode> {
        None
    }
}
