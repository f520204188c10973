//! How the attributes for model calls and streams reach the stream or the bytes of a value.
//!
//! A value is either read and metered in place, or the layer does so when the response that the
//! value becomes is sent. Method resolution picks the kind from the type of the value, as in
//! `endpoint::inspect`: the trait that is implemented for the most references comes first. The kind
//! is a type of its own with the methods `read` and `meter`, so that the compiler reports a return
//! type that neither way accepts.

use crate::stream::{StreamReply, StreamStart};
use crate::tokens::{ReadReply, TrackedCall};

/// Wraps a returned value, so that the traits of this module apply to it and to nothing else.
#[derive(Debug)]
pub struct Probe<'a, T>(pub &'a T);

/// The value gives access to its stream or its bytes. Also the kind of a value that does neither,
/// so that the compiler reports the trait that it lacks.
#[derive(Clone, Copy, Debug)]
pub struct InPlace;

impl InPlace {
    /// Parses the reply of a call.
    pub fn read<R: ReadReply>(self, call: TrackedCall, reply: R) -> R {
        reply.read(call)
    }

    /// Meters the stream in a returned value.
    pub fn meter<R: StreamReply>(self, start: &StreamStart, reply: R) -> R {
        reply.meter(start)
    }
}

/// A value that is read in place.
pub trait ReadInPlace {
    #[doc(hidden)]
    fn streamgauge_read_kind(&self) -> InPlace;
}

impl<T: ReadReply> ReadInPlace for &&&Probe<'_, T> {
    fn streamgauge_read_kind(&self) -> InPlace {
        InPlace
    }
}

/// A value that cannot be read.
pub trait ReadNothing {
    #[doc(hidden)]
    fn streamgauge_read_kind(&self) -> InPlace;
}

impl<T> ReadNothing for Probe<'_, T> {
    fn streamgauge_read_kind(&self) -> InPlace {
        InPlace
    }
}

/// A value that is metered in place.
pub trait MeterInPlace {
    #[doc(hidden)]
    fn streamgauge_meter_kind(&self) -> InPlace;
}

impl<T: StreamReply> MeterInPlace for &&&Probe<'_, T> {
    fn streamgauge_meter_kind(&self) -> InPlace {
        InPlace
    }
}

/// A value that cannot be metered.
pub trait MeterNothing {
    #[doc(hidden)]
    fn streamgauge_meter_kind(&self) -> InPlace;
}

impl<T> MeterNothing for Probe<'_, T> {
    fn streamgauge_meter_kind(&self) -> InPlace {
        InPlace
    }
}

#[cfg(feature = "axum")]
mod sent {
    use axum::response::IntoResponse;

    use super::Probe;
    use crate::endpoint::StatusFirst;
    use crate::stream::{StreamStart, expect_response, meter_ok};
    use crate::tokens::{TrackedCall, read_ok, read_sent, read_sent_with_status};

    /// The value becomes a response, whose body the layer reads.
    #[derive(Clone, Copy, Debug)]
    pub struct Sent;

    impl Sent {
        /// Makes the layer parse the response.
        pub fn read<R: IntoResponse>(self, call: TrackedCall, reply: R) -> R {
            read_sent(call, reply)
        }

        /// Makes the layer meter the response.
        pub fn meter<R: IntoResponse>(self, start: &StreamStart, reply: R) -> R {
            expect_response(start, reply)
        }
    }

    /// The value begins with the status of the response that it becomes.
    #[derive(Clone, Copy, Debug)]
    pub struct SentWithStatus;

    impl SentWithStatus {
        /// Makes the layer parse the response, unless its status is an error.
        pub fn read<R: IntoResponse + StatusFirst>(self, call: TrackedCall, reply: R) -> R {
            read_sent_with_status(call, reply)
        }
    }

    /// The `Ok` value becomes a response, and the type of the `Result` is hidden by an alias.
    #[derive(Clone, Copy, Debug)]
    pub struct SentInResult;

    impl SentInResult {
        /// Makes the layer parse the response that an `Ok` becomes.
        pub fn read<T, E>(self, call: TrackedCall, reply: Result<T, E>) -> Result<T, E> {
            read_ok(call, reply, read_sent)
        }

        /// Makes the layer meter the response that an `Ok` becomes.
        pub fn meter<T, E>(self, start: &StreamStart, reply: Result<T, E>) -> Result<T, E> {
            meter_ok(start, reply, |reply| expect_response(start, reply))
        }
    }

    /// A status, or a tuple that begins with one.
    pub trait ReadSentWithStatus {
        #[doc(hidden)]
        fn streamgauge_read_kind(&self) -> SentWithStatus;
    }

    impl<T: IntoResponse + StatusFirst> ReadSentWithStatus for &&&&Probe<'_, T> {
        fn streamgauge_read_kind(&self) -> SentWithStatus {
            SentWithStatus
        }
    }

    /// A `Result` that becomes a response.
    pub trait ReadSentInResult {
        #[doc(hidden)]
        fn streamgauge_read_kind(&self) -> SentInResult;
    }

    impl<T, E> ReadSentInResult for &&Probe<'_, Result<T, E>>
    where
        Result<T, E>: IntoResponse,
    {
        fn streamgauge_read_kind(&self) -> SentInResult {
            SentInResult
        }
    }

    /// A value that becomes a response.
    pub trait ReadSent {
        #[doc(hidden)]
        fn streamgauge_read_kind(&self) -> Sent;
    }

    impl<T: IntoResponse> ReadSent for &Probe<'_, T> {
        fn streamgauge_read_kind(&self) -> Sent {
            Sent
        }
    }

    /// A `Result` that becomes a response.
    pub trait MeterSentInResult {
        #[doc(hidden)]
        fn streamgauge_meter_kind(&self) -> SentInResult;
    }

    impl<T, E> MeterSentInResult for &&Probe<'_, Result<T, E>>
    where
        Result<T, E>: IntoResponse,
    {
        fn streamgauge_meter_kind(&self) -> SentInResult {
            SentInResult
        }
    }

    /// A value that becomes a response.
    pub trait MeterSent {
        #[doc(hidden)]
        fn streamgauge_meter_kind(&self) -> Sent;
    }

    impl<T: IntoResponse> MeterSent for &Probe<'_, T> {
        fn streamgauge_meter_kind(&self) -> Sent {
            Sent
        }
    }
}
#[cfg(feature = "axum")]
pub use self::sent::{
    MeterSent, MeterSentInResult, ReadSent, ReadSentInResult, ReadSentWithStatus, Sent,
    SentInResult, SentWithStatus,
};
