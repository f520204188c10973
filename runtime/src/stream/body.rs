//! A response body that is counted as a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http::{HeaderMap, header};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::StreamRecorder;
use super::chunk::is_comment;

/// Counts a body's frames, if there is a record to count them in.
pub(crate) fn meter_body(body: Body, recorder: Option<StreamRecorder>, events: bool) -> Body {
    match recorder {
        Some(recorder) => Body::new(MeteredBody { body, meter: FrameMeter::new(recorder, events) }),
        None => body,
    }
}

/// Whether a response is a stream of server-sent events.
pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
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
        this.meter.poll_begins();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
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

/// The record of a stream that is seen as the frames of a body.
pub(crate) struct FrameMeter {
    /// Gone once the body has ended.
    recorder: Option<StreamRecorder>,
    events: bool,
}

impl FrameMeter {
    pub(crate) fn new(recorder: StreamRecorder, events: bool) -> Self {
        Self { recorder: Some(recorder), events }
    }

    pub(crate) fn poll_begins(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.poll_begins();
        }
    }

    /// Records what a body's poll has given. Comments of an event stream are no chunks.
    pub(crate) fn poll_ends(&mut self, polled: &Poll<Option<Result<Frame<Bytes>, axum::Error>>>) {
        let Some(recorder) = &mut self.recorder else { return };
        recorder.poll_ends(polled.is_pending());
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    recorder.item(data.len(), Some(data), self.events && is_comment(data));
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
