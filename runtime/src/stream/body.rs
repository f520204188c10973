//! A response body that is counted as a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::StreamRecorder;

/// Counts a body's frames where no layer does.
pub(crate) fn meter_body(body: Body, recorder: StreamRecorder) -> Body {
    Body::new(MeteredBody { body, recorder: Some(recorder) })
}

struct MeteredBody {
    body: Body,
    recorder: Option<StreamRecorder>,
}

impl HttpBody for MeteredBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if let Some(recorder) = &mut this.recorder {
            recorder.poll_begins();
        }
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        frame_passes(&mut this.recorder, &polled);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Records what a body's poll has given. Comments of an event stream (`: keep-alive`) are no chunks.
pub(crate) fn frame_passes(
    slot: &mut Option<StreamRecorder>,
    polled: &Poll<Option<Result<Frame<Bytes>, axum::Error>>>,
) {
    let Some(recorder) = slot else { return };
    recorder.poll_ends(polled.is_pending());
    match polled {
        Poll::Ready(Some(Ok(frame))) => match frame.data_ref() {
            Some(data) if !data.starts_with(b":") => recorder.chunk(data.len()),
            _ => {}
        },
        Poll::Ready(Some(Err(_))) => recorder.error("BodyError"),
        Poll::Ready(None) => {
            recorder.complete();
            *slot = None;
        }
        Poll::Pending => {}
    }
}
