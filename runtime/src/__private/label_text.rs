//! Label values that an attribute takes from arguments of the annotated function.

use std::borrow::Cow;
use std::sync::Arc;

use crate::hook::{self, Hook};
use crate::label::Label;

/// Calls a function that converts an argument to a label value. If it panics, the value is empty.
pub fn label_or_empty(label: impl FnOnce() -> Label) -> Label {
    hook::call(Hook::LabelExpression, "", label).unwrap_or(Label::Static(""))
}

/// Converts an argument to a label value. An absent text becomes the empty value.
pub fn label<T: LabelText + ?Sized>(value: &T) -> Label {
    value.text().map_or(Label::Static(""), |text| Label::Shared(text.into()))
}

/// Text that can be a label value, or an optional one.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` cannot be a label value",
    label = "expected text: `&str`, `String`, or an `Option` of one"
)]
pub trait LabelText {
    /// Returns the text, if there is one.
    fn text(&self) -> Option<&str>;
}

impl LabelText for str {
    fn text(&self) -> Option<&str> {
        Some(self)
    }
}

impl LabelText for String {
    fn text(&self) -> Option<&str> {
        Some(self)
    }
}

impl LabelText for Cow<'_, str> {
    fn text(&self) -> Option<&str> {
        Some(self)
    }
}

impl<T: LabelText> LabelText for Option<T> {
    fn text(&self) -> Option<&str> {
        self.as_ref()?.text()
    }
}

macro_rules! impl_for_pointers {
    ($($pointer:ty)*) => {$(
        impl<T: LabelText + ?Sized> LabelText for $pointer {
            fn text(&self) -> Option<&str> {
                (**self).text()
            }
        }
    )*};
}

impl_for_pointers!(&T Box<T> Arc<T>);
