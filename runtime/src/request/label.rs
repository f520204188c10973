//! The value of a label that a call is given.

use std::ops::Deref;
use std::sync::Arc;

/// Text that is copied without an allocation.
#[derive(Clone, Debug)]
pub enum Label {
    /// A literal.
    Static(&'static str),
    /// Text that a function's arguments gave.
    Shared(Arc<str>),
}

impl Deref for Label {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Static(text) => text,
            Self::Shared(text) => text,
        }
    }
}
