//! Streams in axum's response types.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::Body;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures_core::Stream;
use http::response::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use pin_project_lite::pin_project;

#[cfg(feature = "ws")]
use super::SocketStream;
use super::{MeteredStream, ResponseChunk, StreamRecorder, StreamReply, StreamStart, meter_body};
use crate::media_type::{BodyContent, content_of, is_event_stream};
use crate::request;

impl StreamReply for Body {
    fn meter(self, start: &StreamStart) -> Self {
        meter_body(self, start.recorder().map(StreamRecorder::of_body))
    }
}

impl StreamReply for Response<Body> {
    fn meter(self, start: &StreamStart) -> Self {
        start.note_headers(self.headers());
        if is_upgrade(start, &self) {
            start.leave_call_open();
            return self;
        }
        let recorder = start.recorder_for(content_of(self.status(), self.headers()));
        let is_event_stream = is_event_stream(self.headers());
        let recorder =
            recorder.map(|recorder| recorder.of_body().with_event_stream(is_event_stream));
        self.map(|body| meter_body(body, recorder))
    }
}

/// Returns whether a response upgrades the connection, so that it has no body to be metered. A
/// socket that is metered itself is placed at the endpoint of the function.
fn is_upgrade(start: &StreamStart, response: &Response<Body>) -> bool {
    #[cfg(feature = "ws")]
    if let Some(socket) = response.extensions().get::<SocketStream>() {
        start.place_socket(socket);
        return true;
    }
    let _ = start;
    let status = response.status();
    status == StatusCode::SWITCHING_PROTOCOLS
        || request::current(|scope| scope.opens_tunnel(status)) == Some(true)
}

impl<S> StreamReply for Sse<S> {
    fn meter(self, start: &StreamStart) -> Self {
        start.expect_body(true);
        self
    }
}

/// Makes the layer meter the response that a return value becomes.
pub(crate) fn expect_response<R>(start: &StreamStart, reply: R) -> R {
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
    let (parts, ()) = Response::new(()).into_parts();
    build_response(start, media_type, parts, source)
}

/// Builds the response whose status and headers a function returns beside a stream. `head` is a
/// tuple of these parts and a [`StreamHead`].
pub fn response_head<H: IntoResponse>(head: H) -> Response<Body> {
    head.into_response()
}

/// Builds a response with this media type from a stream, and with the status and the headers of
/// `head`.
pub fn response_with_head<T, S>(
    start: &StreamStart,
    media_type: &'static str,
    head: Response<Body>,
    source: S,
) -> Response<Body>
where
    S: Stream<Item = T> + Send + 'static,
    T: ResponseItem,
{
    let (mut parts, body) = head.into_parts();
    if parts.extensions.remove::<HasStreamHead>().is_none() {
        // A part could not be added, and axum answers with its error.
        start.fail();
        return Response::from_parts(parts, body);
    }
    build_response(start, media_type, parts, source)
}

fn build_response<T, S>(
    start: &StreamStart,
    media_type: &'static str,
    mut parts: Parts,
    source: S,
) -> Response<Body>
where
    S: Stream<Item = T> + Send + 'static,
    T: ResponseItem,
{
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    start.note_headers(&parts.headers);
    let content = content_of(parts.status, &parts.headers);
    let is_event_stream = is_event_stream(&parts.headers);
    let body = T::body(&MeteredHead { start, content, is_event_stream }, source);
    Response::from_parts(parts, body)
}

/// The place of the stream in the tuple that a function with a `media_type` returns.
#[derive(Clone, Copy, Debug)]
pub struct StreamHead;

/// Marks a response that was made from a [`StreamHead`], and not from the error of another part of
/// the tuple.
#[derive(Clone, Copy)]
struct HasStreamHead;

impl IntoResponse for StreamHead {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(HasStreamHead);
        response
    }
}

/// The head of a response whose body is to be metered.
pub struct MeteredHead<'a> {
    start: &'a StreamStart,
    content: BodyContent,
    is_event_stream: bool,
}

impl MeteredHead<'_> {
    fn recorder(&self, is_event_stream: bool) -> Option<StreamRecorder> {
        let recorder = self.start.recorder_for(self.content);
        recorder.map(|recorder| recorder.of_body().with_event_stream(is_event_stream))
    }
}

/// An item from which a response body can be built.
#[diagnostic::on_unimplemented(
    message = "a stream of `{Self}` cannot become a response body",
    label = "`media_type` needs items that are bytes, text or server-sent events",
    note = "items may be `Bytes`, `Vec<u8>`, `String`, `&'static str`, `Cow<'static, str>`, axum's \
            `Event`, or a `Result` of one of them"
)]
pub trait ResponseItem: Sized {
    /// Builds the metered body of a response with this head.
    fn body<S>(head: &MeteredHead<'_>, source: S) -> Body
    where
        S: Stream<Item = Self> + Send + 'static;
}

impl<T: ResponseChunk + 'static> ResponseItem for T {
    fn body<S>(head: &MeteredHead<'_>, source: S) -> Body
    where
        S: Stream<Item = Self> + Send + 'static,
    {
        let source = MeteredStream::new(source, head.recorder(head.is_event_stream));
        Body::from_stream(MapItems { source, map: T::into_bytes })
    }
}

/// The size of an event is known only when it is sent, so that the frames of the body are metered.
impl ResponseItem for Event {
    fn body<S>(head: &MeteredHead<'_>, source: S) -> Body
    where
        S: Stream<Item = Self> + Send + 'static,
    {
        event_body(head, MapItems { source, map: Ok })
    }
}

impl<E: Into<BoxError> + 'static> ResponseItem for Result<Event, E> {
    fn body<S>(head: &MeteredHead<'_>, source: S) -> Body
    where
        S: Stream<Item = Self> + Send + 'static,
    {
        event_body(head, MapItems { source, map: |event: Self| event.map_err(Into::into) })
    }
}

fn event_body<S>(head: &MeteredHead<'_>, events: S) -> Body
where
    S: Stream<Item = Result<Event, BoxError>> + Send + 'static,
{
    meter_body(Sse::new(events).into_response().into_body(), head.recorder(true))
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
