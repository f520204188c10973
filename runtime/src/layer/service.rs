//! The service: opens the scope of a request.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::{Body, Bytes};
use http::{Request, Response};
use http_body::Body as HttpBody;
use tower_service::Service;

use super::{ResponseFuture, passage, upload};
use crate::metrics::Metrics;
use crate::request::{Entry, Gate, OpenScope, Scope, enter};

/// The service that [`PrometheusLayer`](super::PrometheusLayer) makes.
#[derive(Clone)]
pub struct Prometheus<S> {
    inner: S,
    gate: Arc<Gate>,
}

impl<S> Prometheus<S> {
    pub(super) fn new(inner: S, metrics: Metrics) -> Self {
        Self { inner, gate: Arc::new(Gate::new(metrics)) }
    }

    /// Opens the scope of a request; none for one that a layer further out counts.
    fn open<B: HttpBody + 'static>(&self, request: &mut Request<B>) -> OpenScope {
        let metrics = self.gate.metrics();
        if passage::is_counted(request, metrics) {
            return OpenScope::NONE;
        }
        let marked = passage::enter(request, metrics);
        let size = upload::size_of(request.body_mut());
        let entry = Entry {
            route: passage::route(request),
            kind: metrics.kind_of(request),
            size,
            counts: !metrics.skips(request),
            marked,
        };
        OpenScope::new(|| Scope::open(Arc::clone(&self.gate), entry))
    }
}

impl<S: fmt::Debug> fmt::Debug for Prometheus<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metrics = self.gate.metrics();
        f.debug_struct("Prometheus").field("inner", &self.inner).field("metrics", metrics).finish()
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Prometheus<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ReqBody: HttpBody + 'static,
    ResBody: HttpBody<Data = Bytes> + Send + 'static,
    ResBody::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let mut scope = self.open(&mut request);
        let future = enter(&mut scope, || self.inner.call(request));
        ResponseFuture::new(future, scope)
    }
}
