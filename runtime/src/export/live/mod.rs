//! The live page: the metrics of an instance in a browser, updated each second.
//!
//! The page is a few files that are part of the program (`assets.rs`), and a stream of server-sent
//! events (`events.rs`): a description of the instance (`describe.rs`), then a reading each second
//! (`reading.rs`). The page computes rates and percentiles from the differences between readings
//! and keeps the last five minutes, so that the server keeps nothing.

mod ages;
mod assets;
mod describe;
mod events;
mod reading;
mod rows;

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{OriginalUri, Request};
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use tokio::sync::watch;
use tower_service::Service;

use self::assets::Asset;
use self::events::EventBody;
use crate::metrics::Metrics;
use crate::request::{self, MetricsPage, Scope};

/// The headers of all responses. The files have no other sources than this server, and the modules
/// of two versions of the program never mix.
const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'self'")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
];

/// Serves the live page, which shows the metrics of one instance in a browser and updates them each
/// second. Created by [`Metrics::live`].
///
/// The page shows the last five minutes: requests by outcome, latency by endpoint, streams, model
/// calls with their tokens and cost, exceptions, and objectives. The page needs no Prometheus, and
/// the browser loads all files from this server.
///
/// The type is a tower service, for `nest_service`, and a handler, which needs two routes, such as
/// `/live/` and `/live/{file}`. A clone serves the same page: [`close`](Self::close) closes all
/// clones.
///
/// # Responses
///
/// - The path of the page, with a slash at its end, returns the HTML document. The path without the
///   slash is redirected to the path with the slash.
/// - The files of the page are below that path. The header `Content-Security-Policy: default-src
///   'self'` of all responses forbids the browser to load anything from other servers.
/// - `events` below that path is a stream of server-sent events. The stream ends when its client
///   disconnects, when the page is closed, or when the viewer loses its place to another one: see
///   [`max_viewers`](crate::MetricsBuilder::max_viewers). If there is no place for a new viewer, or
///   if the page is closed, the response is 503 with `Retry-After`.
/// - Other files get 404, and methods other than `GET` and `HEAD` get 405. The last segment of a
///   path names the file.
///
/// No layer records requests for the page. A request that another layer refuses before it reaches
/// the page is recorded.
///
/// # Cost
///
/// While no browser has the page open, nothing is computed, kept or spawned for the page, and a
/// request only checks a flag. While the page is open, the first viewer of each second starts a
/// task ([`spawn_blocking`](tokio::task::spawn_blocking)) that makes a reading of all series, which
/// all viewers share. For each kind of series, a reading has at most 200 rows, those of the busiest
/// series, and one row with the sum of the other series. The arrival times of requests in flight
/// are kept, too, in a map that each request locks when it arrives and when it ends.
///
/// A viewer that does not read costs only its connection and the buffers of the connection. When
/// these are full, readings are not queued, and after a pause the viewer gets the newest reading.
///
/// # Graceful shutdown
///
/// The stream of an open page does not end by itself. A server that waits for all responses before
/// it stops would wait until the last browser tab is closed. [`close`](Self::close) ends the
/// streams.
///
/// # Panics
///
/// A request for `events` panics in a tokio runtime without time enabled.
///
/// # Access control
///
/// The page shows the names of endpoints, models and exceptions, and costs. Restrict access with a
/// layer, as for any route. If a response has the header `WWW-Authenticate: Basic`, a browser asks
/// for a name and a password, and sends them with all requests of the page:
///
/// ```
/// use axum::{Router, extract::Request, http::{StatusCode, header}, middleware::{Next, from_fn}};
/// use axum::response::{IntoResponse, Response};
/// use streamgauge::Metrics;
///
/// async fn developers_only(request: Request, next: Next) -> Response {
///     let credentials = request.headers().get(header::AUTHORIZATION);
///     // The name `live` and the password `let-me-look`, in Base64.
///     if credentials.is_some_and(|value| value == "Basic bGl2ZTpsZXQtbWUtbG9vaw==") {
///         return next.run(request).await;
///     }
///     let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"live\"")];
///     (StatusCode::UNAUTHORIZED, challenge).into_response()
/// }
///
/// let metrics = Metrics::builder().build()?;
/// let guarded: Router = Router::new()
///     .nest_service("/metrics/live", metrics.live())
///     .layer(from_fn(developers_only));
/// # Ok::<(), streamgauge::BuildError>(())
/// ```
///
/// Or serve the page on a port that only developers can reach, with
/// [`Serve::with_live_page`](crate::Serve::with_live_page):
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use streamgauge::Metrics;
///
/// let server = Metrics::global().serve("127.0.0.1:9464").with_live_page().await?;
/// println!("live page at http://{}/metrics/live", server.local_addr());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct LivePage {
    metrics: Metrics,
    /// Whether the page is closed. Once true, the value stays true.
    closed: Arc<watch::Sender<bool>>,
}

impl Metrics {
    /// Creates a tower service and handler that serves the live page, which shows the metrics of
    /// this instance in a browser and updates them each second.
    ///
    /// Each call creates a page of its own: [`LivePage::close`] closes this page and not the pages
    /// of other calls. [`LivePage`] describes the responses, what the page costs, and how to
    /// restrict access.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::Router;
    /// use streamgauge::Metrics;
    ///
    /// let metrics = Metrics::builder().build()?;
    /// let app: Router = Router::new()
    ///     .nest_service("/metrics/live", metrics.live())
    ///     .layer(metrics.layer());
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    #[must_use]
    #[cfg_attr(docsrs, doc(cfg(feature = "live")))]
    pub fn live(&self) -> LivePage {
        let closed = Arc::new(watch::Sender::new(false));
        LivePage { metrics: self.clone(), closed }
    }
}

impl LivePage {
    fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    /// Returns a future that resolves when the page is closed.
    fn closed(&self) -> impl Future<Output = ()> + Send + use<> {
        let closed = Arc::clone(&self.closed);
        async move {
            // Never an error: `closed` is the sender.
            let _ = closed.subscribe().wait_for(|closed| *closed).await;
        }
    }

    fn respond<B>(&self, request: &http::Request<B>) -> Response {
        request::current(Scope::skip_scrape);
        let mut response = self.file_or_events(request);
        for (name, value) in HEADERS {
            response.headers_mut().entry(name).or_insert(value);
        }
        response.extensions_mut().insert(MetricsPage);
        response
    }

    fn file_or_events<B>(&self, request: &http::Request<B>) -> Response {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let allowed = [(header::ALLOW, "GET, HEAD")];
            return (StatusCode::METHOD_NOT_ALLOWED, allowed).into_response();
        }
        let is_head = *request.method() == Method::HEAD;
        if let Some(location) = location_with_slash(request) {
            return (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)])
                .into_response();
        }
        let path = request.uri().path();
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        if name == "events" {
            return self.events(is_head);
        }
        let Some(asset) = Asset::find(name) else { return StatusCode::NOT_FOUND.into_response() };
        let body = if is_head { Body::empty() } else { Body::from(asset.bytes) };
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
            (header::CONTENT_LENGTH, asset.bytes.len().into()),
        ];
        (headers, body).into_response()
    }

    fn events(&self, is_head: bool) -> Response {
        let events = if is_head { None } else { Some(EventBody::new(self)) };
        let body = match events {
            None => Body::empty(),
            Some(Ok(events)) => Body::new(events),
            Some(Err(reason)) => {
                let retry_after = [(header::RETRY_AFTER, "5")];
                return (StatusCode::SERVICE_UNAVAILABLE, retry_after, reason).into_response();
            }
        };
        let headers = [
            (header::CONTENT_TYPE, "text/event-stream"),
            (header::CACHE_CONTROL, "no-store"),
            // nginx would keep events until it has many of them.
            (HeaderName::from_static("x-accel-buffering"), "no"),
        ];
        (headers, body).into_response()
    }

    /// Closes this page and its clones: ends the streams of their viewers, and refuses new ones.
    ///
    /// An open page receives a stream that does not end by itself. A server that waits for all
    /// responses before it stops, such as axum's `with_graceful_shutdown`, must close the page.
    /// Otherwise, the server runs until the last browser tab is closed.
    ///
    /// The streams end at once, without waiting for their next reading. From then on, requests for
    /// `events` get 503, so that a browser that connects again while the server stops does not keep
    /// the server running. The files of the page are still served. A browser tries to connect again
    /// each second, or five seconds after a 503, and shows the numbers again when a new process
    /// listens.
    ///
    /// A page cannot be opened again. Other pages of the same instance, which other calls of
    /// [`Metrics::live`] have created, keep their viewers.
    ///
    /// The end of a stream is sent like its events: the connection of a client that has stopped
    /// reading stays open until the client reads or leaves. Use a timeout, too, if the server must
    /// stop in any case.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use axum::Router;
    /// use streamgauge::Metrics;
    ///
    /// # async fn example(
    /// #     signal: impl Future<Output = ()> + Send + 'static,
    /// # ) -> std::io::Result<()> {
    /// let live = Metrics::global().live();
    /// let app: Router = Router::new()
    ///     .nest_service("/metrics/live", live.clone())
    ///     .layer(Metrics::global().layer());
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    /// axum::serve(listener, app)
    ///     .with_graceful_shutdown(async move {
    ///         signal.await; // for example, ctrl-c
    ///         live.close();
    ///     })
    ///     .await
    /// # }
    /// ```
    pub fn close(&self) {
        self.closed.send_replace(true);
    }
}

/// Returns the path with a slash at its end, to which a request for the path of the page without
/// the slash is redirected: the names of files in the page are relative to the path.
///
/// Within `nest_service`, both paths are `/`. The location is relative, so that it is also correct
/// behind a proxy that removes a prefix. The dot keeps a colon in the path from ending a scheme.
fn location_with_slash<B>(request: &http::Request<B>) -> Option<HeaderValue> {
    let OriginalUri(original) = request.extensions().get()?;
    let path = original.path();
    if request.uri().path() != "/" || path.ends_with('/') {
        return None;
    }
    let (_, last) = path.rsplit_once('/')?;
    HeaderValue::from_str(&format!("./{last}/")).ok()
}

impl<S> Handler<(), S> for LivePage {
    type Future = Ready<Response>;

    fn call(self, request: Request, _state: S) -> Ready<Response> {
        ready(self.respond(&request))
    }
}

impl<B> Service<http::Request<B>> for LivePage {
    type Response = Response;
    type Error = Infallible;
    type Future = Ready<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        ready(Ok(self.respond(&request)))
    }
}

impl fmt::Debug for LivePage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LivePage")
            .field("metrics", &self.metrics)
            .field("closed", &self.is_closed())
            .finish()
    }
}
