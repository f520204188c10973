//! Layers inside the metrics layer that call a handler again: each of its errors is counted, with
//! the status that it became.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get as route_get;
use axum::{Json, Router};
use streamgauge::{Metrics, instrument_endpoint, track_detailed_exception};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, settled};
use tower::retry::{Policy, RetryLayer};

/// Repeats a request until its response is no server error.
#[derive(Clone)]
pub(crate) struct UntilSuccess;

type Sent = Request<Body>;

impl<E> Policy<Sent, Response, E> for UntilSuccess {
    type Future = std::future::Ready<()>;

    fn retry(&mut self, _: &mut Sent, result: &mut Result<Response, E>) -> Option<Self::Future> {
        let failed = result.as_ref().is_ok_and(|response| response.status().is_server_error());
        failed.then(|| std::future::ready(()))
    }

    fn clone_request(&mut self, request: &Sent) -> Option<Sent> {
        let mut copy = Request::get(request.uri()).body(Body::empty()).ok()?;
        *copy.extensions_mut() = request.extensions().clone();
        Some(copy)
    }
}

/// An error that does not tell its status.
#[derive(Debug)]
struct Busy;

impl IntoResponse for Busy {
    fn into_response(self) -> Response {
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }
}

type Attempts = State<Arc<AtomicU32>>;

#[instrument_endpoint]
async fn third_succeeds(State(attempts): Attempts) -> Result<&'static str, Busy> {
    if attempts.fetch_add(1, Relaxed) < 2 { Err(Busy) } else { Ok("done") }
}

#[instrument_endpoint]
async fn third_is_refused(State(attempts): Attempts) -> Result<&'static str, StatusCode> {
    match attempts.fetch_add(1, Relaxed) {
        0 => Err(StatusCode::SERVICE_UNAVAILABLE),
        1 => Err(StatusCode::BAD_GATEWAY),
        _ => Err(StatusCode::CONFLICT),
    }
}

#[instrument_endpoint]
async fn third_reports(State(attempts): Attempts) -> Result<&'static str, Busy> {
    if attempts.fetch_add(1, Relaxed) == 2 {
        track_detailed_exception(&Busy, StatusCode::CONFLICT);
        return Ok("done");
    }
    Err(Busy)
}

#[instrument_endpoint]
async fn recursive(State(attempts): Attempts) -> Result<&'static str, Busy> {
    if attempts.fetch_add(1, Relaxed) > 0 {
        return Err(Busy);
    }
    match Box::pin(recursive(State(attempts))).await {
        Err(Busy) => Ok("the inner call failed"),
        result => result,
    }
}

fn app(metrics: &Metrics) -> Router {
    let routes: Router<Arc<AtomicU32>> = Router::new()
        .route("/third_succeeds", route_get(third_succeeds))
        .route("/third_is_refused", route_get(third_is_refused))
        .route("/third_reports", route_get(third_reports))
        .route("/recursive", route_get(recursive));
    routes.with_state(Arc::default()).layer(RetryLayer::new(UntilSuccess)).layer(metrics.layer())
}

fn exceptions(scrape: &Scrape, exception_type: &str, status: &str) -> i64 {
    let labels = [("exception_type", exception_type), ("status", status)];
    scrape.sum("app_exceptions_total", &labels)
}

#[tokio::test]
async fn errors_that_a_retry_absorbs_do_not_get_the_status_of_the_response() {
    let metrics = metrics();
    assert_eq!(get(&app(&metrics), "/third_succeeds").await.0, StatusCode::OK);
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[("status", "200")]), 1);
    assert_eq!(exceptions(&scrape, "Busy", ""), 2);
    assert_eq!(scrape.sum("app_exceptions_total", &[]), 2);
}

#[tokio::test]
async fn errors_that_a_retry_absorbs_have_their_own_status_if_they_tell_it() {
    let metrics = metrics();
    assert_eq!(get(&app(&metrics), "/third_is_refused").await.0, StatusCode::CONFLICT);
    let scrape = settled(&metrics);
    for status in ["503", "502", "409"] {
        assert_eq!(exceptions(&scrape, "StatusCode", status), 1, "{status}");
    }
    assert_eq!(scrape.sum("app_exceptions_total", &[]), 3);
}

#[tokio::test]
async fn error_that_an_attempt_reports_does_not_hide_the_error_that_another_returned() {
    let metrics = metrics();
    assert_eq!(get(&app(&metrics), "/third_reports").await.0, StatusCode::OK);
    let scrape = settled(&metrics);
    assert_eq!(exceptions(&scrape, "Busy", ""), 2);
    assert_eq!(exceptions(&scrape, "Busy", "409"), 1);
}

#[tokio::test]
async fn handler_that_calls_itself_counts_no_error_that_it_handles() {
    let metrics = metrics();
    assert_eq!(get(&app(&metrics), "/recursive").await.0, StatusCode::OK);
    assert_eq!(settled(&metrics).sum("app_exceptions_total", &[]), 0);
}

#[tokio::test]
async fn error_that_a_layer_turns_into_a_success_has_no_status() {
    #[instrument_endpoint]
    async fn fails() -> Result<&'static str, Busy> {
        Err(Busy)
    }

    #[instrument_endpoint]
    async fn fails_with_status() -> Result<&'static str, (StatusCode, Json<u8>)> {
        Err((StatusCode::BAD_GATEWAY, Json(1)))
    }

    let metrics = metrics();
    let app = Router::new()
        .route("/fails", route_get(fails))
        .route("/fails_with_status", route_get(fails_with_status))
        .layer(axum::middleware::map_response(|_: Response| async { "a stale copy" }))
        .layer(metrics.layer());
    get(&app, "/fails").await;
    get(&app, "/fails_with_status").await;
    let scrape = settled(&metrics);
    assert_eq!(exceptions(&scrape, "Busy", ""), 1);
    assert_eq!(scrape.sum("app_exceptions_total", &[("status", "502")]), 1);
    assert_eq!(scrape.sum("app_exceptions_total", &[]), 2);
}

#[tokio::test]
async fn error_whose_response_is_an_error_has_its_status() {
    #[instrument_endpoint]
    async fn fails() -> Result<&'static str, Busy> {
        Err(Busy)
    }

    #[instrument_endpoint]
    async fn redirects() -> Result<&'static str, Redirect> {
        Err(Redirect::to("/login"))
    }

    let metrics = metrics();
    let app = Router::new()
        .route("/fails", route_get(fails))
        .route("/redirects", route_get(redirects))
        .layer(metrics.layer());
    get(&app, "/fails").await;
    get(&app, "/redirects").await;
    let scrape = settled(&metrics);
    assert_eq!(exceptions(&scrape, "Busy", "503"), 1);
    assert_eq!(exceptions(&scrape, "Redirect", "303"), 1);
}
