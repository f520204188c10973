//! A stream whose items are recorded as they pass.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use super::chunk::{Measure, measure};
use super::{StreamChunk, StreamRecorder};
use crate::call::current_request_calls;
use crate::callsite::WarnOnce;
use crate::metrics::Instance;
use crate::request::{self, Serving, StreamInfo};

pin_project! {
    /// A stream whose items are recorded as they pass. Returned by [`wrap_streaming_response`].
    ///
    /// Items, their order, back-pressure and `size_hint` are those of the source. Polling is cancel
    /// safe if polling the source is: no item is held back.
    ///
    /// If the stream is dropped before its end, the source is dropped first. The outcome is then
    /// `client_disconnect`, unless an error or the protocol shows another one.
    #[must_use = "streams do nothing unless polled"]
    pub struct MeteredStream<S>
    where
        S: Stream,
    {
        #[pin]
        source: S,
        // A function pointer instead of a bound on the item: an item that is no `StreamChunk` is
        // then an error where the stream is wrapped, and not where the wrapped stream is used.
        measure: for<'a> fn(&'a S::Item) -> Measure<'a>,
        // `None` once the source has ended, so that later polls are not recorded.
        recorder: Option<StreamRecorder>,
    }

    impl<S> PinnedDrop for MeteredStream<S>
    where
        S: Stream,
    {
        fn drop(this: Pin<&mut Self>) {
            if let Some(recorder) = this.project().recorder {
                recorder.begin_drop();
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
        Self { source, measure, recorder }
    }
}

/// Wraps a stream so that its items are recorded as they pass, with `endpoint` as their label.
///
/// Use it where `#[streaming_metrics]` cannot be placed: for a stream that is created inside a
/// function. It records `active_streams`, `stream_chunks_total`, `stream_bytes_total`,
/// `stream_duration_seconds`, `stream_errors_total`, `time_to_first_chunk_seconds` and
/// `inter_chunk_seconds`, the latter two with an empty `model`. It parses no protocol.
///
/// `endpoint` should be a literal or a route template. Values over 1024 bytes, and those past the
/// first 4096 of an instance, become `other`.
///
/// Within a request, the stream is recorded in the instance whose layer serves the request, and the
/// request's duration ends with the response head. Outside any request, it is recorded in
/// [`Metrics::global`](crate::Metrics::global). The response to a `HEAD` request has no body: its
/// stream is not recorded.
///
/// # Examples
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
    let in_request = request::serving(|scope| {
        let info = StreamInfo::for_endpoint(scope.endpoint_by_label(endpoint));
        StreamRecorder::in_request(scope, info)
    });
    let recorder = match in_request {
        Serving::Request(recorder) => recorder,
        Serving::Disabled => Some(StreamRecorder::disabled()),
        Serving::Nothing => recorder_without_scope(endpoint),
    };
    MeteredStream::new(stream, recorder)
}

/// Creates the recorder of a stream that is wrapped outside the task of a request. There is none if
/// the global instance is disabled.
fn recorder_without_scope(endpoint: &str) -> Option<StreamRecorder> {
    static WARNED: WarnOnce = WarnOnce::new();

    let (endpoint, entered) = if let Some(request) = current_request_calls() {
        (request.endpoint_by_label(endpoint), request.entered())
    } else {
        let metrics = Instance::for_report_outside_requests("wrap_streaming_response", &WARNED)?;
        (metrics.endpoints().with_run_time_label(endpoint), Instant::now())
    };
    StreamRecorder::without_scope(StreamInfo::for_endpoint(endpoint), entered)
}

impl<S> Stream for MeteredStream<S>
where
    S: Stream,
{
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let Some(recorder) = this.recorder else { return this.source.poll_next(cx) };
        let guard = recorder.begin_poll();
        let polled = this.source.poll_next(cx);
        recorder.leave(guard);
        recorder.end_poll(polled.is_pending());
        let item = ready!(polled);
        if let Some(item) = &item {
            match (this.measure)(item) {
                Measure::Bytes { size, bytes } => recorder.record_item(size, bytes),
                Measure::Error(error) => recorder.record_error(error),
            }
        } else {
            recorder.record_end();
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
