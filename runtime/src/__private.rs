//! What the attributes' expansions call. No part of the public interface: it changes with every
//! version of the macros, which are pinned to this crate's version.

use std::borrow::Cow;
use std::sync::Arc;

pub use linkme;

pub use crate::endpoint::{EndpointGuard, HasStatus, Reply, Verdict, finish, start};
pub use crate::family::Method;
pub use crate::protocol::Protocol;
pub use crate::request::{Label, returned};
pub use crate::site::{SITES, Site};
pub use crate::stream::{StreamReply, StreamStart, meter, stream};
#[cfg(feature = "axum")]
pub use crate::stream::{mark, respond};
#[cfg(feature = "axum")]
pub use crate::tokens::read_sent;
pub use crate::tokens::{
    ReadReply, TokenCall, finish_call, finish_stream_call, read, read_ok, read_stream, start_call,
};
pub use crate::usage::TokenCount;
pub use crate::{__streamgauge_site as site, __streamgauge_verdict as verdict};

/// The traits that a result is asked through. Some of them are used, and which ones only the compiler
/// knows: together they are no unused import.
pub mod questions {
    pub use crate::endpoint::{
        Named as _, OfAny as _, OfResult as _, OfStatus as _, OfStatusResult as _, Unnamed as _,
    };
}

/// What a media-type attribute turns a stream into.
#[cfg(feature = "axum")]
pub type Response = axum::response::Response;

/// Calls a synchronous function's body. As the argument of an `FnOnce` bound the closure may return
/// what it borrows through an argument, which it could not if it were called in place.
#[inline]
pub fn call<R>(body: impl FnOnce() -> R) -> R {
    body()
}

/// A label value that an attribute takes from the function's arguments.
pub fn label<T: LabelText + ?Sized>(value: &T) -> Label {
    value.text().map_or(Label::Static(""), |text| Label::Shared(text.into()))
}

/// Text that can be a label's value, or may be absent.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` cannot be a label value",
    label = "expected text: `&str`, `String`, or an `Option` of one"
)]
pub trait LabelText {
    /// The text, if it is there.
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

macro_rules! look_through {
    ($($outer:ty)*) => {$(
        impl<T: LabelText + ?Sized> LabelText for $outer {
            fn text(&self) -> Option<&str> {
                (**self).text()
            }
        }
    )*};
}

look_through!(&T Box<T> Arc<T>);

/// Declares the static call site of an attribute, known to the linker's catalogue, and is a reference
/// to it.
#[doc(hidden)]
#[macro_export]
macro_rules! __streamgauge_site {
    ($site:expr) => {{
        #[$crate::__private::linkme::distributed_slice($crate::__private::SITES)]
        #[linkme(crate = $crate::__private::linkme)]
        static SITE: $crate::__private::Site =
            $site.within(::core::module_path!()).inside(|| ::core::any::type_name_of_val(&|| ()));
        &SITE
    }};
}

/// Asks a result how it went: see `endpoint::verdict`.
#[doc(hidden)]
#[macro_export]
macro_rules! __streamgauge_verdict {
    ($reply:expr) => {{
        use $crate::__private::questions::*;
        let reply = $crate::__private::Reply($reply);
        (&&&&reply).streamgauge_verdict().named((&&reply).streamgauge_exception())
    }};
}
