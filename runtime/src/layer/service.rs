//! The service: opens the scope of a request.

use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::{Body, Bytes};
use axum::extract::MatchedPath;
use http::{Request, Response};
use http_body::Body as HttpBody;
use tower_service::Service;

use super::ResponseFuture;
use crate::family::Method;
use crate::metrics::Metrics;
use crate::request::{Scope, enter};

/// The label of requests that no route took.
const UNMATCHED: &str = "unmatched";

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

    fn open<B: HttpBody>(&self, request: &Request<B>) -> Scope {
        let endpoint = request.extensions().get::<MatchedPath>();
        Scope::open(
            self.metrics.clone(),
            endpoint.map_or(UNMATCHED, MatchedPath::as_str),
            Method::from(request.method()),
            request.body().size_hint().exact(),
            !self.metrics.skips(request.uri().path()),
        )
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Prometheus<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ReqBody: HttpBody,
    ResBody: HttpBody<Data = Bytes> + Send + 'static,
    ResBody::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let head_only = *request.method() == http::Method::HEAD;
        let mut scope = Some(self.open(&request));
        let future = enter(&mut scope, || self.inner.call(request));
        ResponseFuture::new(future, scope, head_only)
    }
}
