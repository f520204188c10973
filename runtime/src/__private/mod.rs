//! Everything that the expansions of the attributes call.
//!
//! Nothing here is public API. It changes with any version of the macros, which require exactly the
//! version of this crate.

mod derived_usage;
mod label_text;
mod returned_future;

pub use linkme;

pub use self::derived_usage::{usage_from_counts, usage_with_part, usage_with_uncached};
pub use self::label_text::{LabelText, label};
pub use self::returned_future::returned;
pub use crate::call::{EnterCall, EnteredCall, WithinCall, enter_call, within_call};
pub use crate::callsite::{SITES, Site};
pub use crate::endpoint::{EndpointGuard, HasStatus, Inspected, ResultInfo, finish, start};
pub use crate::label::{Label, Method};
pub use crate::llm::{Operation, Protocol};
pub use crate::stream::{StreamReply, StreamStart, meter, stream};
#[cfg(feature = "axum")]
pub use crate::stream::{expect_response, response_from_stream};
#[cfg(feature = "axum")]
pub use crate::tokens::read_sent;
pub use crate::tokens::{
    ReadReply, TrackedCall, finish_call, finish_stream_call, read, read_ok, read_stream, start_call,
};
pub use crate::usage::TokenCount;
pub use crate::{__streamgauge_inspect as inspect, __streamgauge_site as site};

/// The traits that inspect a returned value. They are imported together, without names, because
/// only the compiler knows which of them applies: as single imports some would be unused.
pub mod inspection {
    pub use crate::endpoint::{
        InspectAny as _, InspectNamedError as _, InspectResult as _, InspectResultWithStatus as _,
        InspectStatus as _, InspectUnnamed as _,
    };
}

/// The response type of a function with a `media_type`.
#[cfg(feature = "axum")]
pub type Response = axum::response::Response;

/// Calls the body of a synchronous function. As an argument with an `FnOnce` bound, the closure may
/// return what it borrows from an argument, which the compiler rejects if it is called in place.
#[inline]
pub fn call<R>(body: impl FnOnce() -> R) -> R {
    body()
}

/// Declares the static call site of an attribute, registers it in the catalogue that the linker
/// builds, and evaluates to a reference to it.
#[doc(hidden)]
#[macro_export]
macro_rules! __streamgauge_site {
    ($site:expr) => {{
        #[$crate::__private::linkme::distributed_slice($crate::__private::SITES)]
        #[linkme(crate = $crate::__private::linkme)]
        static SITE: $crate::__private::Site = $site
            .in_module(::core::module_path!())
            .with_type_path(|| ::core::any::type_name_of_val(&|| ()));
        &SITE
    }};
}

/// Evaluates to the status and the error of a returned value: see `endpoint::inspect`.
#[doc(hidden)]
#[macro_export]
macro_rules! __streamgauge_inspect {
    ($returned:expr) => {{
        use $crate::__private::inspection::*;
        let value = $crate::__private::Inspected($returned);
        (&&&&value)
            .streamgauge_inspect()
            .with_exception_type((&&value).streamgauge_exception_type())
    }};
}
