//! A stream that is counted as it passes.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use super::chunk::{Worth, worth};
use super::{StreamChunk, StreamRecorder};
use crate::metrics::Metrics;
use crate::request::{self, StreamInfo};

pin_project! {
    /// A stream whose items are counted as they pass: what [`wrap_streaming_response`] returns.
    ///
    /// Items, their order, back-pressure and `size_hint` are the source's. Dropping it drops the
    /// source first.
    #[must_use = "streams do nothing unless polled"]
    pub struct MeteredStream<S>
    where
        S: Stream,
    {
        #[pin]
        source: S,
        // What an item is worth is known where the stream is wrapped. An item that cannot tell is a
        // mistake there, and nowhere else.
        worth: for<'a> fn(&'a S::Item) -> Worth<'a>,
        // Gone once the source has ended: what is polled after its end is not counted again.
        recorder: Option<StreamRecorder>,
    }

    impl<S> PinnedDrop for MeteredStream<S>
    where
        S: Stream,
    {
        fn drop(this: Pin<&mut Self>) {
            if let Some(recorder) = this.project().recorder {
                recorder.drop_begins();
            }
        }
    }
}

impl<S> MeteredStream<S>
where
    S: Stream,
{
    pub(crate) fn new(source: S, recorder: Option<StreamRecorder>) -> Self
    where
        S::Item: StreamChunk,
    {
        Self { source, worth, recorder }
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
    let claim = |metrics: &Metrics| StreamInfo::for_endpoint(metrics.endpoints().get(endpoint));
    let recorder = request::current(|scope| {
        let claim = claim(scope.metrics());
        StreamRecorder::inside(scope, &claim)
    });
    let recorder =
        recorder.unwrap_or_else(|| Some(StreamRecorder::outside(&claim(Metrics::global()), None)));
    MeteredStream::new(stream, recorder)
}

impl<S> Stream for MeteredStream<S>
where
    S: Stream,
{
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let Some(recorder) = this.recorder else { return this.source.poll_next(cx) };
        let source_runs = recorder.poll_begins();
        let polled = this.source.poll_next(cx);
        drop(source_runs);
        recorder.poll_ends(polled.is_pending());
        let item = ready!(polled);
        if let Some(item) = &item {
            match (this.worth)(item) {
                Worth::Bytes { size, bytes } => recorder.item(size, bytes),
                Worth::Error(error) => recorder.error(error),
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
{
    fn is_terminated(&self) -> bool {
        self.source.is_terminated()
    }
}
