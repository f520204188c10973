//! The page that Prometheus scrapes.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use tower_service::Service;

use super::accept::Names;
use super::body::PageBody;
use super::coding::Coding;
use super::page::Page;
use super::text::Format;
use crate::metrics::{Metrics, ScrapePermit};
use crate::request::{self, Scope};

/// Serves the metrics: a handler for `GET /metrics`.
///
/// Behind a layer it shows the instance of that layer, else [`Metrics::global`]. Scrapes are not
/// counted, wherever it is mounted. What it answers: see [`MetricsEndpoint`].
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
    let metrics = request::current(|scope| scope.metrics().clone());
    respond(metrics.as_ref().unwrap_or_else(|| Metrics::global()), &request)
}

/// Serves one instance's metrics, whichever layer is around it: made by [`Metrics::endpoint`].
///
/// It is a handler, to be mounted with `get`, and a tower service, to be mounted with `route_service` or to stand
/// alone. It answers `GET` and `HEAD`:
///
/// - in the format that `Accept` likes best: `OpenMetrics` 1.0, or the text format 0.0.4, which is also
///   what a client gets that likes neither; compressed, where `Accept-Encoding` has gzip and the feature `gzip` is on;
/// - with `?name[]=…`, once or more, only the families of these names;
/// - 503 with `Retry-After` while as many pages as [`max_scrapes`](crate::MetricsBuilder::max_scrapes) are being
///   written and sent;
/// - 500 where a collector that was registered beside the families panics; the next scrape asks it again;
/// - 405 to any other method.
///
/// A page is written piece by piece as it is read: a large one takes little memory, and nothing is locked while a
/// client reads. Up to 64 KiB it has a `BodyContent-Length`. What other collectors of the registry give is gathered at the
/// beginning, and written a family at a time.
///
/// # Who may read it
///
/// That is up to the layers around it, as for any route. With a token that Prometheus sends as
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
    /// A handler that serves this instance's metrics, to be mounted with `get`; also a tower service.
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
        ready(respond(&self.metrics, &request))
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
        ready(Ok(respond(&self.metrics, &request)))
    }
}

impl fmt::Debug for MetricsEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsEndpoint").field("metrics", &self.metrics).finish()
    }
}

fn respond<B>(metrics: &Metrics, request: &http::Request<B>) -> Response {
    request::current(Scope::skip_recording);
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let allowed = [(header::ALLOW, "GET, HEAD")];
        return (StatusCode::METHOD_NOT_ALLOWED, allowed).into_response();
    }
    let Some(permit) = metrics.scrapes().begin() else {
        let later = [(header::RETRY_AFTER, "1")];
        let text = "too many scrapes at once: see `max_scrapes`\n";
        return (StatusCode::SERVICE_UNAVAILABLE, later, text).into_response();
    };
    let format = Format::of(request.headers());
    let names = Names::of(request.uri());
    match Page::new(metrics, format, |family| names.has(family)) {
        Ok(page) => {
            let mut response = sent(page, permit, request);
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, format.content_type());
            headers.insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
            response
        }
        Err(error) => {
            let text = format!("the metrics cannot be encoded: {error}\n");
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    }
}

/// The page as it is sent: to `HEAD` its head alone.
fn sent<B>(page: Page, permit: ScrapePermit, request: &http::Request<B>) -> Response {
    let coding = Coding::of(request.headers());
    let coding_name = coding.name();
    let body = PageBody::new(page, coding, permit);
    let length = body.length();
    let mut response = Response::new(match *request.method() {
        Method::HEAD => Body::empty(),
        _ => Body::new(body),
    });
    let headers = response.headers_mut();
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    if let Some(coding) = coding_name {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}
