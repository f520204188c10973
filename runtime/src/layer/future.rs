//! The response's future: keeps the scope up to the head.

use std::any::type_name;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::BoxError;
use axum::body::{Body, Bytes};
use http::{HeaderMap, Response, StatusCode, header};
use http_body::Body as HttpBody;
use pin_project_lite::pin_project;

use super::body::ResponseBody;
use crate::family::short_name;
use crate::request::{Content, Ending, OpenScope, StreamClaim, enter};
use crate::stream::{FrameMeter, Reading, StreamRecorder, content_of, is_event_stream};

/// The largest body, in bytes, that is taken to be in memory when its length is known.
const AT_HAND: u64 = 64 * 1024;

pin_project! {
    /// The future of [`Prometheus`](super::Prometheus).
    pub struct ResponseFuture<F> {
        // Taken out when this is dropped, to be dropped inside its scope.
        #[pin]
        inner: Option<F>,
        scope: OpenScope,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            enter(this.scope, || this.inner.set(None));
        }
    }
}

impl<F> ResponseFuture<F> {
    #[inline]
    pub(super) fn new(inner: F, scope: OpenScope) -> Self {
        Self { inner: Some(inner), scope }
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
        let result = ready!(enter(this.scope, || inner.poll(cx)));
        let mut scope = mem::take(this.scope);
        Poll::Ready(match result {
            Ok(response) => Ok(respond(response, scope)),
            Err(error) => {
                if let Some(scope) = scope.get() {
                    let exception = short_name(type_name::<E>());
                    scope.global_exception(&exception);
                    scope.close(Ending::Failed, None);
                }
                Err(error)
            }
        })
    }
}

/// Hands the scope over to the body, if there is a body that takes time; else closes it.
fn respond<B>(response: Response<B>, mut open: OpenScope) -> Response<Body>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let Some(scope) = open.get() else { return response.map(Body::new) };
    let (head, body) = response.into_parts();
    let bodiless = scope.head_only() || has_no_body(head.status);
    let is_event_stream = || is_event_stream(&head.headers);
    let content = || content_of(head.status, &head.headers);
    let (claim, call) = if bodiless || !scope.has_claims() {
        (None, None)
    } else {
        let events = is_event_stream();
        let claim = scope.take_stream_claim().filter(|claim| events || !claim.events);
        let claim = claim.map(|claim| StreamClaim { content: content(), ..claim });
        (claim, scope.take_call_claim(events))
    };
    let is_watched = claim.is_some() || call.is_some();
    let at_once = if bodiless || (body.is_end_stream() && !is_watched) {
        Some(0)
    } else if is_watched || scope.readings().any() {
        // What its protocol will tell may still be the request's failure.
        None
    } else {
        at_hand(&head.headers, &body)
    };
    if let Some(size) = at_once {
        scope.head(head.status, true);
        scope.close(Ending::Complete, Some(size));
        return Response::from_parts(head, Body::new(body));
    }
    let events = is_event_stream();
    let declared = declared_length(&head.headers, &body);
    scope.head(head.status, claim.is_some() || events);
    let body = Body::new(body);
    let meter = claim.and_then(|claim| {
        let recorder = StreamRecorder::inside(scope, &claim)?;
        Some(FrameMeter::new(recorder.of_events(events)))
    });
    let reader = call.and_then(|call| {
        let (content, endpoint) = (content(), scope.endpoint_of(call.site()));
        if content == Content::Error {
            call.close(&endpoint, Ending::Failed);
            return None;
        }
        let reading = Reading::of_call(call, content, endpoint);
        Some(FrameMeter::new(StreamRecorder::of_reading_inside(scope, reading)))
    });
    let body = Body::new(ResponseBody::new(body, open, [meter, reader], declared));
    Response::from_parts(head, body)
}

/// Responses that HTTP sends without a body, whatever the handler returned (RFC 9110, section 6.4.1).
fn has_no_body(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// The length that the transport will send, after which it does not ask the body again.
fn declared_length<B: HttpBody>(headers: &HeaderMap, body: &B) -> Option<u64> {
    let stated = headers.get(header::CONTENT_LENGTH);
    let stated = stated.and_then(|length| length.to_str().ok()?.parse().ok());
    stated.or_else(|| body.size_hint().exact())
}

/// The size of a body that lies in memory as one piece, which the transport takes in one go.
///
/// A body cannot be asked whether it does, so this is the only guess the layer makes: it is small, of
/// known length, and the handler did not state that length by hand, as it would for a body that is
/// still arriving from elsewhere.
fn at_hand<B: HttpBody>(headers: &HeaderMap, body: &B) -> Option<u64> {
    body.size_hint()
        .exact()
        .filter(|size| *size <= AT_HAND && !headers.contains_key(header::CONTENT_LENGTH))
}
