//! The response's body: keeps the scope up to the last frame.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::request::{Ending, Scope, enter};
use crate::stream::{StreamRecorder, frame_passes};

/// A body that is counted as it passes, and whose end is the request's end.
pub(super) struct ResponseBody {
    inner: Body,
    scope: Option<Scope>,
    /// There where the handler returned its stream in a form that only the body shows.
    recorder: Option<StreamRecorder>,
    sent: u64,
}

impl ResponseBody {
    pub(super) fn new(inner: Body, scope: Scope, recorder: Option<StreamRecorder>) -> Self {
        let mut body = Self { inner, scope: Some(scope), recorder, sent: 0 };
        body.end_if_ended();
        body
    }

    /// Closes a body that has nothing more to give: the transport does not ask it again.
    fn end_if_ended(&mut self) {
        if self.inner.is_end_stream() {
            if let Some(mut recorder) = self.recorder.take() {
                recorder.complete();
            }
            self.close(Ending::Complete);
        }
    }

    fn close(&mut self, ending: Ending) {
        if let Some(mut scope) = self.scope.take() {
            scope.close(ending, Some(self.sent));
        }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let polled = enter(&mut this.scope, || {
            if let Some(recorder) = &mut this.recorder {
                recorder.poll_begins();
            }
            let polled = Pin::new(&mut this.inner).poll_frame(cx);
            frame_passes(&mut this.recorder, &polled);
            polled
        });
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
                self.end_if_ended();
            }
            Poll::Ready(Some(Err(_))) => {
                if let Some(scope) = &self.scope {
                    scope.metrics().endpoints().global_exception("BodyError");
                }
                self.close(Ending::Failed);
            }
            Poll::Ready(None) => self.close(Ending::Complete),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        let Some(mut scope) = self.scope.take().map(Some) else { return };
        // What the stream does when it is dropped still belongs to the request.
        enter(&mut scope, || {
            self.recorder = None;
            drop(std::mem::take(&mut self.inner));
        });
        if let Some(scope) = &mut scope {
            scope.abandon(Some(self.sent));
        }
    }
}
