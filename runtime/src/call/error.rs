//! Why a call failed.

#[cfg(feature = "reqwest")]
use std::error::Error;
use std::io;
use std::sync::Arc;

use http::{Response, StatusCode};

use super::current::current_call;
pub use crate::outcome::CallErrorType;

/// Reports why the call that is open in this task fails.
///
/// Use it where the error itself cannot say: a client library that hides the status, a timeout of
/// your own, a circuit breaker that is open. The innermost tracked function that runs in this task
/// is the call. It then counts as failed with this `error_type`, whatever it returns, unless its
/// reply belongs to calls that were made within it. If it reports several errors, the last one
/// counts. Outside a tracked function, and outside a reply that is parsed, this function does
/// nothing.
///
/// Errors that implement [`CallError`] need no report.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use streamgauge::call::{self, CallErrorType};
/// use streamgauge::{Usage, track_tokens};
/// # async fn ask_model() -> Usage { Usage::new(1, 1) }
///
/// #[track_tokens(provider = "house", model = "small-1")]
/// async fn ask() -> Option<Usage> {
///     let reply = tokio::time::timeout(Duration::from_secs(30), ask_model()).await;
///     if reply.is_err() {
///         call::report(CallErrorType::Timeout);
///     }
///     reply.ok()
/// }
/// # drop(ask());
/// ```
pub fn report(error_type: CallErrorType) {
    if let Some(call) = current_call() {
        call.report_error(error_type);
    }
}

/// An error that says why a model call failed.
///
/// A tracked function that returns `Err(error)` is a failed call. Its `error_type` is what this
/// trait says of the error, or `other` if the error does not implement it. It is implemented for
///
/// - [`StatusCode`], tuples that begin with one, and [`http::Response`]: by the status;
/// - [`io::Error`]: `timeout` if it timed out, `connect` if no connection could be made or it
///   broke;
/// - with the feature `reqwest`, `reqwest::Error`: by its status, else by what failed;
/// - references to an error that implements it, and errors in a `Box` or an `Arc`.
///
/// # Examples
///
/// ```
/// use streamgauge::call::{CallError, CallErrorType};
///
/// #[derive(Debug)]
/// enum ModelError {
///     Busy,
///     Refused(http::StatusCode),
/// }
///
/// impl CallError for ModelError {
///     fn call_error_type(&self) -> CallErrorType {
///         match self {
///             Self::Busy => CallErrorType::Overloaded,
///             Self::Refused(status) => CallErrorType::from_status(*status),
///         }
///     }
/// }
/// # assert_eq!(ModelError::Busy.call_error_type(), CallErrorType::Overloaded);
/// ```
pub trait CallError {
    /// Returns why the call failed.
    ///
    /// A panic in this method is caught: the error type is then that of the status, else `other`. A
    /// `tracing` event at level `WARN` names the type.
    fn call_error_type(&self) -> CallErrorType;
}

impl CallError for StatusCode {
    fn call_error_type(&self) -> CallErrorType {
        CallErrorType::from_status(*self)
    }
}

impl<B> CallError for Response<B> {
    fn call_error_type(&self) -> CallErrorType {
        CallErrorType::from_status(self.status())
    }
}

impl CallError for io::Error {
    fn call_error_type(&self) -> CallErrorType {
        use io::ErrorKind;

        match self.kind() {
            ErrorKind::TimedOut => CallErrorType::Timeout,
            ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::NotConnected
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::AddrNotAvailable
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => CallErrorType::Connect,
            _ => CallErrorType::Other,
        }
    }
}

impl<E: CallError + ?Sized> CallError for Box<E> {
    fn call_error_type(&self) -> CallErrorType {
        (**self).call_error_type()
    }
}

impl<E: CallError + ?Sized> CallError for Arc<E> {
    fn call_error_type(&self) -> CallErrorType {
        (**self).call_error_type()
    }
}

impl<E: CallError + ?Sized> CallError for &E {
    fn call_error_type(&self) -> CallErrorType {
        (**self).call_error_type()
    }
}

/// The error of the crate reqwest: its status, or what failed before there was one.
#[cfg(feature = "reqwest")]
impl CallError for reqwest::Error {
    fn call_error_type(&self) -> CallErrorType {
        if let Some(status) = self.status() {
            CallErrorType::from_status(status)
        } else if self.is_timeout() {
            CallErrorType::Timeout
        } else if self.is_connect() {
            CallErrorType::Connect
        } else if self.is_builder() {
            CallErrorType::InvalidRequest
        } else {
            io_error_in(self).map_or(CallErrorType::Other, CallError::call_error_type)
        }
    }
}

/// Returns the first I/O error among the causes of an error.
#[cfg(feature = "reqwest")]
fn io_error_in(error: &reqwest::Error) -> Option<&io::Error> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref() {
            return Some(error);
        }
        cause = error.source();
    }
    None
}
