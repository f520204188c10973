//! The errors of one request: those that its handler returned, and those that were reported.

use std::mem;

use http::StatusCode;
#[cfg(feature = "axum")]
use http::response::Parts;

use crate::type_name::{is_same_error, short_type_name};

/// The `exception_type` label of an error, as an extension of the response that the error becomes.
///
/// Use it for an error whose type says little, such as a struct that wraps any `anyhow::Error`: its
/// implementation of `IntoResponse` knows which error it is. A handler with
/// `#[instrument_endpoint]` that returns an `Err` is then counted in `exceptions_total` with this
/// name, in place of the type and of [`ExceptionType`](crate::ExceptionType). The layer reads the
/// extension at the response head. It has no effect on other responses, and outside any request.
///
/// The name is a `&'static str`, so that nothing that a client sends can become a label value.
///
/// # Examples
///
#[cfg_attr(feature = "axum", doc = "```")]
#[cfg_attr(not(feature = "axum"), doc = "```ignore")]
/// use axum::Extension;
/// use axum::http::StatusCode;
/// use axum::response::{IntoResponse, Response};
/// use streamgauge::ExceptionName;
///
/// struct AppError(Box<dyn std::error::Error + Send + Sync>);
///
/// impl IntoResponse for AppError {
///     fn into_response(self) -> Response {
///         let name = if self.0.is::<std::io::Error>() { "storage" } else { "internal" };
///         (StatusCode::INTERNAL_SERVER_ERROR, Extension(ExceptionName(name))).into_response()
///     }
/// }
/// # drop(AppError("no".into()).into_response());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExceptionName(
    /// The value of the label.
    pub &'static str,
);

/// The names of an error, from which its `exception_type` label is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExceptionInfo {
    type_name: &'static str,
    /// The name that the error gives itself through `ExceptionType`.
    own_name: Option<&'static str>,
}

impl ExceptionInfo {
    /// Describes an error of type `E`.
    pub(crate) fn from_type<E: ?Sized>() -> Self {
        Self { type_name: std::any::type_name::<E>(), own_name: None }
    }

    /// Sets the name that the error gives itself.
    pub(crate) fn with_own_name(self, own_name: Option<&'static str>) -> Self {
        Self { own_name, ..self }
    }

    /// Returns the value of the `exception_type` label.
    pub(crate) fn label(&self) -> &'static str {
        self.own_name.unwrap_or_else(|| short_type_name(self.type_name))
    }

    /// Returns whether two errors are of the same type, within whatever wrapper.
    fn is_same_error(&self, type_name: &'static str) -> bool {
        is_same_error(self.type_name, type_name)
    }
}

/// An error that a handler returned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReturnedError {
    pub(crate) exception: ExceptionInfo,
    /// The status of the response that the error becomes, if the error says it.
    pub(crate) status: Option<StatusCode>,
}

/// The errors of a request. An error that the handler reports and also returns counts once.
#[derive(Default)]
pub(super) struct RequestExceptions {
    /// The error that the handler returned. It is counted when the response status is known.
    returned: Option<ReturnedError>,
    /// The errors of earlier attempts, which a layer made the handler repeat. The response is not
    /// theirs.
    absorbed: Vec<ReturnedError>,
    /// The types of the errors that this attempt reported with a function of this crate.
    reported: Vec<&'static str>,
    any_reported: bool,
}

impl RequestExceptions {
    /// Notes that a layer calls the handler again.
    pub(super) fn begin_attempt(&mut self) {
        self.absorbed.extend(self.returned.take());
        self.reported.clear();
    }

    /// Notes the error that the handler returned, unless an error of its type was reported.
    pub(super) fn note_returned(&mut self, error: ReturnedError) {
        let is_reported = |reported: &&'static str| error.exception.is_same_error(reported);
        if !self.reported.iter().any(is_reported) {
            self.returned = Some(error);
        }
    }

    /// Gives the error that the handler returned the name that the response has for it. The
    /// response is then that of the error.
    #[cfg(feature = "axum")]
    pub(super) fn name_returned(&mut self, response: &Parts) {
        if let Some(returned) = &mut self.returned {
            if let Some(ExceptionName(name)) = response.extensions.get() {
                returned.exception.own_name = Some(name);
                returned.status = Some(response.status);
            }
        }
    }

    /// Notes an error that was reported, and counted by its reporter.
    pub(super) fn note_reported(&mut self, exception: ExceptionInfo) {
        self.any_reported = true;
        if !self.reported.contains(&exception.type_name) {
            self.reported.push(exception.type_name);
        }
        let is_same = |error: ReturnedError| error.exception.is_same_error(exception.type_name);
        if self.returned.is_some_and(is_same) {
            self.returned = None;
        }
    }

    /// Returns whether any error was reported.
    pub(super) fn any_reported(&self) -> bool {
        self.any_reported
    }

    /// Returns whether no returned error is to be counted.
    pub(super) fn is_empty(&self) -> bool {
        self.returned.is_none() && self.absorbed.is_empty()
    }

    /// Takes the error that the handler returned.
    pub(super) fn take_returned(&mut self) -> Option<ReturnedError> {
        self.returned.take()
    }

    /// Takes the errors of earlier attempts.
    pub(super) fn take_absorbed(&mut self) -> Vec<ReturnedError> {
        mem::take(&mut self.absorbed)
    }
}
