//! The response's future: keeps the scope up to the head.

use std::any::type_name;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::BoxError;
use axum::body::{Body, Bytes};
use http::{HeaderMap, Response, header};
use http_body::Body as HttpBody;
use pin_project_lite::pin_project;

use super::body::ResponseBody;
use crate::family::short_name;
use crate::request::{Ending, Scope, enter};
use crate::stream::StreamRecorder;

pin_project! {
    /// The future of [`Prometheus`](super::Prometheus).
    pub struct ResponseFuture<F> {
        // Taken out when this is dropped, to be dropped inside its scope.
        #[pin]
        inner: Option<F>,
        scope: Option<Scope>,
        head_only: bool,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            enter(this.scope, || this.inner.set(None));
        }
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn new(inner: F, scope: Option<Scope>, head_only: bool) -> Self {
        Self { inner: Some(inner), scope, head_only }
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
        let scope = this.scope.take();
        Poll::Ready(match (result, scope) {
            (Ok(response), Some(scope)) => Ok(respond(response, scope, *this.head_only)),
            (Ok(response), None) => Ok(response.map(Body::new)),
            (Err(error), scope) => {
                if let Some(mut scope) = scope {
                    let exception = short_name(type_name::<E>());
                    scope.metrics().endpoints().global_exception(&exception);
                    scope.close(Ending::Failed, None);
                }
                Err(error)
            }
        })
    }
}

/// Hands the scope over to the body, if there is a body that takes time; else closes it.
fn respond<B>(response: Response<B>, mut scope: Scope, head_only: bool) -> Response<Body>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (head, body) = response.into_parts();
    let claim = if head_only { None } else { scope.take_stream_claim() };
    let size = match claim {
        Some(_) => None,
        None if head_only || body.is_end_stream() => Some(0),
        None => at_hand(&head.headers, &body),
    };
    scope.head(head.status, claim.is_some() || is_event_stream(&head.headers));
    let body = Body::new(body);
    if let Some(size) = size {
        scope.close(Ending::Complete, Some(size));
        return Response::from_parts(head, body);
    }
    let recorder =
        claim.map(|claim| StreamRecorder::new(&claim.endpoint, &claim.model, scope.begin_stream()));
    let body = Body::new(ResponseBody::new(body, scope, recorder));
    Response::from_parts(head, body)
}

/// The size of a body that lies in memory as one piece, which the transport takes in one go.
///
/// A handler that states the length by hand may be passing on a body that is still arriving, so that
/// one is watched to its end like a body of unknown length.
fn at_hand<B: HttpBody>(headers: &HeaderMap, body: &B) -> Option<u64> {
    body.size_hint().exact().filter(|_| !headers.contains_key(header::CONTENT_LENGTH))
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
}
