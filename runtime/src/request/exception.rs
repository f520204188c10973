//! The errors of one request: those that its handler returned, and those that were reported.

use std::borrow::Cow;
use std::mem;

use http::StatusCode;

use crate::label::short_type_name;

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
    pub(crate) fn label(&self) -> Cow<'static, str> {
        self.own_name.map_or_else(|| short_type_name(self.type_name), Cow::Borrowed)
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
        if !self.reported.contains(&error.exception.type_name) {
            self.returned = Some(error);
        }
    }

    /// Notes an error that was reported, and counted by its reporter.
    pub(super) fn note_reported(&mut self, exception: ExceptionInfo) {
        self.any_reported = true;
        if !self.reported.contains(&exception.type_name) {
            self.reported.push(exception.type_name);
        }
        let is_same = |error: ReturnedError| error.exception.type_name == exception.type_name;
        if self.returned.is_some_and(is_same) {
            self.returned = None;
        }
    }

    /// Returns whether any error was reported.
    pub(super) fn any_reported(&self) -> bool {
        self.any_reported
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
