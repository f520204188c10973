//! A response body that is counted as a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::StreamRecorder;
use crate::request::{Content, SourceRuns};

/// Counts a body's frames, if there is a record to count them in.
pub(crate) fn meter_body(body: Body, recorder: Option<StreamRecorder>) -> Body {
    let Some(recorder) = recorder else { return body };
    let mut meter = FrameMeter::new(recorder);
    if body.is_end_stream() {
        // Nobody would ask it for a frame.
        meter.complete();
        return body;
    }
    Body::new(MeteredBody { body, meter })
}

/// What the head of a response says of its body as a model's reply.
pub(crate) fn content_of(status: StatusCode, headers: &HeaderMap) -> Content {
    let is_plain = |encoding: &HeaderValue| encoding.as_bytes().eq_ignore_ascii_case(b"identity");
    if status.is_client_error() || status.is_server_error() {
        Content::Error
    } else if headers.get_all(header::CONTENT_ENCODING).iter().all(is_plain)
        && headers.get(header::CONTENT_TYPE).is_none_or(may_be_text)
    {
        Content::Readable
    } else {
        Content::Opaque
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

struct MeteredBody {
    body: Body,
    meter: FrameMeter,
}

impl HttpBody for MeteredBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let source_runs = this.meter.poll_begins();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        drop(source_runs);
        this.meter.poll_ends(&polled);
        if this.body.is_end_stream() {
            this.meter.complete();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for MeteredBody {
    fn drop(&mut self) {
        self.meter.drop_begins();
    }
}

/// The record of a stream that is seen as the frames of a body.
pub(crate) struct FrameMeter {
    /// Gone once the body has ended.
    recorder: Option<StreamRecorder>,
}

impl FrameMeter {
    pub(crate) fn new(recorder: StreamRecorder) -> Self {
        Self { recorder: Some(recorder) }
    }

    pub(crate) fn poll_begins(&mut self) -> Option<SourceRuns> {
        self.recorder.as_mut().and_then(StreamRecorder::poll_begins)
    }

    /// The body is about to be dropped, before this.
    pub(crate) fn drop_begins(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.drop_begins();
        }
    }

    /// Records what a body's poll has given.
    pub(crate) fn poll_ends(&mut self, polled: &Poll<Option<Result<Frame<Bytes>, axum::Error>>>) {
        let Some(recorder) = &mut self.recorder else { return };
        recorder.poll_ends(polled.is_pending());
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    recorder.item(data.len(), Some(data));
                }
            }
            Poll::Ready(Some(Err(_))) => recorder.error("BodyError"),
            Poll::Ready(None) => self.complete(),
            Poll::Pending => {}
        }
    }

    /// The body has ended by itself.
    pub(crate) fn complete(&mut self) {
        if let Some(mut recorder) = self.recorder.take() {
            recorder.complete();
        }
    }
}
