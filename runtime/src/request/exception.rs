//! The errors of one request: the one that its handler returned, and those that were reported.

use std::borrow::Cow;

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

/// The errors of a request. An error that the handler reports and also returns counts once.
#[derive(Default)]
pub(super) struct RequestExceptions {
    /// The error that the handler returned. It is counted when the response status is known.
    returned: Option<ExceptionInfo>,
    /// The types of the errors that were reported with a function of this crate.
    reported: Vec<&'static str>,
}

impl RequestExceptions {
    /// Notes the error that the handler returned, unless an error of its type was reported.
    pub(super) fn note_returned(&mut self, exception: ExceptionInfo) {
        if !self.reported.contains(&exception.type_name) {
            self.returned = Some(exception);
        }
    }

    /// Notes an error that was reported, and counted by its reporter.
    pub(super) fn note_reported(&mut self, exception: ExceptionInfo) {
        if !self.reported.contains(&exception.type_name) {
            self.reported.push(exception.type_name);
        }
        if self.returned.is_some_and(|returned| returned.type_name == exception.type_name) {
            self.returned = None;
        }
    }

    /// Returns whether any error was reported.
    pub(super) fn any_reported(&self) -> bool {
        !self.reported.is_empty()
    }

    /// Takes the error that the handler returned.
    pub(super) fn take_returned(&mut self) -> Option<ExceptionInfo> {
        self.returned.take()
    }
}
