//! Why a call failed, as the value that its function returns says: an error that implements
//! [`CallError`], or the status of an error. Resolved like [`inspect`](super::inspect).

use std::any::type_name;

use super::{Inspected, ResultInfo};
use crate::call::{CallError, CallErrorType, EnterCall};
use crate::hook::{self, Hook};
use crate::status::StatusClass;

/// Notes why the call of a function has failed, if its returned value says so.
pub fn note_failure<G: EnterCall>(guard: &G, result: ResultInfo, error: Option<CallErrorType>) {
    let of_status = || {
        let status = result.status?;
        StatusClass::of(status).is_error().then(|| CallErrorType::from_status(status))
    };
    if let Some(error) = error.or_else(of_status) {
        guard.note_failure(error);
    }
}

/// Returns the type that an error gives itself, unless its code panics.
fn error_type<E: CallError>(error: &E) -> Option<CallErrorType> {
    hook::call(Hook::CallError, type_name::<E>(), || error.call_error_type())
}

/// A `Result` in a `Result`, both of whose errors implement [`CallError`].
pub trait InspectCallErrors {
    #[doc(hidden)]
    fn streamgauge_call_error(&self) -> Option<CallErrorType>;
}

impl<T, E: CallError, F: CallError> InspectCallErrors
    for &&&Inspected<'_, Result<Result<T, E>, F>>
{
    fn streamgauge_call_error(&self) -> Option<CallErrorType> {
        match self.0 {
            Ok(inner) => inner.as_ref().err().and_then(error_type),
            Err(error) => error_type(error),
        }
    }
}

/// A `Result` in a `Result`, whose inner error implements [`CallError`].
pub trait InspectInnerCallError {
    #[doc(hidden)]
    fn streamgauge_call_error(&self) -> Option<CallErrorType>;
}

impl<T, E: CallError, F> InspectInnerCallError for &&Inspected<'_, Result<Result<T, E>, F>> {
    fn streamgauge_call_error(&self) -> Option<CallErrorType> {
        self.0.as_ref().ok()?.as_ref().err().and_then(error_type)
    }
}

/// A `Result` whose error implements [`CallError`].
pub trait InspectCallError {
    #[doc(hidden)]
    fn streamgauge_call_error(&self) -> Option<CallErrorType>;
}

impl<T, E: CallError> InspectCallError for &Inspected<'_, Result<T, E>> {
    fn streamgauge_call_error(&self) -> Option<CallErrorType> {
        self.0.as_ref().err().and_then(error_type)
    }
}

/// Any other value.
pub trait InspectNoCallError {
    #[doc(hidden)]
    fn streamgauge_call_error(&self) -> Option<CallErrorType>;
}

impl<T: ?Sized> InspectNoCallError for Inspected<'_, T> {
    fn streamgauge_call_error(&self) -> Option<CallErrorType> {
        None
    }
}
