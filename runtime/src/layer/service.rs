//! The service: opens the scope of a request.

use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::{Body, Bytes};
use http::{Request, Response};
use http_body::Body as HttpBody;
use tower_service::Service;

use super::{ResponseFuture, passage, upload};
use crate::metrics::Metrics;
use crate::request::{Entry, Scope, enter};

/// The service that [`PrometheusLayer`](super::PrometheusLayer) makes.
#[derive(Clone, Debug)]
pub struct Prometheus<S> {
    inner: S,
    metrics: Metrics,
}

impl<S> Prometheus<S> {
    pub(super) fn new(inner: S, metrics: Metrics) -> Self {
        Self { inner, metrics }
    }

    /// Opens the scope of a request; none for one that a layer further out counts.
    fn open<B: HttpBody + 'static>(&self, request: &mut Request<B>) -> Option<Scope> {
        if passage::is_counted(request, &self.metrics) {
            return None;
        }
        let marked = passage::enter(request, &self.metrics);
        let size = upload::size_of(request.body_mut());
        let entry = Entry {
            route: passage::route(request),
            kind: self.metrics.kind_of(request),
            size,
            counts: !self.metrics.skips(request),
            marked,
        };
        Some(Scope::open(self.metrics.clone(), entry))
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
        let head_only = *request.method() == http::Method::HEAD;
        let mut scope = self.open(&mut request);
        let future = enter(&mut scope, || self.inner.call(request));
        ResponseFuture::new(future, scope, head_only)
    }
}
