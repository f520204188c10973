//! What the head of a response says of the bytes in its body.

use http::{HeaderMap, HeaderValue, StatusCode, header};

/// What a response's head says of the bytes that a protocol would be read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyContent {
    /// They may be the protocol's.
    Readable,
    /// Nobody can read them here: they are compressed, or of a type that no protocol is of.
    Opaque,
    /// They are what an HTTP error has to say, and no reply of a model.
    Error,
}

/// What the head of a response says of its body as a model's reply.
pub(crate) fn content_of(status: StatusCode, headers: &HeaderMap) -> BodyContent {
    let is_plain = |encoding: &HeaderValue| encoding.as_bytes().eq_ignore_ascii_case(b"identity");
    if status.is_client_error() || status.is_server_error() {
        BodyContent::Error
    } else if headers.get_all(header::CONTENT_ENCODING).iter().all(is_plain)
        && headers.get(header::CONTENT_TYPE).is_none_or(may_be_text)
    {
        BodyContent::Readable
    } else {
        BodyContent::Opaque
    }
}

/// Whether a protocol may be of this type. Many a proxy passes replies on without one, or as an octet stream:
/// only what is surely something else is refused.
fn may_be_text(media_type: &HeaderValue) -> bool {
    const OTHER_KINDS: [&str; 5] = ["audio/", "font/", "image/", "model/", "video/"];
    const OTHER_FORMATS: [&str; 8] =
        ["cbor", "eventstream", "grpc", "msgpack", "pdf", "protobuf", "wasm", "zip"];
    let essence = String::from_utf8_lossy(essence(media_type)).to_ascii_lowercase();
    !OTHER_KINDS.iter().any(|kind| essence.starts_with(kind))
        && (essence.starts_with("text/")
            || !OTHER_FORMATS.iter().any(|format| essence.contains(format)))
}

/// Whether a response is a stream of server-sent events.
pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|media_type| essence(media_type).eq_ignore_ascii_case(b"text/event-stream"))
}

/// A media type without its parameters.
fn essence(media_type: &HeaderValue) -> &[u8] {
    let media_type = media_type.as_bytes();
    let end = memchr::memchr(b';', media_type).unwrap_or(media_type.len());
    media_type[..end].trim_ascii()
}
