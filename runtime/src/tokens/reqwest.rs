//! Replies of the crate reqwest, which are parsed as they are read.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use reqwest::{Body, Response, ResponseBuilderExt};

use super::{ReadReply, TrackedCall};
use crate::call::CallError;
use crate::label::BODY_ERROR;
use crate::media_type::content_of;
use crate::stream::StreamRecorder;

impl ReadReply for Response {
    fn read(self, call: TrackedCall) -> Self {
        call.note_headers(self.headers());
        match call.recorder(content_of(self.status(), self.headers())) {
            Some(recorder) => with_body(self, |body| parse_body(body, recorder)),
            None => self,
        }
    }
}

/// Replaces the body of a response, and keeps everything else.
fn with_body(response: Response, replace: impl FnOnce(Body) -> Body) -> Response {
    // The URL is not among the parts, and only a builder can put it there.
    let mut builder = http::response::Builder::new().url(response.url().clone());
    let (mut parts, body) = http::Response::from(response).into_parts();
    if let Some(url) = builder.extensions_mut() {
        parts.extensions.extend(mem::take(url));
    }
    Response::from(http::Response::from_parts(parts, replace(body)))
}

/// Parses the frames of a body as they are read.
fn parse_body(body: Body, mut recorder: StreamRecorder) -> Body {
    if body.is_end_stream() {
        // An empty body is not polled, so that its end is recorded here.
        recorder.record_end();
        return body;
    }
    Body::wrap(ParsedBody { body, recorder: Some(recorder) })
}

struct ParsedBody {
    body: Body,
    /// `None` once the body has ended.
    recorder: Option<StreamRecorder>,
}

impl ParsedBody {
    fn record(&mut self, polled: &Poll<Option<Result<Frame<Bytes>, reqwest::Error>>>) {
        let Some(recorder) = &mut self.recorder else { return };
        recorder.end_poll(polled.is_pending());
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    recorder.record_item(data.len(), Some(data));
                }
            }
            Poll::Ready(Some(Err(error))) => {
                recorder.note_failure(error.call_error_type());
                recorder.record_error(BODY_ERROR);
            }
            Poll::Ready(None) | Poll::Pending => {}
        }
        if matches!(polled, Poll::Ready(None)) || self.body.is_end_stream() {
            recorder.record_end();
            self.recorder = None;
        }
    }
}

impl HttpBody for ParsedBody {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, reqwest::Error>>> {
        let this = &mut *self;
        let guard = this.recorder.as_mut().map(StreamRecorder::begin_poll);
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let (Some(recorder), Some(guard)) = (&mut this.recorder, guard) {
            recorder.leave(guard);
        }
        this.record(&polled);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ParsedBody {
    fn drop(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.begin_drop();
        }
    }
}
