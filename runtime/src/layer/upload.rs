//! The size of a request body, counted while the body is read if its length is not declared.

use std::any::Any;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::request::RequestSize;

/// Returns the size of a request body. A body of unknown length is replaced by one that counts the
/// bytes that are read, if it is axum's `Body`. The type of the body must not change, so bodies of
/// other types are not counted.
pub(super) fn measure<B: HttpBody + 'static>(body: &mut B) -> RequestSize {
    if let Some(declared) = body.size_hint().exact() {
        return RequestSize::Declared(declared);
    }
    let body: &mut dyn Any = body;
    let Some(body) = body.downcast_mut::<Body>() else { return RequestSize::Unknown };
    let read = Arc::default();
    let counting = CountingBody { inner: mem::take(body), read: Arc::clone(&read) };
    *body = Body::new(counting);
    RequestSize::Read(read)
}

/// A request body that counts the bytes that are read from it.
struct CountingBody {
    inner: Body,
    read: Arc<AtomicU64>,
}

impl HttpBody for CountingBody {
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
