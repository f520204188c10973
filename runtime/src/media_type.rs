//! What the response head says of the bytes in the body.

use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::status::StatusClass;

/// Whether the bytes of a response body can be the reply of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyContent {
    /// A protocol can be parsed from the bytes.
    Readable,
    /// The bytes are one JSON document: a reply that is not streamed.
    Document,
    /// The bytes are compressed, or of a media type that no protocol uses.
    Opaque,
    /// The bytes describe an HTTP error of this status.
    Error(StatusCode),
}

impl BodyContent {
    /// Returns whether a protocol can be parsed from the bytes.
    pub(crate) fn is_readable(self) -> bool {
        matches!(self, Self::Readable | Self::Document)
    }
}

/// Returns whether the response body can be the reply of a model.
pub(crate) fn content_of(status: StatusCode, headers: &HeaderMap) -> BodyContent {
    let is_identity =
        |encoding: &HeaderValue| encoding.as_bytes().eq_ignore_ascii_case(b"identity");
    if StatusClass::of(status).is_error() {
        BodyContent::Error(status)
    } else if headers.get_all(header::CONTENT_ENCODING).iter().all(is_identity)
        && headers.get(header::CONTENT_TYPE).is_none_or(may_be_text)
    {
        let is_document = headers.get(header::CONTENT_TYPE).is_some_and(is_json_document);
        if is_document { BodyContent::Document } else { BodyContent::Readable }
    } else {
        BodyContent::Opaque
    }
}

/// Returns whether a protocol can have this media type. Only types that are certainly something
/// else are refused, because many proxies pass replies on as an octet stream.
fn may_be_text(media_type: &HeaderValue) -> bool {
    const BINARY_KINDS: [&str; 5] = ["audio/", "font/", "image/", "model/", "video/"];
    const BINARY_FORMATS: [&str; 8] =
        ["cbor", "eventstream", "grpc", "msgpack", "pdf", "protobuf", "wasm", "zip"];
    let essence = String::from_utf8_lossy(essence(media_type)).to_ascii_lowercase();
    if essence == "application/vnd.amazon.eventstream" {
        // The only binary format with a decoder.
        return true;
    }
    !BINARY_KINDS.iter().any(|kind| essence.starts_with(kind))
        && (essence.starts_with("text/")
            || !BINARY_FORMATS.iter().any(|format| essence.contains(format)))
}

/// Returns whether this is the media type of one JSON document (RFC 6839, section 3.1), and not of
/// several in one body.
fn is_json_document(media_type: &HeaderValue) -> bool {
    let essence = essence(media_type);
    let suffix = essence.len().checked_sub(5).map(|start| &essence[start..]);
    essence.eq_ignore_ascii_case(b"application/json")
        || suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case(b"+json"))
            && !essence.eq_ignore_ascii_case(b"application/stream+json")
}

/// Returns whether the response is a stream of server-sent events.
pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|media_type| essence(media_type).eq_ignore_ascii_case(b"text/event-stream"))
}

/// Returns a media type without its parameters (RFC 9110, section 8.3.1).
fn essence(media_type: &HeaderValue) -> &[u8] {
    let media_type = media_type.as_bytes();
    let end = memchr::memchr(b';', media_type).unwrap_or(media_type.len());
    media_type[..end].trim_ascii()
}
