//! Label values: closed sets of values, and texts that are cheap to clone.

use std::ops::Deref;
use std::sync::Arc;

/// The name of an error of a response body, whose type is erased.
pub(crate) const BODY_ERROR: &str = "BodyError";

/// Declares an enum of all values of a label. An `indexed` enum can also be the index of a table.
macro_rules! closed_set {
    (indexed $(#[$doc:meta])* $vis:vis $set:ident { $($body:tt)* }) => {
        closed_set! { $(#[$doc])* $vis $set { $($body)* } }
        closed_set! { @index $vis $set { $($body)* } }
    };
    (@index $vis:vis $set:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        impl $set {
            /// The number of values: the length of a table that is indexed by [`Self::index`].
            $vis const COUNT: usize = [$($text),*].len();

            /// Returns the index of this value in a table with [`Self::COUNT`] entries.
            $vis const fn index(self) -> usize {
                self as usize
            }
        }
    };
    ($(#[$doc:meta])* $vis:vis $set:ident {
        $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $set { $($(#[$variant_doc])* $variant,)* }

        impl $set {
            /// Returns the value of the label.
            $vis const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

pub(crate) use closed_set;

closed_set! {
    /// The `method` label: the methods of RFC 9110, PATCH, and one value for all other methods,
    /// because a client may send any token as a method.
    #[doc(hidden)]
    pub Method {
        /// GET
        Get = "GET",
        /// HEAD
        Head = "HEAD",
        /// POST
        Post = "POST",
        /// PUT
        Put = "PUT",
        /// DELETE
        Delete = "DELETE",
        /// PATCH
        Patch = "PATCH",
        /// OPTIONS
        Options = "OPTIONS",
        /// TRACE
        Trace = "TRACE",
        /// CONNECT
        Connect = "CONNECT",
        /// Any other method.
        Other = "_OTHER",
        /// Not known: an annotated function was called outside any request.
        Unknown = "",
    }
}

impl From<&http::Method> for Method {
    fn from(method: &http::Method) -> Self {
        match *method {
            http::Method::GET => Self::Get,
            http::Method::HEAD => Self::Head,
            http::Method::POST => Self::Post,
            http::Method::PUT => Self::Put,
            http::Method::DELETE => Self::Delete,
            http::Method::PATCH => Self::Patch,
            http::Method::OPTIONS => Self::Options,
            http::Method::TRACE => Self::Trace,
            http::Method::CONNECT => Self::Connect,
            _ => Self::Other,
        }
    }
}

/// A label value that is cloned without an allocation.
#[derive(Clone, Debug)]
pub enum Label {
    /// A literal.
    Static(&'static str),
    /// A value from an argument of the annotated function.
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
