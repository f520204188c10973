//! Replies whose bytes a protocol is read from.

use std::borrow::Cow;
use std::pin::Pin;

use bytes::Bytes;
use futures_core::Stream;

use super::TokenCall;
use crate::media_type::BodyContent;
use crate::stream::{MeteredStream, StreamChunk};

/// A reply that has the bytes of a protocol in it, or will have.
#[diagnostic::on_unimplemented(
    message = "no `protocol` can be read from a `{Self}`",
    label = "its bytes are not at hand",
    note = "return `Response`, `Body`, `Sse<…>`, `impl IntoResponse`, `impl Stream`, `Pin<Box<dyn Stream + \
            Send>>`, `Bytes`, `Vec<u8>`, `String`, `&str`, `Json<…>`, or a `Result` or a tuple of one of them",
    note = "without `protocol`, usage is taken from a reply that is a `TokenUsage`"
)]
pub trait ReadReply: Sized {
    /// The same reply; the call ends with its bytes.
    #[must_use]
    fn read(self, call: TokenCall) -> Self;
}

/// Reads a reply of a type that can be asked.
pub fn read<R: ReadReply>(call: TokenCall, reply: R) -> R {
    reply.read(call)
}

/// Reads the stream behind an `impl Stream`.
pub fn read_stream<S>(call: TokenCall, stream: S) -> MeteredStream<S>
where
    S: Stream,
    S::Item: StreamChunk,
{
    MeteredStream::new(stream, call.reader(BodyContent::Readable))
}

/// Reads what is in a result, if it is there.
///
/// # Errors
///
/// The error that the reply is.
pub fn read_ok<T, E, R>(
    call: TokenCall,
    reply: Result<T, E>,
    read: impl FnOnce(TokenCall, T) -> R,
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
    fn read(self, call: TokenCall) -> Self {
        read_ok(call, self, |call, reply| reply.read(call))
    }
}

impl<T: ReadReply> ReadReply for Option<T> {
    fn read(self, call: TokenCall) -> Self {
        match self {
            Some(reply) => Some(reply.read(call)),
            None => {
                call.without_reply();
                None
            }
        }
    }
}

macro_rules! whole {
    ($($reply:ty),* $(,)?) => {$(
        impl ReadReply for $reply {
            fn read(self, call: TokenCall) -> Self {
                call.read_whole(AsRef::<[u8]>::as_ref(&*self));
                self
            }
        }
    )*};
}

whole!(Bytes, Vec<u8>, String, &[u8], &str, Cow<'_, str>, Box<str>, Box<[u8]>);

macro_rules! boxed {
    ($($stream:ty),* $(,)?) => {$(
        impl<'a, T: StreamChunk + 'a> ReadReply for Pin<Box<$stream>> {
            fn read(self, call: TokenCall) -> Self {
                Box::pin(read_stream(call, self))
            }
        }
    )*};
}

boxed!(
    dyn Stream<Item = T> + 'a,
    dyn Stream<Item = T> + Send + 'a,
    dyn Stream<Item = T> + Send + Sync + 'a,
);

#[cfg(feature = "axum")]
mod of_axum {
    use axum::Json;
    use axum::body::Body;
    use axum::response::{IntoResponse, Sse};
    use http::Response;
    use serde::Serialize;

    use super::{BodyContent, ReadReply, TokenCall};
    use crate::media_type::content_of;
    use crate::stream::meter_body;

    impl ReadReply for Body {
        fn read(self, call: TokenCall) -> Self {
            meter_body(self, call.reader(BodyContent::Readable))
        }
    }

    impl ReadReply for Response<Body> {
        fn read(self, call: TokenCall) -> Self {
            let reader = call.reader(content_of(self.status(), self.headers()));
            self.map(|body| meter_body(body, reader))
        }
    }

    impl<S> ReadReply for Sse<S> {
        fn read(self, call: TokenCall) -> Self {
            call.read_as_sent(true);
            self
        }
    }

    /// Lets the layer read the response that a reply of hidden type becomes.
    pub fn read_sent<R: IntoResponse>(call: TokenCall, reply: R) -> R {
        call.read_as_sent(false);
        reply
    }

    impl<T: Serialize> ReadReply for Json<T> {
        fn read(self, call: TokenCall) -> Self {
            call.read_json(&self.0);
            self
        }
    }

    /// Only with their response's head it is known what these become.
    macro_rules! as_sent {
        ($([$($part:ident),*] $reply:ty;)*) => {$(
            impl<$($part),*> ReadReply for $reply
            where
                Self: IntoResponse,
            {
                fn read(self, call: TokenCall) -> Self {
                    read_sent(call, self)
                }
            }
        )*};
    }

    as_sent! {
        [A, T] (A, T);
        [A, B, T] (A, B, T);
        [A, B, C, T] (A, B, C, T);
        [A, B, C, D, T] (A, B, C, D, T);
    }
}
#[cfg(feature = "axum")]
pub use self::of_axum::read_sent;
