//! Values that a function returns as `impl IntoResponse`.
//!
//! The signature does not name the type of such a value, so the expansion can return the value in a
//! wrapper that meters the response as soon as axum creates it. A response that a layer sends in
//! its place is then not mistaken for the stream.

#[cfg(feature = "axum")]
mod wrapped {
    use axum::response::{IntoResponse, Response};

    use super::Returned;
    use crate::stream::{StreamReply, StreamStart};
    use crate::tokens::{ReadReply, ReplyDetails, ReplyKind, TokenUsage, TrackedCall};
    use crate::usage::Usage;

    /// A returned value whose response is metered or parsed when it is made.
    pub struct OpaqueReply<R, F> {
        reply: R,
        finish: F,
    }

    /// Wraps a returned value, so that the response that it becomes is metered as a stream.
    pub fn meter_opaque<R: IntoResponse>(
        start: &StreamStart,
        reply: R,
    ) -> OpaqueReply<R, impl FnOnce(Response) -> Response + use<R>> {
        let start = start.take();
        OpaqueReply { reply, finish: move |response: Response| response.meter(&start) }
    }

    /// Wraps a returned value, so that the response that it becomes is parsed.
    pub fn read_opaque<R: IntoResponse>(
        call: TrackedCall,
        reply: R,
    ) -> OpaqueReply<R, impl FnOnce(Response) -> Response + use<R>> {
        OpaqueReply { reply, finish: move |response: Response| response.read(call) }
    }

    impl<R: IntoResponse, F: FnOnce(Response) -> Response> IntoResponse for OpaqueReply<R, F> {
        fn into_response(self) -> Response {
            (self.finish)(self.reply.into_response())
        }
    }

    impl<R: TokenUsage, F> TokenUsage for OpaqueReply<R, F> {
        fn token_usage(&self) -> Option<Usage> {
            self.reply.token_usage()
        }

        fn model(&self) -> Option<&str> {
            self.reply.model()
        }

        fn __kind(&self) -> ReplyKind {
            self.reply.__kind()
        }

        fn __details(&self) -> ReplyDetails {
            self.reply.__details()
        }
    }

    /// A value that two attributes have wrapped.
    pub trait TwiceWrapped {
        /// A reference to the value.
        type Value;

        #[doc(hidden)]
        fn streamgauge_value(&self) -> Self::Value;
    }

    impl<'a, R, F, G> TwiceWrapped for &&Returned<'a, OpaqueReply<OpaqueReply<R, F>, G>> {
        type Value = &'a R;

        fn streamgauge_value(&self) -> &'a R {
            &self.0.reply.reply
        }
    }

    /// A value that an attribute has wrapped.
    pub trait Wrapped {
        /// A reference to the value.
        type Value;

        #[doc(hidden)]
        fn streamgauge_value(&self) -> Self::Value;
    }

    impl<'a, R, F> Wrapped for &Returned<'a, OpaqueReply<R, F>> {
        type Value = &'a R;

        fn streamgauge_value(&self) -> &'a R {
            &self.0.reply
        }
    }
}

#[cfg(feature = "axum")]
pub use self::wrapped::{OpaqueReply, TwiceWrapped, Wrapped, meter_opaque, read_opaque};

/// Wraps a returned value, so that the traits of this module apply to it and to nothing else.
#[derive(Debug)]
pub struct Returned<'a, R>(pub &'a R);

/// A value that no attribute has wrapped.
pub trait Unwrapped {
    /// A reference to the value.
    type Value;

    #[doc(hidden)]
    fn streamgauge_value(&self) -> Self::Value;
}

impl<'a, R> Unwrapped for Returned<'a, R> {
    type Value = &'a R;

    fn streamgauge_value(&self) -> &'a R {
        self.0
    }
}
