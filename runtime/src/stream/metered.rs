//! A stream that is counted as it passes.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use super::{StreamChunk, StreamRecorder};
use crate::metrics::Metrics;
use crate::request;

pin_project! {
    /// A stream whose items are counted as they pass: what [`wrap_streaming_response`] returns.
    ///
    /// Items, their order, back-pressure and `size_hint` are the source's. Dropping it drops the
    /// source first.
    #[must_use = "streams do nothing unless polled"]
    pub struct MeteredStream<S> {
        #[pin]
        source: S,
        // Gone once the source has ended: what is polled after its end is not counted again.
        recorder: Option<StreamRecorder>,
    }
}

impl<S> MeteredStream<S> {
    pub(super) fn new(source: S, recorder: StreamRecorder) -> Self {
        Self { source, recorder: Some(recorder) }
    }
}

/// Counts a stream's items as they pass, under the endpoint given.
///
/// This is `#[streaming_metrics]` for a stream at hand; inside a request it records into the instance
/// of the layer that serves the request, else into [`Metrics::global`].
///
/// ```
/// use axum::body::{Body, Bytes};
/// use axum::response::Response;
/// use streamgauge::wrap_streaming_response;
///
/// async fn numbers() -> Response {
///     let lines = async_stream::stream! {
///         for n in 0..3 {
///             yield Ok::<_, std::io::Error>(Bytes::from(format!("{n}\n")));
///         }
///     };
///     Response::new(Body::from_stream(wrap_streaming_response(lines, "/numbers")))
/// }
/// # drop(numbers());
/// ```
pub fn wrap_streaming_response<S>(stream: S, endpoint: &str) -> MeteredStream<S>
where
    S: Stream,
    S::Item: StreamChunk,
{
    let inside =
        request::current(|scope| (scope.metrics().endpoints().get(endpoint), scope.begin_stream()));
    let (endpoint, entered) =
        inside.unwrap_or_else(|| (Metrics::global().endpoints().get(endpoint), Instant::now()));
    MeteredStream::new(stream, StreamRecorder::new(&endpoint, "", entered))
}

impl<S> Stream for MeteredStream<S>
where
    S: Stream,
    S::Item: StreamChunk,
{
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let Some(recorder) = this.recorder else { return this.source.poll_next(cx) };
        recorder.poll_begins();
        let polled = this.source.poll_next(cx);
        recorder.poll_ends(polled.is_pending());
        let item = ready!(polled);
        if let Some(item) = &item {
            match item.error_type() {
                None => recorder.chunk(item.payload_bytes()),
                Some(error) => recorder.error(error),
            }
        } else {
            recorder.complete();
            *this.recorder = None;
        }
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.source.size_hint()
    }
}

impl<S> FusedStream for MeteredStream<S>
where
    S: FusedStream,
    S::Item: StreamChunk,
{
    fn is_terminated(&self) -> bool {
        self.source.is_terminated()
    }
}
