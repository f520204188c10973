//! The items of a stream: their size, their bytes, or their error.

use std::any::type_name;
use std::borrow::Cow;

use bytes::Bytes;

use crate::hook::{self, Hook};

/// An item of a metered stream.
///
/// Implemented for bytes and text, and for a `Result` of them. Implement it for item types of your
/// own, so that the stream can be metered before the items are serialized.
///
/// A panic in a method is caught, and the item is counted as a chunk without bytes. A `tracing`
/// event at level `WARN` names the type.
///
/// # Examples
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
    note = "for an item type of your own, implement `StreamChunk`, which returns the size of an item",
    note = "server-sent events are metered when they are sent: put the attribute on the function that \
            returns `Sse<…>`, or give it a `media_type`"
)]
pub trait StreamChunk {
    /// Returns the size of this item in bytes, which is added to `stream_bytes_total`.
    ///
    /// For an item that is serialized later this may be an estimate, such as the length of its
    /// text.
    fn payload_bytes(&self) -> usize;

    /// Returns the bytes of this item, if it holds them in one piece. A `protocol` is parsed from
    /// these bytes.
    ///
    /// By default `None`: only the size of the item is counted. With a `protocol`, implement this
    /// method: otherwise the call is counted in `usage_missing_total`, and a stream that ends has
    /// the outcome `truncated`.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::StreamChunk;
    ///
    /// struct Frame {
    ///     json: Vec<u8>,
    /// }
    ///
    /// impl StreamChunk for Frame {
    ///     fn payload_bytes(&self) -> usize {
    ///         self.json.len()
    ///     }
    ///
    ///     fn payload(&self) -> Option<&[u8]> {
    ///         Some(&self.json)
    ///     }
    /// }
    /// ```
    fn payload(&self) -> Option<&[u8]> {
        None
    }

    /// Returns the type name of the error, for an item that is an error. It becomes the
    /// `error_type` label, shortened like the
    /// [name of an exception](crate::track_detailed_exception#the-name-of-an-error).
    fn error_type(&self) -> Option<&'static str> {
        None
    }
}

/// The part of an item that is recorded.
pub(super) enum Measure<'a> {
    /// The size in bytes, and the bytes if the item gives access to them.
    Bytes { size: usize, bytes: Option<&'a [u8]> },
    /// An error of this type.
    Error(&'static str),
}

/// Measures an item. If its code panics, the item is a chunk of unknown size.
pub(super) fn measure<T: StreamChunk>(item: &T) -> Measure<'_> {
    let measured = hook::call(Hook::StreamChunk, type_name::<T>(), || match item.error_type() {
        Some(error) => Measure::Error(error),
        None => Measure::Bytes { size: item.payload_bytes(), bytes: item.payload() },
    });
    measured.unwrap_or(Measure::Bytes { size: 0, bytes: None })
}

/// An item that can be sent as a part of a response body.
///
/// `#[streaming_metrics(media_type = …)]` builds a response from a stream of such items.
/// Implemented for bytes and text, and for a `Result` of them.
///
/// # Examples
///
/// An item type of one's own is sent as the bytes that it returns:
///
/// ```
/// use axum::BoxError;
/// use axum::body::Bytes;
/// use streamgauge::{ResponseChunk, StreamChunk};
///
/// struct Line(String);
///
/// impl StreamChunk for Line {
///     fn payload_bytes(&self) -> usize {
///         self.0.len() + 1
///     }
/// }
///
/// impl ResponseChunk for Line {
///     fn into_bytes(self) -> Result<Bytes, BoxError> {
///         Ok(format!("{}\n", self.0).into())
///     }
/// }
///
/// let line = Line("ready".to_owned());
/// assert_eq!(line.payload_bytes(), 6);
/// assert_eq!(line.into_bytes()?, "ready\n");
/// # Ok::<(), BoxError>(())
/// ```
#[cfg(feature = "axum")]
pub trait ResponseChunk: StreamChunk {
    /// Returns the bytes to send.
    ///
    /// # Errors
    ///
    /// If the item is an error, returns it. The response body is aborted at this item.
    fn into_bytes(self) -> Result<Bytes, axum::BoxError>;
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

/// Adds the conversion from `Cow` that `Bytes` lacks to the conversions that it has.
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
}

#[cfg(feature = "axum")]
impl<T: ResponseChunk, E: Into<axum::BoxError>> ResponseChunk for Result<T, E> {
    fn into_bytes(self) -> Result<Bytes, axum::BoxError> {
        self.map_err(Into::into)?.into_bytes()
    }
}
