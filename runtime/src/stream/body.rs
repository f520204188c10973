//! A response body that is metered as a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::{SourcePoll, StreamRecorder};
use crate::label::BODY_ERROR;
use crate::request::{self, BodyEnd};

/// Meters the frames of a body, if there is a recorder.
pub(crate) fn meter_body(body: Body, recorder: Option<StreamRecorder>) -> Body {
    let Some(recorder) = recorder else { return body };
    let mut meter = BodyRecorder::new(recorder);
    if body.is_end_stream() {
        // An empty body is not polled, so that its end is recorded here.
        meter.record_end();
        return body;
    }
    Body::new(MeteredBody { body, meter })
}

struct MeteredBody {
    body: Body,
    meter: BodyRecorder,
}

impl HttpBody for MeteredBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let guard = this.meter.begin_poll();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let Some(guard) = guard {
            this.meter.leave(guard);
        }
        this.meter.end_poll(&polled);
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
        // A body is not polled after its last frame. The layer may have handed over only a part of
        // that frame when the client disconnects.
        let is_cut = request::current(|scope| scope.body_end()).flatten();
        let is_cut = is_cut.is_some_and(|end| end != BodyEnd::Delivered);
        if self.body.is_end_stream() && !is_cut {
            self.meter.record_end();
        }
        self.meter.begin_drop();
    }
}

/// Records a stream from the frames of a response body.
pub(crate) struct BodyRecorder {
    /// `None` once the body has ended.
    recorder: Option<StreamRecorder>,
}

impl BodyRecorder {
    pub(crate) fn new(recorder: StreamRecorder) -> Self {
        Self { recorder: Some(recorder) }
    }

    /// Must be called before each poll of the body. The guard that it returns must be dropped after
    /// the poll, or passed to [`leave`](Self::leave).
    pub(crate) fn begin_poll(&mut self) -> Option<SourcePoll> {
        self.recorder.as_mut().map(StreamRecorder::begin_poll)
    }

    /// Takes the guard of a poll. The next poll then does not change the reference count of the
    /// call.
    pub(crate) fn leave(&mut self, poll: SourcePoll) {
        if let Some(recorder) = &mut self.recorder {
            recorder.leave(poll);
        }
    }

    /// Must be called before the body is dropped, if it is dropped before this meter.
    pub(crate) fn begin_drop(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.begin_drop();
        }
    }

    /// Records the result of a poll of the body.
    pub(crate) fn end_poll(&mut self, polled: &Poll<Option<Result<Frame<Bytes>, axum::Error>>>) {
        let Some(recorder) = &mut self.recorder else { return };
        recorder.end_poll(polled.is_pending());
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    recorder.record_item(data.len(), Some(data));
                }
            }
            Poll::Ready(Some(Err(_))) => recorder.record_error(BODY_ERROR),
            Poll::Ready(None) => self.record_end(),
            Poll::Pending => {}
        }
    }

    /// Records that the body has failed, unless it has ended or its error was recorded.
    pub(crate) fn record_failure(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.record_error(BODY_ERROR);
        }
    }

    /// Records that the body has ended.
    pub(crate) fn record_end(&mut self) {
        if let Some(mut recorder) = self.recorder.take() {
            recorder.record_end();
        }
    }
}
