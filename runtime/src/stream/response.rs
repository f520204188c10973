//! Streams in axum's response types.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::Body;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures_core::Stream;
use http::{HeaderMap, HeaderValue, Response, header};
use pin_project_lite::pin_project;

use super::{MeteredStream, ResponseChunk, StreamReply, StreamStart, meter_body};
use crate::media_type::{content_of, is_event_stream};

impl StreamReply for Body {
    fn meter(self, start: &StreamStart) -> Self {
        meter_body(self, start.recorder())
    }
}

impl StreamReply for Response<Body> {
    fn meter(self, start: &StreamStart) -> Self {
        let recorder = start.recorder_for(content_of(self.status(), self.headers()));
        let is_event_stream = is_event_stream(self.headers());
        let recorder = recorder.map(|recorder| recorder.with_event_stream(is_event_stream));
        self.map(|body| meter_body(body, recorder))
    }
}

impl<S> StreamReply for Sse<S> {
    fn meter(self, start: &StreamStart) -> Self {
        start.expect_body(true);
        self
    }
}

/// Makes the layer meter the response that an `impl IntoResponse` becomes.
pub fn expect_response<R: IntoResponse>(start: &StreamStart, reply: R) -> R {
    start.expect_body(false);
    reply
}

/// Builds a response with this media type from a stream, and meters the stream.
pub fn response_from_stream<T, S>(
    start: &StreamStart,
    media_type: &'static str,
    source: S,
) -> Response<Body>
where
    S: Stream<Item = T> + Send + 'static,
    T: ResponseItem,
{
    let media_type = HeaderValue::from_static(media_type);
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, media_type)]);
    let body = T::body(start, source, is_event_stream(&headers));
    let mut response = Response::new(body);
    *response.headers_mut() = headers;
    response
}

/// An item from which a response body can be built.
#[diagnostic::on_unimplemented(
    message = "a stream of `{Self}` cannot become a response body",
    label = "`media_type` needs items that are bytes, text or server-sent events",
    note = "items may be `Bytes`, `Vec<u8>`, `String`, `&'static str`, `Cow<'static, str>`, axum's \
            `Event`, or a `Result` of one of them"
)]
pub trait ResponseItem: Sized {
    /// Builds a metered body. `is_event_stream` is true if the media type is that of server-sent
    /// events.
    fn body<S>(start: &StreamStart, source: S, is_event_stream: bool) -> Body
    where
        S: Stream<Item = Self> + Send + 'static;
}

impl<T: ResponseChunk + 'static> ResponseItem for T {
    fn body<S>(start: &StreamStart, source: S, is_event_stream: bool) -> Body
    where
        S: Stream<Item = Self> + Send + 'static,
    {
        let recorder = start.recorder();
        let recorder = recorder.map(|recorder| recorder.with_event_stream(is_event_stream));
        let source = MeteredStream::new(source, recorder);
        Body::from_stream(MapItems { source, map: T::into_bytes })
    }
}

/// The size of an event is known only when it is sent, so that the frames of the body are metered.
impl ResponseItem for Event {
    fn body<S>(start: &StreamStart, source: S, _: bool) -> Body
    where
        S: Stream<Item = Self> + Send + 'static,
    {
        event_body(start, MapItems { source, map: Ok })
    }
}

impl<E: Into<BoxError> + 'static> ResponseItem for Result<Event, E> {
    fn body<S>(start: &StreamStart, source: S, _: bool) -> Body
    where
        S: Stream<Item = Self> + Send + 'static,
    {
        event_body(start, MapItems { source, map: |event: Self| event.map_err(Into::into) })
    }
}

fn event_body<S>(start: &StreamStart, events: S) -> Body
where
    S: Stream<Item = Result<Event, BoxError>> + Send + 'static,
{
    let recorder = start.recorder().map(|recorder| recorder.with_event_stream(true));
    meter_body(Sse::new(events).into_response().into_body(), recorder)
}

pin_project! {
    /// A stream that maps each item of its source.
    struct MapItems<S, F> {
        #[pin]
        source: S,
        map: F,
    }
}

impl<S, F, T> Stream for MapItems<S, F>
where
    S: Stream,
    F: Fn(S::Item) -> Result<T, BoxError>,
{
    type Item = Result<T, BoxError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        this.source.poll_next(cx).map(|item| item.map(this.map))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.source.size_hint()
    }
}
