//! The response body, which keeps the scope until the last frame.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::outcome::Termination;
use crate::request::{self, BodyEnd, Scope, ScopeHandle, enter};
use crate::stream::BodyRecorder;

/// The largest piece of a body, in bytes, that is handed to the transport at once. The transport
/// buffers whole frames, so a client that took only a part of a large frame would seem to have
/// taken all of it.
const MAX_PIECE: usize = 256 * 1024;

/// A response body that counts its bytes and closes the request when it ends.
pub(super) struct ResponseBody {
    inner: Body,
    scope: ScopeHandle,
    /// The call whose reply the body is, and the stream that it is, if an attribute could not reach
    /// them in the handler's return value. The call ends first: that of the stream may be around
    /// it.
    meters: [Option<BodyRecorder>; 2],
    /// The rest of a large frame, which is handed over in pieces.
    rest: Bytes,
    sent: u64,
    /// The length after which the transport does not poll the body again.
    declared: Option<u64>,
    /// Whether the last frame was handed over. The transport may not poll for the end after it.
    ended: bool,
}

impl ResponseBody {
    pub(super) fn new(
        inner: Body,
        scope: ScopeHandle,
        meters: [Option<BodyRecorder>; 2],
        declared: Option<u64>,
    ) -> Self {
        let ended = inner.is_end_stream();
        Self { inner, scope, meters, rest: Bytes::new(), sent: 0, declared, ended }
    }

    /// Counts a frame, which may be the last.
    fn note_frame(&mut self, frame: &Frame<Bytes>) {
        self.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
        self.ended = frame.is_trailers()
            || self.is_end_stream()
            || self.declared.is_some_and(|declared| self.sent >= declared);
    }

    /// Takes the next piece from the rest of a large frame. The pieces share the memory of the
    /// frame.
    fn take_piece(&mut self) -> Frame<Bytes> {
        let length = self.rest.len().min(MAX_PIECE);
        Frame::data(self.rest.split_to(length))
    }

    /// Returns a frame, or the first piece of a large one.
    fn first_piece(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        match frame.into_data() {
            Ok(data) if data.len() > MAX_PIECE => {
                self.rest = data;
                self.take_piece()
            }
            Ok(data) => Frame::data(data),
            Err(frame) => frame,
        }
    }

    /// Returns the number of bytes that the transport has sent. It cuts a body that is longer than
    /// its declared length.
    fn size(&self) -> u64 {
        self.declared.map_or(self.sent, |declared| self.sent.min(declared))
    }

    /// Returns how the request ends with the end of the body. The transport aborts a response whose
    /// body is shorter than its declared length.
    fn termination(&self) -> Termination {
        match self.declared {
            Some(declared) if self.sent < declared => Termination::Failed,
            _ => Termination::Complete,
        }
    }

    /// Closes the request. The inner body is dropped first, because what it records while it is
    /// dropped still belongs to the request. `None` stands for a body that is dropped before its
    /// end.
    fn close(&mut self, termination: Option<Termination>) {
        if self.scope.is_none() {
            return;
        }
        let end = match termination {
            Some(Termination::Complete) => BodyEnd::Delivered,
            Some(_) => BodyEnd::Failed,
            None => BodyEnd::Dropped,
        };
        enter(&mut self.scope, || {
            request::current(|scope| scope.note_body_end(end));
            for meter in self.meters.iter_mut().flatten() {
                match end {
                    BodyEnd::Delivered => meter.record_end(),
                    BodyEnd::Failed => meter.record_failure(),
                    BodyEnd::Dropped => {}
                }
            }
            // In reverse, so that the call of the inner one is current, and is left first.
            self.meters.iter_mut().rev().flatten().for_each(BodyRecorder::begin_drop);
            drop(mem::take(&mut self.inner));
            self.meters = [None, None];
        });
        run_deferred(&mut self.scope, Some(end));
        if let Some(scope) = mem::take(&mut self.scope).get() {
            match termination {
                Some(termination) => scope.close(termination, Some(self.size())),
                None => scope.abandon(Some(self.size())),
            }
        }
    }
}

/// Runs the deferred functions of a request. `end` is how the response body has ended, or `None` if
/// only a poll has ended.
#[inline]
fn run_deferred(scope: &mut ScopeHandle, end: Option<BodyEnd>) {
    if scope.get().is_some_and(|scope| scope.has_deferred()) {
        enter(scope, || {
            for deferred in request::current(Scope::take_deferred).unwrap_or_default() {
                deferred(end);
            }
        });
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
        if !this.rest.is_empty() {
            let piece = this.take_piece();
            this.note_frame(&piece);
            return Poll::Ready(Some(Ok(piece)));
        }
        let polled = enter(&mut this.scope, || {
            let [inner, outer] = &mut this.meters;
            let outer_poll = outer.as_mut().and_then(BodyRecorder::begin_poll);
            let inner_poll = inner.as_mut().and_then(BodyRecorder::begin_poll);
            let polled = Pin::new(&mut this.inner).poll_frame(cx);
            for (meter, poll) in [(inner, inner_poll), (outer, outer_poll)] {
                if let (Some(meter), Some(poll)) = (meter, poll) {
                    meter.leave(poll);
                }
            }
            this.meters.iter_mut().flatten().for_each(|meter| meter.end_poll(&polled));
            polled
        });
        if !matches!(polled, Poll::Ready(Some(Err(_)))) {
            run_deferred(&mut this.scope, None);
        }
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                let frame = self.first_piece(frame);
                self.note_frame(&frame);
                return Poll::Ready(Some(Ok(frame)));
            }
            Poll::Ready(Some(Err(_))) => {
                // A body that is made of the upload fails if the client cuts the upload off.
                let client_left = self.scope.get().is_some_and(|scope| scope.was_upload_cut_off());
                if client_left {
                    self.close(None);
                } else {
                    if let Some(scope) = self.scope.get() {
                        scope.note_body_error();
                    }
                    self.close(Some(Termination::Failed));
                }
            }
            Poll::Ready(None) => {
                let termination = self.termination();
                self.close(Some(termination));
            }
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.inner.size_hint();
        let rest = self.rest.len() as u64;
        if rest > 0 {
            // The upper bound first: it must not be below the lower one.
            if let Some(upper) = hint.upper() {
                hint.set_upper(upper.saturating_add(rest));
            }
            hint.set_lower(hint.lower().saturating_add(rest));
        }
        hint
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        let termination = self.ended.then(|| self.termination());
        self.close(termination);
    }
}

/// The response body of a request of a disabled instance: what runs while it is polled is not
/// recorded.
pub(super) struct UnrecordedBody {
    inner: Body,
    handle: ScopeHandle,
}

impl UnrecordedBody {
    pub(super) fn new(inner: Body, handle: ScopeHandle) -> Self {
        Self { inner, handle }
    }
}

impl HttpBody for UnrecordedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        enter(&mut this.handle, || Pin::new(&mut this.inner).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for UnrecordedBody {
    fn drop(&mut self) {
        enter(&mut self.handle, || drop(mem::take(&mut self.inner)));
    }
}
