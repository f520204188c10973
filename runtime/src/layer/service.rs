//! The service that the layer creates: it opens the scope of each request.

use std::fmt;
use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::{Body, Bytes};
use axum::extract::MatchedPath;
use http::{Request, Response};
use http_body::Body as HttpBody;
use tower_service::Service;

use super::{ResponseFuture, axum_version, nested, upload};
use crate::family::RequestLabelValues;
use crate::metrics::{Instance, ServiceHandle};
use crate::request::{Entry, RequestSize, Scope, ScopeHandle, enter};
use crate::series::RouteTemplate;

/// The service that [`PrometheusLayer`](super::PrometheusLayer) creates around another service.
///
/// It opens a record for each request and closes it when the response has ended: at the head if the
/// body is in memory, otherwise at the last frame. It calls the inner service once per request. A
/// request body that is not in memory is wrapped to be counted, and an extension may be added to
/// the request. The response body becomes axum's [`Body`]. Of a disabled instance, it passes
/// requests and responses through.
#[derive(Clone)]
pub struct Prometheus<S> {
    inner: S,
    handle: ServiceHandle,
}

impl<S> Prometheus<S> {
    pub(super) fn new(inner: S, instance: &'static Instance) -> Self {
        Self { inner, handle: ServiceHandle::new(instance) }
    }

    /// Opens the scope of a request. The handle stands for nothing if an outer layer records the
    /// request.
    fn open_scope<B: HttpBody + 'static>(&self, request: &mut Request<B>) -> ScopeHandle {
        let instance = self.handle.instance();
        if !instance.is_enabled() {
            return ScopeHandle::disabled();
        }
        axum_version::warn_if_other::<B>();
        if nested::is_recorded_by_outer_layer(request, instance) {
            return ScopeHandle::NONE;
        }
        let marked = nested::mark_request(request, instance);
        let recorded = instance.is_plain() || !instance.skips(request, nested::route);
        let size = if recorded { upload::measure(request) } else { RequestSize::Unknown };
        let matched = request.extensions().get::<MatchedPath>();
        let entry = Entry {
            template: matched
                .map(|matched| RouteTemplate { text: matched.as_str(), shared: matched }),
            method: request.method().into(),
            request_values: if instance.is_plain() {
                RequestLabelValues::default()
            } else {
                instance.request_label_values(request)
            },
            size,
            recorded,
            marked,
        };
        ScopeHandle::new(|place| Scope::open_in(place, instance, entry))
    }
}

impl<S: fmt::Debug> fmt::Debug for Prometheus<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instance = self.handle.instance();
        let mut debug = f.debug_struct("Prometheus");
        debug.field("inner", &self.inner).field("metrics", instance).finish()
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
        let mut scope = self.open_scope(&mut request);
        let inner = Some(enter(&mut scope, || self.inner.call(request)));
        ResponseFuture { inner, scope }
    }
}
