//! What the attributes' expansions call. No part of the public interface: it changes with every
//! version of the macros, which are pinned to this crate's version.

mod label_text;
mod returned_future;

pub use linkme;

pub use self::label_text::{LabelText, label};
pub use self::returned_future::returned;
pub use crate::callsite::{SITES, Site};
pub use crate::endpoint::{EndpointGuard, HasStatus, Reply, Verdict, finish, start};
pub use crate::label::{Label, Method};
pub use crate::llm::Protocol;
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
