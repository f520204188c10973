//! Label values: closed sets of them, and text that is cheap to clone.

use std::ops::Deref;
use std::sync::Arc;

/// Declares an enum whose variants are the only values of one label. An `indexed` one can stand as
/// the index of a table.
macro_rules! closed_set {
    (indexed $(#[$doc:meta])* $vis:vis $set:ident { $($body:tt)* }) => {
        closed_set! { $(#[$doc])* $vis $set { $($body)* } }
        closed_set! { @index $vis $set { $($body)* } }
    };
    (@index $vis:vis $set:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        impl $set {
            /// How many values the set has: the length of a table indexed by [`Self::index`].
            $vis const COUNT: usize = [$($text),*].len();

            /// The place of this value in a table of [`Self::COUNT`] entries.
            $vis const fn index(self) -> usize {
                self as usize
            }
        }
    };
    ($(#[$doc:meta])* $vis:vis $set:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $set { $($(#[$variant_doc])* $variant,)* }

        impl $set {
            /// The label's value.
            $vis const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

pub(crate) use closed_set;

closed_set! {
    /// The `method` label: the methods of RFC 9110 and PATCH, and one value for all others, because
    /// a client may send any token it likes.
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
        /// Any other token.
        Other = "_OTHER",
        /// Not known: a function that was called outside any request.
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
