//! Streams in axum's replies.

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
        let recorder = start.recorder_of(content_of(self.status(), self.headers()));
        let events = is_event_stream(self.headers());
        self.map(|body| meter_body(body, recorder.map(|it| it.with_event_stream(events))))
    }
}

impl<S> StreamReply for Sse<S> {
    fn meter(self, start: &StreamStart) -> Self {
        start.claim_body(true);
        self
    }
}

/// Lets the layer meter the response that a reply of hidden type becomes.
pub fn mark<R: IntoResponse>(start: &StreamStart, reply: R) -> R {
    start.claim_body(false);
    reply
}

/// Makes a response of a stream and meters it: what `media_type` asks for.
pub fn respond<T, S>(start: &StreamStart, media_type: &'static str, source: S) -> Response<Body>
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

/// An item of which a response body can be made.
#[diagnostic::on_unimplemented(
    message = "a stream of `{Self}` cannot become a response body",
    label = "`media_type` needs items that are bytes, text or server-sent events",
    note = "items may be `Bytes`, `Vec<u8>`, `String`, `&'static str`, `Cow<'static, str>`, axum's \
            `Event`, or a `Result` of one of them"
)]
pub trait ResponseItem: Sized {
    /// The body, metered.
    fn body<S>(start: &StreamStart, source: S, events: bool) -> Body
    where
        S: Stream<Item = Self> + Send + 'static;
}

impl<T: ResponseChunk + 'static> ResponseItem for T {
    fn body<S>(start: &StreamStart, source: S, events: bool) -> Body
    where
        S: Stream<Item = Self> + Send + 'static,
    {
        Body::from_stream(Items {
            source: MeteredStream::new(
                source,
                start.recorder().map(|it| it.with_event_stream(events)),
            ),
            send: T::into_bytes,
        })
    }
}

/// What an event is worth shows when it is sent.
impl ResponseItem for Event {
    fn body<S>(start: &StreamStart, source: S, _: bool) -> Body
    where
        S: Stream<Item = Self> + Send + 'static,
    {
        event_body(start, Items { source, send: Ok })
    }
}

impl<E: Into<BoxError> + 'static> ResponseItem for Result<Event, E> {
    fn body<S>(start: &StreamStart, source: S, _: bool) -> Body
    where
        S: Stream<Item = Self> + Send + 'static,
    {
        event_body(start, Items { source, send: |event: Self| event.map_err(Into::into) })
    }
}

fn event_body<S>(start: &StreamStart, events: S) -> Body
where
    S: Stream<Item = Result<Event, BoxError>> + Send + 'static,
{
    let recorder = start.recorder().map(|it| it.with_event_stream(true));
    meter_body(Sse::new(events).into_response().into_body(), recorder)
}

pin_project! {
    /// The items of a stream, as they are sent.
    struct Items<S, F> {
        #[pin]
        source: S,
        send: F,
    }
}

impl<S, F, T> Stream for Items<S, F>
where
    S: Stream,
    F: Fn(S::Item) -> Result<T, BoxError>,
{
    type Item = Result<T, BoxError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        this.source.poll_next(cx).map(|item| item.map(this.send))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.source.size_hint()
    }
}
