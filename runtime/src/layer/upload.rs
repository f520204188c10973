//! The request's body, where its size is not known before it has been read.

use std::any::Any;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::request::RequestSize;

/// The size of a request's body. One of unknown length is counted as it is read, if it is axum's: its type
/// must stay what it is, so another one cannot be watched.
pub(super) fn size_of<B: HttpBody + 'static>(body: &mut B) -> RequestSize {
    if let Some(declared) = body.size_hint().exact() {
        return RequestSize::Declared(declared);
    }
    let body: &mut dyn Any = body;
    let Some(body) = body.downcast_mut::<Body>() else { return RequestSize::Unknown };
    let read = Arc::default();
    let upload = Upload { inner: mem::take(body), read: Arc::clone(&read) };
    *body = Body::new(upload);
    RequestSize::Read(read)
}

struct Upload {
    inner: Body,
    read: Arc<AtomicU64>,
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(data) = polled.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            self.read.fetch_add(data.len() as u64, Relaxed);
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
