//! The errors of one request: what its handler returned, and what was reported by hand.

use std::borrow::Cow;

use crate::family::short_name;

/// What an error is known as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exception {
    type_name: &'static str,
    /// What the error says of itself.
    own_name: Option<&'static str>,
}

impl Exception {
    /// An error of this type.
    pub(crate) fn of<E: ?Sized>() -> Self {
        Self { type_name: std::any::type_name::<E>(), own_name: None }
    }

    /// The same error, which may have a name of its own.
    pub(crate) fn named(self, own_name: Option<&'static str>) -> Self {
        Self { own_name, ..self }
    }

    /// The label.
    pub(crate) fn label(&self) -> Cow<'static, str> {
        self.own_name.map_or_else(|| short_name(self.type_name), Cow::Borrowed)
    }
}

/// The errors of a request.
#[derive(Default)]
pub(super) struct Exceptions {
    /// What the claiming handler returned, until its status is known.
    returned: Option<Exception>,
    /// The types of what was reported by hand.
    reported: Vec<&'static str>,
}

impl Exceptions {
    /// The handler has returned an error; one of a type that it has reported is the same error.
    pub(super) fn returned(&mut self, exception: Exception) {
        if !self.reported.contains(&exception.type_name) {
            self.returned = Some(exception);
        }
    }

    /// An error has been reported by hand, and counted.
    pub(super) fn reported(&mut self, exception: Exception) {
        if !self.reported.contains(&exception.type_name) {
            self.reported.push(exception.type_name);
        }
        if self.returned.is_some_and(|returned| returned.type_name == exception.type_name) {
            self.returned = None;
        }
    }

    /// Whether any has been reported by hand.
    pub(super) fn any_reported(&self) -> bool {
        !self.reported.is_empty()
    }

    /// Takes the handler's error, to be counted.
    pub(super) fn take(&mut self) -> Option<Exception> {
        self.returned.take()
    }
}
