//! Everything that the expansions of the attributes call.
//!
//! Nothing here is public API. It changes with any version of the macros, which require exactly the
//! version of this crate.

mod derived_usage;
mod label_text;
mod opaque_reply;
mod reply_kind;
mod returned_future;

pub use linkme;

pub use self::derived_usage::{usage_from_counts, usage_with_part, usage_with_uncached};
pub use self::label_text::{LabelText, label, label_or_empty};
pub use self::opaque_reply::Returned;
#[cfg(feature = "axum")]
pub use self::opaque_reply::{OpaqueReply, meter_opaque, read_opaque};
pub use self::reply_kind::{InPlace, Probe};
#[cfg(feature = "axum")]
pub use self::reply_kind::{Sent, SentInResult, SentWithStatus};
pub use self::returned_future::returned;
pub use crate::call::current::{
    EnterCall, EnteredCall, EnteredGuard, WithinCall, enter_call, within_call,
};
pub use crate::callsite::{SITES, Site};
pub use crate::endpoint::{
    EndpointGuard, HasStatus, Inspected, ResultInfo, StatusFirst, finish, note_failure, start,
};
pub use crate::label::{Label, Method};
pub use crate::llm::{Completion, Operation, Protocol, replay};
pub use crate::objective::Goal;
#[cfg(feature = "axum")]
pub use crate::stream::{StreamHead, response_from_stream, response_head, response_with_head};
pub use crate::stream::{StreamReply, StreamStart, meter_ok, stream};
pub use crate::tokens::{
    ReadReply, TrackedCall, finish_call, finish_stream_call, read_ok, read_stream, start_call,
};
pub use crate::usage::{TokenCount, UsageCount};
pub use crate::{
    __streamgauge_inspect as inspect, __streamgauge_meter_kind as meter_kind,
    __streamgauge_note_failure as note_failure_of, __streamgauge_read_kind as read_kind,
    __streamgauge_site as site,
};

/// The traits that inspect a returned value. They are imported together, without names, because
/// only the compiler knows which of them applies: as single imports some would be unused.
pub mod inspection {
    pub use super::opaque_reply::Unwrapped as _;
    #[cfg(feature = "axum")]
    pub use super::opaque_reply::{TwiceWrapped as _, Wrapped as _};
    pub use crate::endpoint::{
        InspectAny as _, InspectCallError as _, InspectCallErrors as _, InspectErrorStatus as _,
        InspectErrorStatuses as _, InspectInnerCallError as _, InspectInnerErrorStatus as _,
        InspectInnerNamedError as _, InspectNamedError as _, InspectNamedErrors as _,
        InspectNestedResult as _, InspectNestedResultWithStatus as _, InspectNoCallError as _,
        InspectNoErrorStatus as _, InspectResult as _, InspectResultWithStatus as _,
        InspectStatus as _, InspectUnnamed as _,
    };
}

/// The traits that decide how a returned value is read or metered, imported together as above.
pub mod reply_kinds {
    pub use super::reply_kind::{
        MeterInPlace as _, MeterNothing as _, ReadInPlace as _, ReadNothing as _,
    };
    #[cfg(feature = "axum")]
    pub use super::reply_kind::{
        MeterSent as _, MeterSentInResult as _, ReadSent as _, ReadSentInResult as _,
        ReadSentWithStatus as _,
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
        static SITE: $crate::__private::Site = $site;
        &SITE
    }};
}

/// Evaluates to the status and the error of a returned value: see `endpoint::inspect`.
#[doc(hidden)]
#[macro_export]
macro_rules! __streamgauge_inspect {
    ($returned:expr) => {{
        use $crate::__private::inspection::*;
        let returned = $crate::__private::Returned($returned);
        let value = $crate::__private::Inspected((&&&returned).streamgauge_value());
        (&&&&&&value)
            .streamgauge_inspect()
            .with_error_status((&&&&value).streamgauge_error_status())
            .with_exception_type((&&&&value).streamgauge_exception_type())
    }};
}

/// Notes why the call of a guard has failed, if a returned value says so: see
/// `endpoint::call_error`.
#[doc(hidden)]
#[macro_export]
macro_rules! __streamgauge_note_failure {
    ($guard:expr, $returned:expr) => {{
        use $crate::__private::inspection::*;
        let returned = $crate::__private::Returned($returned);
        let value = $crate::__private::Inspected((&&&returned).streamgauge_value());
        $crate::__private::note_failure(
            $guard,
            (&&&&&&value).streamgauge_inspect(),
            (&&&&value).streamgauge_call_error(),
        );
    }};
}

/// Evaluates to the kind of a reply whose bytes are read: see `reply_kind`.
#[doc(hidden)]
#[macro_export]
macro_rules! __streamgauge_read_kind {
    ($reply:expr) => {{
        use $crate::__private::reply_kinds::*;
        let value = $crate::__private::Probe($reply);
        (&&&&&value).streamgauge_read_kind()
    }};
}

/// Evaluates to the kind of a returned value that is metered: see `reply_kind`.
#[doc(hidden)]
#[macro_export]
macro_rules! __streamgauge_meter_kind {
    ($reply:expr) => {{
        use $crate::__private::reply_kinds::*;
        let value = $crate::__private::Probe($reply);
        (&&&&value).streamgauge_meter_kind()
    }};
}
