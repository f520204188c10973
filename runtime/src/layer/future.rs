//! The response future, which keeps the scope until the response head.

use std::any::type_name;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::{Body, Bytes};
use http::{Extensions, HeaderMap, Response, StatusCode, header};
use http_body::Body as HttpBody;
use pin_project_lite::pin_project;

use super::body::{ResponseBody, UnrecordedBody};
use crate::call::{LlmCall, Reply, ReplyParser};
use crate::media_type::{self, BodyContent};
use crate::outcome::{CallErrorType, ReplyEnd, Termination};
use crate::request::{self, MetricsPage, Scope, ScopeHandle, StreamInfo, enter};
#[cfg(feature = "ws")]
use crate::stream::SocketStream;
use crate::stream::{BodyRecorder, StreamRecorder};
use crate::type_name::short_type_name;

/// The largest response body, in bytes, that is assumed to be in memory if its length is known.
const MAX_IN_MEMORY: u64 = 64 * 1024;

pin_project! {
    /// The response future of [`Prometheus`](super::Prometheus).
    ///
    /// If it is dropped before it is ready, because the client disconnected or a timeout outside
    /// the layer fired, the request is recorded with the outcome `cancelled` and the status 499. If
    /// the service has panicked, the outcome is `panic` and the status 500.
    pub struct ResponseFuture<F> {
        // An option, so that dropping this future can drop the inner one while the scope is
        // current.
        #[pin]
        pub(super) inner: Option<F>,
        pub(super) scope: ScopeHandle,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            enter(this.scope, || this.inner.set(None));
        }
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else { return Poll::Pending };
        let Poll::Ready(result) = enter(this.scope, || inner.poll(cx)) else {
            if let Some(scope) = this.scope.get() {
                scope.count_held_error();
            }
            return Poll::Pending;
        };
        let mut scope = mem::take(this.scope);
        Poll::Ready(match result {
            Ok(response) => Ok(finish_head(response, scope)),
            Err(error) => {
                if let Some(scope) = scope.get() {
                    scope.count_global_exception(short_type_name(type_name::<E>()));
                    scope.close(Termination::Failed, None);
                }
                Err(error)
            }
        })
    }
}

/// Records the response head. Moves the scope to the response body if the body takes time; else
/// closes the request.
fn finish_head<B>(response: Response<B>, mut handle: ScopeHandle) -> Response<Body>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let Some(scope) = handle.get() else { return pass_through(response, handle) };
    let status = response.status();
    if response.extensions().get::<MetricsPage>().is_some() {
        scope.skip_scrape();
    }
    scope.name_returned_error(status, response.extensions());
    let is_metered_socket = place_metered_socket(scope, response.extensions());
    let has_no_body = scope.is_head_request()
        || has_no_body(status)
        || scope.opens_tunnel(status)
        || is_metered_socket;
    let (stream, call) = if has_no_body || !scope.has_expected_body() {
        (None, None)
    } else {
        take_expected_body(scope, status, response.headers())
    };
    let is_expected = stream.is_some() || call.is_some();
    let size_in_memory = if has_no_body || (response.body().is_end_stream() && !is_expected) {
        Some(0)
    } else if is_expected || scope.is_parsing_reply() || scope.is_upload_open() {
        // An error event in the body can still make the request fail, and a response body that is
        // made of the request body reads it later.
        None
    } else {
        size_in_memory(response.headers(), response.body())
    };
    if let Some(size) = size_in_memory {
        scope.note_head(status, true);
        scope.close(Termination::Complete, Some(size));
        return response.map(Body::new);
    }
    let (mut head, body) = response.into_parts();
    let is_event_stream = media_type::is_event_stream(&head.headers);
    let declared = declared_length(&head.headers, &body);
    let is_stream =
        stream.is_some() || is_event_stream || head.extensions.get::<Streamed>().is_some();
    scope.note_head(status, is_stream);
    let is_marked = scope.ends_with_head() && request::current(|_| ()).is_some();
    let body = Body::new(body);
    let streamed_call = stream.as_ref().and_then(|stream| stream.call.as_ref());
    for call in streamed_call.into_iter().chain(&call) {
        call.note_headers(&head.headers);
    }
    if let (Some(outer), Some(_)) = (streamed_call, &call) {
        // The call whose reply is expected was made within that of the stream.
        outer.pass_on();
    }
    let stream_meter = stream.and_then(|stream| {
        let recorder = StreamRecorder::in_request(scope, stream)?;
        Some(BodyRecorder::new(recorder.with_event_stream(is_event_stream)))
    });
    let reply_meter = call.and_then(|call| {
        let content = media_type::content_of(status, &head.headers);
        parse_reply(call, content)
    });
    let meters = [reply_meter, stream_meter];
    let body = Body::new(ResponseBody::new(body, handle, meters, declared));
    if is_marked {
        head.extensions.insert(Streamed);
    }
    Response::from_parts(head, body)
}

/// Takes the stream and the call whose reply the response body is expected to be.
fn take_expected_body(
    scope: &mut Scope,
    status: StatusCode,
    headers: &HeaderMap,
) -> (Option<StreamInfo>, Option<Arc<LlmCall>>) {
    let is_event_stream = media_type::is_event_stream(headers);
    let stream = scope.take_expected_stream(is_event_stream);
    let stream = stream.map(|stream| {
        let content = media_type::content_of(status, headers);
        StreamInfo { content, ..stream }
    });
    // Without a protocol, only the status shows that a layer has replaced the handler's response.
    let is_foreign = |stream: &StreamInfo| {
        stream.call.is_none() && matches!(stream.content, BodyContent::Error(_))
    };
    let stream = stream.filter(|stream| !is_foreign(stream));
    (stream, scope.take_expected_reply(is_event_stream))
}

/// Returns a response that is not recorded. While the body of a disabled instance's response is
/// polled, it still belongs to that instance, unless it is in memory.
fn pass_through<B>(response: Response<B>, handle: ScopeHandle) -> Response<Body>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let runs_no_code = |response: &Response<B>| {
        response.body().is_end_stream()
            || size_in_memory(response.headers(), response.body()).is_some()
    };
    if handle.is_none() || runs_no_code(&response) {
        return response.map(Body::new);
    }
    response.map(|body| Body::new(UnrecordedBody::new(Body::new(body), handle)))
}

/// Marks a response whose body is a stream that a layer of another instance has seen. The request's
/// duration then ends with the head for the layers around it as well. Stored in the response's
/// extensions.
#[derive(Clone, Copy)]
struct Streamed;

/// Places the WebSocket that the response opens, if it is metered, at the endpoint of the stream
/// that an attribute expects. Returns whether the response opens a metered WebSocket. Over HTTP/2
/// the status, 200, does not show this.
#[cfg(feature = "ws")]
fn place_metered_socket(scope: &mut Scope, extensions: &Extensions) -> bool {
    let Some(socket) = extensions.get::<SocketStream>() else { return false };
    if let Some(stream) = scope.take_expected_stream(true) {
        socket.place(stream.endpoint, stream.model);
    }
    true
}

#[cfg(not(feature = "ws"))]
fn place_metered_socket(_: &mut Scope, _: &Extensions) -> bool {
    false
}

/// Parses the response body as the reply of `call`. If the response is an error, the call has
/// failed and its body is not parsed.
fn parse_reply(call: Arc<LlmCall>, content: BodyContent) -> Option<BodyRecorder> {
    if let BodyContent::Error(status) = content {
        call.finish(&Reply::ended(ReplyEnd::Failed(CallErrorType::from_status(status))));
        return None;
    }
    Some(BodyRecorder::new(StreamRecorder::parsing(ReplyParser::for_body(call, content))))
}

/// Returns whether HTTP sends a response of this status without a body, whatever the handler
/// returned (RFC 9110, section 6.4.1).
///
/// The response to a WebSocket upgrade (101) has no body, so its request ends with the head. The
/// module `ws` meters the socket.
fn has_no_body(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Returns the number of bytes that the transport sends, after which it does not poll the body
/// again.
fn declared_length<B: HttpBody>(headers: &HeaderMap, body: &B) -> Option<u64> {
    let declared = headers.get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse().ok());
    declared.or_else(|| body.size_hint().exact())
}

/// Returns the size of a body that is in memory as one piece. The transport takes such a response
/// body at once.
///
/// A body does not say whether it is in memory, so this is a guess, and the only one that the layer
/// makes. The body must be small and of known length, and there must be no `Content-Length`: a
/// handler sets it for a body that is still arriving from another server, and a request that has
/// arrived from a client declares it.
pub(super) fn size_in_memory<B: HttpBody>(headers: &HeaderMap, body: &B) -> Option<u64> {
    body.size_hint().exact().filter(|size| *size <= MAX_IN_MEMORY && !declares_length(headers))
}

/// Returns whether there is a `Content-Length`. Most responses have few headers at this point, and
/// a look at each of them takes less time than a hash.
fn declares_length(headers: &HeaderMap) -> bool {
    if headers.len() > 4 {
        return headers.contains_key(header::CONTENT_LENGTH);
    }
    headers.keys().any(|name| name == header::CONTENT_LENGTH)
}
