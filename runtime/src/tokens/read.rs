//! Replies whose bytes are parsed.

use std::borrow::Cow;
use std::pin::Pin;

use bytes::Bytes;
use futures_core::Stream;

use super::TrackedCall;
use crate::media_type::BodyContent;
use crate::stream::{MeteredStream, StreamChunk};

/// A reply whose bytes are parsed in the protocol that the attribute names.
#[diagnostic::on_unimplemented(
    message = "`protocol` cannot be parsed from a `{Self}`",
    label = "its bytes cannot be reached",
    note = "return `impl Stream`, `Pin<Box<dyn Stream + Send>>`, `Bytes`, `Vec<u8>`, `String`, `&str`, or any \
            type that implements axum's `IntoResponse`, such as `Response`, `Sse<…>`, `Json<…>` or a tuple with \
            a status; or a `Result` of one of them",
    note = "for `reqwest::Response`, enable the feature `reqwest` of streamgauge",
    note = "without `protocol`, usage is read from a reply that implements `TokenUsage`"
)]
pub trait ReadReply: Sized {
    /// Parses the reply and returns it. The call ends with the last byte.
    #[must_use]
    fn read(self, call: TrackedCall) -> Self;
}

/// Parses the stream that a function returns as `impl Stream`.
pub fn read_stream<S>(call: TrackedCall, stream: S) -> MeteredStream<S>
where
    S: Stream,
    S::Item: StreamChunk,
{
    MeteredStream::new(stream, call.recorder(BodyContent::Readable))
}

/// Parses the value in a `Result`.
///
/// # Errors
///
/// Returns the error of `reply`.
pub fn read_ok<T, E, R>(
    call: TrackedCall,
    reply: Result<T, E>,
    read: impl FnOnce(TrackedCall, T) -> R,
) -> Result<R, E> {
    match reply {
        Ok(reply) => Ok(read(call, reply)),
        Err(error) => {
            call.fail();
            Err(error)
        }
    }
}

impl<T: ReadReply, E> ReadReply for Result<T, E> {
    fn read(self, call: TrackedCall) -> Self {
        read_ok(call, self, |call, reply| reply.read(call))
    }
}

impl<T: ReadReply> ReadReply for Option<T> {
    fn read(self, call: TrackedCall) -> Self {
        match self {
            Some(reply) => Some(reply.read(call)),
            None => {
                call.close_without_reply();
                None
            }
        }
    }
}

macro_rules! impl_for_bytes {
    ($($reply:ty),* $(,)?) => {$(
        impl ReadReply for $reply {
            fn read(self, call: TrackedCall) -> Self {
                call.parse_bytes(AsRef::<[u8]>::as_ref(&*self));
                self
            }
        }
    )*};
}

impl_for_bytes!(Bytes, Vec<u8>, String, &[u8], &str, Cow<'_, str>, Box<str>, Box<[u8]>);

macro_rules! impl_for_boxed_streams {
    ($($stream:ty),* $(,)?) => {$(
        impl<'a, T: StreamChunk + 'a> ReadReply for Pin<Box<$stream>> {
            fn read(self, call: TrackedCall) -> Self {
                Box::pin(read_stream(call, self))
            }
        }
    )*};
}

impl_for_boxed_streams!(
    dyn Stream<Item = T> + 'a,
    dyn Stream<Item = T> + Send + 'a,
    dyn Stream<Item = T> + Send + Sync + 'a,
);

#[cfg(feature = "axum")]
mod axum_replies {
    use axum::Json;
    use axum::body::Body;
    use axum::response::{IntoResponse, Sse};
    use http::Response;
    use serde::Serialize;

    use super::{BodyContent, ReadReply, TrackedCall};
    use crate::endpoint::StatusFirst;
    use crate::media_type::content_of;
    use crate::status::StatusClass;
    use crate::stream::meter_body;

    impl ReadReply for Body {
        fn read(self, call: TrackedCall) -> Self {
            meter_body(self, call.recorder(BodyContent::Readable))
        }
    }

    impl ReadReply for Response<Body> {
        fn read(self, call: TrackedCall) -> Self {
            call.note_headers(self.headers());
            let recorder = call.recorder(content_of(self.status(), self.headers()));
            self.map(|body| meter_body(body, recorder))
        }
    }

    impl<S> ReadReply for Sse<S> {
        fn read(self, call: TrackedCall) -> Self {
            call.expect_body(true);
            self
        }
    }

    /// Makes the layer parse the response that a reply becomes.
    pub(crate) fn read_sent<R>(call: TrackedCall, reply: R) -> R {
        call.expect_body(false);
        reply
    }

    /// Makes the layer parse the response that a reply with a status becomes. With the status of an
    /// error the call has failed, whether this response is sent or another one is tried for.
    pub(crate) fn read_sent_with_status<R: StatusFirst>(call: TrackedCall, reply: R) -> R {
        if StatusClass::of(reply.status()).is_error() {
            call.fail();
            return reply;
        }
        read_sent(call, reply)
    }

    impl<T: Serialize> ReadReply for Json<T> {
        fn read(self, call: TrackedCall) -> Self {
            call.parse_json(&self.0);
            self
        }
    }

    /// What a tuple becomes is known only with the response head, so the layer parses the response.
    macro_rules! impl_for_tuples {
        ($([$($part:ident),*] $reply:ty;)*) => {$(
            impl<$($part),*> ReadReply for $reply
            where
                Self: IntoResponse,
            {
                fn read(self, call: TrackedCall) -> Self {
                    read_sent(call, self)
                }
            }
        )*};
    }

    impl_for_tuples! {
        [A, T] (A, T);
        [A, B, T] (A, B, T);
        [A, B, C, T] (A, B, C, T);
        [A, B, C, D, T] (A, B, C, D, T);
    }
}
#[cfg(feature = "axum")]
pub(crate) use self::axum_replies::{read_sent, read_sent_with_status};
