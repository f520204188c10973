//! A response body that is counted as a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::StreamRecorder;
use crate::request::SourcePollGuard;

/// Counts a body's frames, if there is a record to count them in.
pub(crate) fn meter_body(body: Body, recorder: Option<StreamRecorder>) -> Body {
    let Some(recorder) = recorder else { return body };
    let mut meter = BodyMeter::new(recorder);
    if body.is_end_stream() {
        // Nobody would ask it for a frame.
        meter.complete();
        return body;
    }
    Body::new(MeteredBody { body, meter })
}

struct MeteredBody {
    body: Body,
    meter: BodyMeter,
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
pub(crate) struct BodyMeter {
    /// Gone once the body has ended.
    recorder: Option<StreamRecorder>,
}

impl BodyMeter {
    pub(crate) fn new(recorder: StreamRecorder) -> Self {
        Self { recorder: Some(recorder) }
    }

    pub(crate) fn poll_begins(&mut self) -> Option<SourcePollGuard> {
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
