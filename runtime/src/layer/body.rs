//! The response's body: keeps the scope up to the last frame.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::request::{self, Ending, OpenScope, Scope, enter};
use crate::stream::FrameMeter;

/// A body that is counted as it passes, and whose end is the request's end.
pub(super) struct ResponseBody {
    inner: Body,
    scope: OpenScope,
    /// There where the handler returned its stream, or the reply of its call, in a form that only the body
    /// shows.
    meters: [Option<FrameMeter>; 2],
    sent: u64,
    /// The length after which the transport does not ask again.
    declared: Option<u64>,
    /// Whether all has been handed over, also when the transport does not ask for the end.
    ended: bool,
}

impl ResponseBody {
    pub(super) fn new(
        inner: Body,
        scope: OpenScope,
        meters: [Option<FrameMeter>; 2],
        declared: Option<u64>,
    ) -> Self {
        let ended = inner.is_end_stream();
        Self { inner, scope, meters, sent: 0, declared, ended }
    }

    /// Takes note of a frame, which may be the last.
    fn frame(&mut self, frame: &Frame<Bytes>) {
        self.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
        self.ended = frame.is_trailers()
            || self.inner.is_end_stream()
            || self.declared.is_some_and(|declared| self.sent >= declared);
    }

    /// What the end of the body makes of the request. One that has stated more than it had is broken off by
    /// the transport.
    fn ending(&self) -> Ending {
        match self.declared {
            Some(declared) if self.sent < declared => Ending::Failed,
            _ => Ending::Complete,
        }
    }

    /// Closes the request, after the source has been dropped: what it records then still belongs to it.
    fn close(&mut self, ending: Option<Ending>) {
        if self.scope.is_none() {
            return;
        }
        enter(&mut self.scope, || {
            if ending == Some(Ending::Complete) {
                request::current(Scope::note_delivered);
            }
            if ending.is_some() {
                self.meters.iter_mut().flatten().for_each(FrameMeter::complete);
            }
            self.meters.iter_mut().flatten().for_each(FrameMeter::drop_begins);
            drop(mem::take(&mut self.inner));
            self.meters = [None, None];
        });
        if let Some(scope) = mem::take(&mut self.scope).get() {
            match ending {
                Some(ending) => scope.close(ending, Some(self.sent)),
                None => scope.abandon(Some(self.sent)),
            }
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
            let [outer, inner] = &mut this.meters;
            let outer = outer.as_mut().map(FrameMeter::poll_begins);
            let inner = inner.as_mut().map(FrameMeter::poll_begins);
            let polled = Pin::new(&mut this.inner).poll_frame(cx);
            drop((inner, outer));
            this.meters.iter_mut().flatten().for_each(|meter| meter.poll_ends(&polled));
            polled
        });
        match &polled {
            Poll::Ready(Some(Ok(frame))) => self.frame(frame),
            Poll::Ready(Some(Err(_))) => {
                if let Some(scope) = self.scope.get() {
                    scope.body_failed();
                }
                self.close(Some(Ending::Failed));
            }
            Poll::Ready(None) => {
                let ending = self.ending();
                self.close(Some(ending));
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
        let ending = self.ended.then(|| self.ending());
        self.close(ending);
    }
}
