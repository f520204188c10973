//! What the items of a stream are worth: bytes, or an error.

use std::any::type_name;
use std::borrow::Cow;

use bytes::Bytes;

/// An item of a metered stream.
///
/// Implemented for bytes and text, and for `Result`s of them. For an item of your own, say how many
/// payload bytes it will be on the wire:
///
/// ```
/// use streamgauge::StreamChunk;
///
/// struct Delta {
///     text: String,
/// }
///
/// impl StreamChunk for Delta {
///     fn payload_bytes(&self) -> usize {
///         self.text.len()
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "a stream of `{Self}` cannot be metered",
    label = "its items are not `StreamChunk`s",
    note = "items may be `Bytes`, `Vec<u8>`, `String`, `&str`, `Cow<str>`, or a `Result` of one of them",
    note = "for a type of your own, `impl StreamChunk for {Self}` says how many bytes an item has",
    note = "server-sent events are metered on their way out: put the attribute on the function that \
            returns `Sse<…>`"
)]
pub trait StreamChunk {
    /// The payload bytes of this item, as they will be sent.
    fn payload_bytes(&self) -> usize;

    /// The bytes themselves, where the item holds them as one piece: what a `protocol` is read from.
    fn payload(&self) -> Option<&[u8]> {
        None
    }

    /// For an item that is an error, the name of the error's type.
    fn error_type(&self) -> Option<&'static str> {
        None
    }

    /// Whether this, as a part of an event stream, is a comment alone.
    #[doc(hidden)]
    fn __is_comment(&self) -> bool {
        false
    }
}

/// What an item is worth to the record.
pub(super) enum Worth<'a> {
    /// So many bytes, and themselves where they are at hand.
    Bytes {
        size: usize,
        bytes: Option<&'a [u8]>,
        /// Whether they keep the connection alive, and are no chunk.
        comment: bool,
    },
    /// An error of this type.
    Error(&'static str),
}

/// `in_events`: whether the item is a part of an event stream, in which comments are no chunks.
pub(super) fn worth<T: StreamChunk>(item: &T, in_events: bool) -> Worth<'_> {
    match item.error_type() {
        Some(error) => Worth::Error(error),
        None => Worth::Bytes {
            size: item.payload_bytes(),
            bytes: item.payload(),
            comment: in_events && item.__is_comment(),
        },
    }
}

/// An item that can be sent as a part of a response body: what `#[streaming_metrics(media_type = …)]`
/// makes a response of.
#[cfg(feature = "axum")]
pub trait ResponseChunk: StreamChunk {
    /// The bytes to send.
    ///
    /// # Errors
    ///
    /// The error that the item is; the response is broken off there.
    fn into_bytes(self) -> Result<Bytes, axum::BoxError>;
}

/// Whether a part of an event stream is there to keep the connection alive, and for nothing else: each of
/// its lines is empty or begins with a colon.
pub(super) fn is_comment(part: impl AsRef<[u8]>) -> bool {
    let part = part.as_ref();
    !part.is_empty()
        && part
            .split(|byte| matches!(byte, b'\n' | b'\r'))
            .all(|line| line.first().is_none_or(|first| *first == b':'))
}

macro_rules! chunks {
    ($($item:ty),* $(,)?) => {$(
        impl StreamChunk for $item {
            fn payload_bytes(&self) -> usize {
                self.len()
            }

            fn payload(&self) -> Option<&[u8]> {
                Some(AsRef::<[u8]>::as_ref(&**self))
            }

            fn __is_comment(&self) -> bool {
                is_comment(&**self)
            }
        }
    )*};
}

chunks!(Bytes, Vec<u8>, String, &[u8], &str, Cow<'_, str>);

#[cfg(feature = "axum")]
macro_rules! response_chunks {
    ($($item:ty),* $(,)?) => {$(
        impl ResponseChunk for $item {
            fn into_bytes(self) -> Result<Bytes, axum::BoxError> {
                Ok(ChunkBytes::from(self).0)
            }
        }
    )*};
}

#[cfg(feature = "axum")]
response_chunks!(Bytes, Vec<u8>, String, &'static [u8], &'static str, Cow<'static, str>);

/// The one conversion that `Bytes` lacks, beside those it has.
#[cfg(feature = "axum")]
struct ChunkBytes(Bytes);

#[cfg(feature = "axum")]
impl From<Cow<'static, str>> for ChunkBytes {
    fn from(text: Cow<'static, str>) -> Self {
        Self(match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        })
    }
}

#[cfg(feature = "axum")]
macro_rules! chunk_bytes {
    ($($item:ty),*) => {$(
        impl From<$item> for ChunkBytes {
            fn from(item: $item) -> Self {
                Self(item.into())
            }
        }
    )*};
}

#[cfg(feature = "axum")]
chunk_bytes!(Bytes, Vec<u8>, String, &'static [u8], &'static str);

impl<T: StreamChunk, E> StreamChunk for Result<T, E> {
    fn payload_bytes(&self) -> usize {
        self.as_ref().map_or(0, T::payload_bytes)
    }

    fn payload(&self) -> Option<&[u8]> {
        self.as_ref().ok()?.payload()
    }

    fn error_type(&self) -> Option<&'static str> {
        match self {
            Ok(item) => item.error_type(),
            Err(_) => Some(type_name::<E>()),
        }
    }

    fn __is_comment(&self) -> bool {
        self.as_ref().is_ok_and(T::__is_comment)
    }
}

#[cfg(feature = "axum")]
impl<T: ResponseChunk, E: Into<axum::BoxError>> ResponseChunk for Result<T, E> {
    fn into_bytes(self) -> Result<Bytes, axum::BoxError> {
        self.map_err(Into::into)?.into_bytes()
    }
}
