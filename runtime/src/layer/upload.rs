//! The size of a request body, counted while the body is read.

use std::any::Any;
use std::error::Error;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::BoxError;
use axum::body::{Body, Bytes};
use http::Request;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::future::size_in_memory;
use crate::error_chain::is_disconnect;
use crate::request::{RequestSize, UploadProgress};

/// Returns the size of a request body. A body that is not in memory is replaced by one that counts
/// the bytes that are read, if it is axum's `Body`: a client can declare any length.
///
/// The type of the body must not change, so bodies of other types are not counted.
pub(super) fn measure<B: HttpBody + 'static>(request: &mut Request<B>) -> RequestSize {
    if request.body().size_hint().exact() == Some(0) {
        return RequestSize::InMemory(0);
    }
    if let Some(size) = size_in_memory(request.headers(), request.body()) {
        return RequestSize::InMemory(size);
    }
    let body: &mut dyn Any = request.body_mut();
    let Some(body) = body.downcast_mut::<Body>() else { return RequestSize::Unknown };
    let progress = UploadProgress::new();
    *body = Body::new(CountingBody { inner: mem::take(body), progress: progress.clone() });
    RequestSize::Read(progress)
}

/// A request body that counts the bytes that are read from it.
struct CountingBody {
    inner: Body,
    progress: UploadProgress,
}

impl HttpBody for CountingBody {
    type Data = Bytes;
    // Not `axum::Error`, which `Body::new` would put into a second one. The extractors would then
    // not find the error of a body limit, and answer 400 instead of 413.
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        match &polled {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.progress.add(data.len());
                }
            }
            Some(Err(error)) if is_cut_off(error) => self.progress.note_cut_off(),
            Some(Err(_)) | None => {}
        }
        Poll::Ready(polled.map(|frame| frame.map_err(axum::Error::into_inner)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Returns whether a request body failed because its client disconnected or reset the stream.
///
/// Only errors of the transport, hyper, show this: an `UnexpectedEof` can also come from a
/// decompression layer whose input ends too early. A malformed chunk and a body above a limit are
/// not disconnects.
fn is_cut_off(error: &axum::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            return error.is_incomplete_message()
                || error.source().is_some_and(is_caused_by_client);
        }
        cause = error.source();
    }
    false
}

/// Returns whether the cause of an error of hyper is that the client disconnected: over HTTP/1 an
/// I/O error, over HTTP/2 an error of the crate h2.
fn is_caused_by_client(cause: &(dyn Error + 'static)) -> bool {
    match cause.downcast_ref::<io::Error>() {
        Some(error) => is_disconnect(error),
        None => is_http2_disconnect(cause),
    }
}

/// Returns whether an error of h2 is a reset that the client has sent, or the end of the
/// connection. The crate h2 is not a dependency of this crate, and the error has no source, so only
/// the text of the error distinguishes these cases from invalid frames of the client.
fn is_http2_disconnect(error: &(dyn Error + 'static)) -> bool {
    let text = error.to_string();
    text.starts_with("stream error received")
        || text.starts_with("connection error received")
        || format!("{error:?}").contains("kind: Io(")
}
