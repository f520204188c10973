//! The response body, which keeps the scope until the last frame.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::outcome::Termination;
use crate::request::{self, BodyEnd, Scope, ScopeHandle, enter};
use crate::stream::BodyRecorder;

/// A response body that counts its bytes and closes the request when it ends.
pub(super) struct ResponseBody {
    inner: Body,
    scope: ScopeHandle,
    /// The call whose reply the body is, and the stream that it is, if an attribute could not reach
    /// them in the handler's return value. The call ends first: that of the stream may be around
    /// it.
    meters: [Option<BodyRecorder>; 2],
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
        Self { inner, scope, meters, sent: 0, declared, ended }
    }

    /// Counts a frame, which may be the last.
    fn note_frame(&mut self, frame: &Frame<Bytes>) {
        self.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
        self.ended = frame.is_trailers()
            || self.inner.is_end_stream()
            || self.declared.is_some_and(|declared| self.sent >= declared);
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
        enter(&mut self.scope, || {
            let end = match termination {
                Some(Termination::Complete) => BodyEnd::Delivered,
                Some(_) => BodyEnd::Failed,
                None => BodyEnd::Dropped,
            };
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
            run_deferred(Some(end));
        });
        if let Some(scope) = mem::take(&mut self.scope).get() {
            match termination {
                Some(termination) => scope.close(termination, Some(self.sent)),
                None => scope.abandon(Some(self.sent)),
            }
        }
    }
}

/// Runs what the current request has deferred until it is known how the poll of its body, or the
/// body, has ended.
#[inline]
fn run_deferred(end: Option<BodyEnd>) {
    for deferred in request::current(Scope::take_deferred).unwrap_or_default() {
        deferred(end);
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
            let [inner, outer] = &mut this.meters;
            let outer = outer.as_mut().map(BodyRecorder::begin_poll);
            let inner = inner.as_mut().map(BodyRecorder::begin_poll);
            let polled = Pin::new(&mut this.inner).poll_frame(cx);
            drop((inner, outer));
            this.meters.iter_mut().flatten().for_each(|meter| meter.end_poll(&polled));
            if !matches!(polled, Poll::Ready(Some(Err(_)))) {
                run_deferred(None);
            }
            polled
        });
        match &polled {
            Poll::Ready(Some(Ok(frame))) => self.note_frame(frame),
            Poll::Ready(Some(Err(_))) => {
                if let Some(scope) = self.scope.get() {
                    scope.note_body_error();
                }
                self.close(Some(Termination::Failed));
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
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        let termination = self.ended.then(|| self.termination());
        self.close(termination);
    }
}
