//! Errors of handlers: counted once, by type, in one of two families.

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use futures_util::FutureExt;
use streamgauge::{Metrics, instrument_endpoint, track_detailed_exception, track_global_exception};
use streamgauge_test_support::client::{get, metrics, settled};

#[derive(Debug)]
struct OutOfStock;

impl IntoResponse for OutOfStock {
    fn into_response(self) -> Response {
        StatusCode::CONFLICT.into_response()
    }
}

#[instrument_endpoint]
async fn returned() -> Result<&'static str, OutOfStock> {
    Err(OutOfStock)
}

#[instrument_endpoint]
async fn handled() -> Result<&'static str, OutOfStock> {
    returned().await.or(Ok("a substitute"))
}

#[instrument_endpoint]
async fn reported() -> StatusCode {
    track_detailed_exception(&OutOfStock, StatusCode::ACCEPTED);
    StatusCode::ACCEPTED
}

#[instrument_endpoint]
async fn reported_and_returned() -> Result<&'static str, OutOfStock> {
    track_detailed_exception(&OutOfStock, StatusCode::CONFLICT);
    Err(OutOfStock)
}

async fn reported_as_global() {
    track_global_exception(&OutOfStock);
}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/returned", route_get(returned))
        .route("/handled", route_get(handled))
        .route("/reported", route_get(reported))
        .route("/both", route_get(reported_and_returned))
        .route("/global", route_get(reported_as_global))
        .layer(metrics.layer())
}

/// Serves one request. Returns how often its error is counted for the endpoint, how often any error
/// is counted with status 409, and how often the error is counted without an endpoint.
async fn exceptions(path: &str) -> (i64, i64, i64) {
    let metrics = metrics();
    get(&app(&metrics), path).await;
    let scrape = settled(&metrics);
    let labels = [("endpoint", path), ("exception_type", "OutOfStock")];
    (
        scrape.sum("app_exceptions_total", &labels),
        scrape.sum("app_exceptions_total", &[("status", "409")]),
        scrape.sum("app_global_exceptions_total", &[("exception_type", "OutOfStock")]),
    )
}

#[tokio::test]
async fn returned_error_is_counted_with_its_response_status() {
    assert_eq!(exceptions("/returned").await, (1, 1, 0));
}

#[tokio::test]
async fn handled_error_is_not_counted() {
    assert_eq!(exceptions("/handled").await, (0, 0, 0));
}

#[tokio::test]
async fn reported_error_is_counted_with_the_given_status() {
    assert_eq!(exceptions("/reported").await, (1, 0, 0));
}

#[tokio::test]
async fn error_reported_and_returned_is_counted_once() {
    assert_eq!(exceptions("/both").await, (1, 1, 0));
}

#[tokio::test]
async fn global_exception_has_no_endpoint() {
    assert_eq!(exceptions("/global").await, (0, 0, 1));
}

#[instrument_endpoint]
async fn global_and_returned() -> Result<&'static str, OutOfStock> {
    track_global_exception(&OutOfStock);
    Err(OutOfStock)
}

#[tokio::test]
async fn error_reported_as_global_and_returned_is_counted_once() {
    let metrics = metrics();
    let app = Router::new().route("/", route_get(global_and_returned)).layer(metrics.layer());
    get(&app, "/").await;
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_global_exceptions_total", &[]), 1);
    assert_eq!(scrape.sum("app_exceptions_total", &[]), 0);
}

#[instrument_endpoint]
async fn several() -> Result<&'static str, OutOfStock> {
    track_detailed_exception(&OutOfStock, StatusCode::CONFLICT);
    track_detailed_exception(&std::fmt::Error, StatusCode::CONFLICT);
    Err(OutOfStock)
}

#[tokio::test]
async fn error_reported_among_others_and_returned_is_counted_once() {
    let metrics = metrics();
    let app = Router::new().route("/", route_get(several)).layer(metrics.layer());
    get(&app, "/").await;
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_exceptions_total", &[("exception_type", "OutOfStock")]), 1);
    assert_eq!(scrape.sum("app_exceptions_total", &[("exception_type", "fmt::Error")]), 1);
}

#[tokio::test]
async fn client_disconnect_before_the_head_keeps_the_exception_without_a_status() {
    let metrics = metrics();
    let stalls = axum::middleware::from_fn(|request, next: axum::middleware::Next| async {
        next.run(request).await;
        std::future::pending::<Response>().await
    });
    let app = Router::new().route("/", route_get(returned)).layer(stalls).layer(metrics.layer());
    assert!(get(&app, "/").now_or_never().is_none());
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_exceptions_total", &[("status", "")]), 1);
}

#[tokio::test]
async fn skip_paths_records_no_exceptions() {
    let metrics = Metrics::builder().skip_paths(["/returned"]).build().expect("valid");
    get(&app(&metrics), "/returned").await;
    assert_eq!(settled(&metrics).sum("app_exceptions_total", &[]), 0);
}

#[tokio::test]
async fn error_reported_by_a_middleware_after_its_return_is_counted_once() {
    let metrics = metrics();
    let report = axum::middleware::from_fn(|request, next: axum::middleware::Next| async {
        let response = next.run(request).await;
        track_detailed_exception(&OutOfStock, response.status());
        response
    });
    let app = Router::new().route("/", route_get(returned)).layer(report).layer(metrics.layer());
    get(&app, "/").await;
    assert_eq!(settled(&metrics).sum("app_exceptions_total", &[]), 1);
}

#[tokio::test]
async fn error_reported_and_yielded_by_a_generator_is_in_one_family() {
    let metrics = metrics();
    let failing = || async {
        axum::body::Body::from_stream(async_stream::stream! {
            yield Ok("one");
            track_detailed_exception(&OutOfStock, StatusCode::INTERNAL_SERVER_ERROR);
            yield Err(std::io::Error::other("out of stock"));
        })
    };
    let app = Router::new().route("/", route_get(failing)).layer(metrics.layer());
    let response = streamgauge_test_support::client::send(&app, axum::http::Method::GET, "/").await;
    assert!(axum::body::to_bytes(response.into_body(), usize::MAX).await.is_err());
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_exceptions_total", &[]), 1);
    assert_eq!(scrape.sum("app_global_exceptions_total", &[]), 0);
}
