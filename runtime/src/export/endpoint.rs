//! The handler that serves the metrics page.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use http_body::Body as _;
use tower_service::Service;

use super::accept::RequestedNames;
use super::content_encoding::ContentEncoding;
use super::page::Page;
use super::page_body::{NoPage, PageBody};
use super::text_format::Format;
use crate::metrics::{Instance, Metrics};
use crate::request::{self, MetricsPage, Scope, Serving};

/// Serves the metrics page: a handler for `GET /metrics`.
///
/// Behind a layer it serves the instance of that layer, otherwise [`Metrics::global`]. A `tracing`
/// event warns once if the global instance is served while another one has the layer. Scrapes are
/// not recorded. [`MetricsEndpoint`] describes the responses.
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
/// use streamgauge::{PrometheusLayer, metrics_endpoint};
///
/// let app: Router = Router::new()
///     .route("/metrics", get(metrics_endpoint))
///     .layer(PrometheusLayer::new());
/// ```
pub async fn metrics_endpoint(request: Request) -> Response {
    match request::serving(|scope| scope.instance()) {
        Serving::Request(instance) => respond(Some(instance), &request),
        Serving::Disabled => respond(None, &request),
        Serving::Nothing => respond(Some(Instance::for_page_outside_layers()), &request),
    }
}

/// Serves the metrics page of one instance, created by [`Metrics::endpoint`].
///
/// The type is both a handler, for `get(…)`, and a tower service, for `route_service` or a server.
///
/// # Responses
///
/// - A `GET` or `HEAD` request gets the page in the format that its `Accept` header prefers:
///   `OpenMetrics` 1.0 or the text format 0.0.4. Clients that accept neither get the text format.
/// - With the feature `gzip`, the page is compressed if `Accept-Encoding` allows it.
/// - With one or more query parameters `name[]=…`, the page contains only the families with these
///   names.
/// - While [`max_scrapes`](crate::MetricsBuilder::max_scrapes) pages are being sent, the response
///   is 503 with `Retry-After`, and `scrapes_refused_total` counts it. A page whose client has
///   stopped reading loses its place to another scrape: its body ends with an error, and
///   `scrapes_refused_total` counts it with the reason `stalled`.
/// - If another collector in the registry panics, the response is 500. The next scrape calls the
///   collector again.
/// - Other methods get 405.
/// - A [disabled](crate::MetricsBuilder::enabled) instance has a page without metrics, whatever is
///   in its registry.
///
/// A page is written piece by piece while its client reads it, so a large page takes little memory,
/// and nothing is locked between two pieces. Only pages up to 64 KiB have a `Content-Length`. The
/// families of other collectors in the registry are gathered at the beginning and kept in memory
/// until they are written.
///
/// # Access control
///
/// Restrict access with a layer, as for any route. For a token that Prometheus sends with
/// `authorization: { credentials: … }`:
///
/// ```
/// use axum::{Router, extract::Request, http::{StatusCode, header}, middleware::{Next, from_fn}};
/// use axum::{response::Response, routing::get};
/// use streamgauge::Metrics;
///
/// async fn scrapers_only(request: Request, next: Next) -> Result<Response, StatusCode> {
///     let token = request.headers().get(header::AUTHORIZATION);
///     if token.is_some_and(|token| token == "Bearer let-me-scrape") {
///         Ok(next.run(request).await)
///     } else {
///         Err(StatusCode::UNAUTHORIZED)
///     }
/// }
///
/// let metrics = Metrics::builder().build()?;
/// let guarded: Router =
///     Router::new().route("/metrics", get(metrics.endpoint()).layer(from_fn(scrapers_only)));
/// # Ok::<(), streamgauge::BuildError>(())
/// ```
#[derive(Clone)]
pub struct MetricsEndpoint {
    metrics: Metrics,
}

impl Metrics {
    /// Creates a handler and tower service that serves this instance's metrics page.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use streamgauge::Metrics;
    ///
    /// let metrics = Metrics::builder().build()?;
    /// let inside: Router = Router::new().route("/metrics", get(metrics.endpoint()));
    /// let as_service: Router = Router::new().route_service("/metrics", metrics.endpoint());
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    #[must_use]
    pub fn endpoint(&self) -> MetricsEndpoint {
        MetricsEndpoint { metrics: self.clone() }
    }
}

impl<S> Handler<(), S> for MetricsEndpoint {
    type Future = Ready<Response>;

    fn call(self, request: Request, _state: S) -> Ready<Response> {
        ready(respond(Some(self.metrics.instance()), &request))
    }
}

impl<B> Service<http::Request<B>> for MetricsEndpoint {
    type Response = Response;
    type Error = Infallible;
    type Future = Ready<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        ready(Ok(respond(Some(self.metrics.instance()), &request)))
    }
}

impl fmt::Debug for MetricsEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsEndpoint").field("metrics", &self.metrics).finish()
    }
}

/// Responds with the page of an instance. `None` stands for a disabled one.
fn respond<B>(instance: Option<&'static Instance>, request: &http::Request<B>) -> Response {
    request::current(Scope::skip_scrape);
    let mut response = page_or_refusal(instance, request);
    response.extensions_mut().insert(MetricsPage);
    response
}

fn page_or_refusal<B>(instance: Option<&'static Instance>, request: &http::Request<B>) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let allowed = [(header::ALLOW, "GET, HEAD")];
        return (StatusCode::METHOD_NOT_ALLOWED, allowed).into_response();
    }
    let format = Format::from_headers(request.headers());
    let is_head = *request.method() == Method::HEAD;
    let Some(instance) = instance.filter(|instance| instance.is_enabled()) else {
        let page = format.disabled_page();
        let body = if is_head { Body::empty() } else { Body::from(page) };
        return page_response(format, Some(page.len() as u64), body);
    };
    let names = RequestedNames::from_uri(request.uri());
    let encoding = ContentEncoding::from_headers(request.headers());
    let encoding_name = encoding.name();
    let start = || Page::new(instance, format, |family| names.contains(family));
    let page = if is_head {
        // Only the length of the page is kept, so the scrape needs no place.
        start().map_err(NoPage::Encode).map(|page| {
            let length = PageBody::length_of(encoding, page);
            (length, Body::empty())
        })
    } else {
        PageBody::new(instance, encoding, start)
            .map(|page| (page.size_hint().exact(), Body::new(page)))
    };
    match page {
        Ok((length, body)) => {
            let mut response = page_response(format, length, body);
            if let Some(encoding) = encoding_name {
                response
                    .headers_mut()
                    .insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
            }
            response
        }
        Err(NoPage::TooManyScrapes) => {
            let retry_after = [(header::RETRY_AFTER, "1")];
            let text = "too many scrapes at the same time: see the option `max_scrapes`\n";
            (StatusCode::SERVICE_UNAVAILABLE, retry_after, text).into_response()
        }
        Err(NoPage::Encode(error)) => {
            let text = format!("the metrics cannot be encoded: {error}\n");
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    }
}

fn page_response(format: Format, length: Option<u64>, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, format.content_type());
    headers.insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}
