//! The errors of one request: those that its handler returned, and those that were reported.

use std::mem;

#[cfg(feature = "axum")]
use http::Extensions;
use http::StatusCode;

use crate::series::EndpointSeries;
use crate::type_name::{is_same_error, short_type_name};

/// The `exception_type` label of an error, as an extension of the response that the error becomes.
///
/// Use it for an error whose type does not identify it, such as a struct that wraps any
/// `anyhow::Error`: its implementation of `IntoResponse` can tell the errors apart. A handler with
/// `#[instrument_endpoint]` that returns an `Err` is then counted in `exceptions_total` with this
/// name, in place of the type and of [`ExceptionType`](crate::ExceptionType). The layer reads the
/// extension at the response head. It has no effect on other responses or outside a request.
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

    /// Returns whether the error has given itself a name.
    pub(crate) fn has_own_name(&self) -> bool {
        self.own_name.is_some()
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

/// An error that a handler returned, or that it reported and may still return.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestError {
    pub(crate) exception: ExceptionInfo,
    /// The status of the response that the error becomes, if the error or its report names it.
    pub(crate) status: Option<StatusCode>,
    /// Whether its event was emitted when it was reported.
    is_logged: bool,
}

impl RequestError {
    /// Describes an error that a handler returned.
    pub(crate) fn returned(exception: ExceptionInfo, status: Option<StatusCode>) -> Self {
        Self { exception, status, is_logged: false }
    }

    /// Describes a reported error. The reporter emits its event.
    pub(crate) fn reported(exception: ExceptionInfo, status: StatusCode) -> Self {
        Self { exception, status: Some(status), is_logged: true }
    }

    /// Counts the error at an endpoint, and emits its event if its reporter has not.
    ///
    /// A `tracing` subscriber is user code, so the caller must not hold the scope of a request.
    pub(crate) fn count(&self, endpoint: &EndpointSeries) {
        let status = self.status.map(|status| status.as_u16());
        endpoint.count_exception(self.exception.label(), status);
        if !self.is_logged {
            endpoint.log_exception(self.exception.label(), status);
        }
    }
}

/// The errors of a request. An error that the handler reports and also returns counts once.
#[derive(Default)]
pub(super) struct RequestExceptions {
    /// The error that the handler returned. It is counted when the response status is known.
    returned: Option<RequestError>,
    /// The errors of earlier attempts, after which a layer called the handler again. None of them
    /// became the response.
    absorbed: Vec<RequestError>,
    /// The types of the errors that this attempt reported with a function of this crate.
    reported: Vec<&'static str>,
    /// The last reported error, while it is not counted yet. If the handler returns it next, the
    /// returned value supplies its name, which a report by type cannot.
    held: Option<RequestError>,
    any_reported: bool,
}

impl RequestExceptions {
    /// Notes that a layer calls the handler again.
    pub(super) fn begin_attempt(&mut self) {
        self.absorbed.extend(self.held.take().into_iter().chain(self.returned.take()));
        self.reported.clear();
    }

    /// Notes the error that the handler returned, unless an error of its type was reported. A held
    /// error of the same type is counted with the name of the returned one.
    pub(super) fn note_returned(&mut self, error: RequestError) {
        let exception = error.exception;
        let is_same = |reported: &'static str| exception.is_same_error(reported);
        let held = self.held.take_if(|held| is_same(held.exception.type_name));
        if let Some(held) = held {
            self.returned = Some(RequestError { exception, ..held });
        } else if !self.reported.iter().copied().any(is_same) {
            self.returned = Some(error);
        }
    }

    /// Holds an error that was reported by its type until it is known whether the handler returns
    /// it next.
    pub(super) fn hold(&mut self, error: RequestError) {
        self.held = Some(error);
    }

    /// Takes the error that is held: the handler has not returned it.
    #[inline]
    pub(super) fn take_held(&mut self) -> Option<RequestError> {
        self.held.take()
    }

    /// Names the returned error as the [`ExceptionName`] of the response says, if there is one. The
    /// response is then the one that the error became, and supplies the status.
    #[cfg(feature = "axum")]
    pub(super) fn name_returned(&mut self, status: StatusCode, extensions: &Extensions) {
        if let Some(returned) = &mut self.returned {
            if let Some(ExceptionName(name)) = extensions.get() {
                returned.exception.own_name = Some(name);
                returned.status = Some(status);
            }
        }
    }

    /// Notes an error that was reported, and counted by its reporter.
    pub(super) fn note_reported(&mut self, exception: ExceptionInfo) {
        self.any_reported = true;
        if !self.reported.contains(&exception.type_name) {
            self.reported.push(exception.type_name);
        }
        let is_same = |error: RequestError| error.exception.is_same_error(exception.type_name);
        if self.returned.is_some_and(is_same) {
            self.returned = None;
        }
    }

    /// Returns whether any error was reported.
    pub(super) fn any_reported(&self) -> bool {
        self.any_reported
    }

    /// Returns whether there is no error to count.
    pub(super) fn is_empty(&self) -> bool {
        self.returned.is_none() && self.held.is_none() && self.absorbed.is_empty()
    }

    /// Takes the error that the handler returned.
    pub(super) fn take_returned(&mut self) -> Option<RequestError> {
        self.returned.take()
    }

    /// Takes the errors of earlier attempts.
    pub(super) fn take_absorbed(&mut self) -> Vec<RequestError> {
        mem::take(&mut self.absorbed)
    }
}
