//! The name of an error that a handler reports by its type, and may return next.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use axum::{Json, Router};
use futures_util::FutureExt;
use streamgauge::{ExceptionType, instrument_endpoint, track_detailed_exception};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics};

use crate::exception_names::{counted, names};

#[derive(serde::Serialize, ExceptionType)]
enum OrderError {
    OutOfStock,
}

impl IntoResponse for OrderError {
    fn into_response(self) -> Response {
        StatusCode::CONFLICT.into_response()
    }
}

#[tokio::test]
async fn exception_reported_by_its_type_and_returned_next_has_the_name_of_a_returned_one() {
    #[instrument_endpoint]
    async fn returned() -> Result<(), OrderError> {
        Err(OrderError::OutOfStock)
    }
    #[instrument_endpoint]
    async fn both() -> Result<(), OrderError> {
        let error = OrderError::OutOfStock;
        track_detailed_exception(&error, StatusCode::CONFLICT);
        Err(error)
    }
    #[instrument_endpoint]
    async fn wrapped() -> Result<(), (StatusCode, Json<OrderError>)> {
        track_detailed_exception(&std::fmt::Error, StatusCode::BAD_GATEWAY);
        let error = OrderError::OutOfStock;
        track_detailed_exception(&error, StatusCode::CONFLICT);
        Err((StatusCode::CONFLICT, Json(error)))
    }
    assert_eq!(names(returned).await, ["OutOfStock"]);
    assert_eq!(names(both).await, ["OutOfStock"]);
    assert_eq!(names(wrapped).await, ["OutOfStock", "fmt::Error"]);
}

#[tokio::test]
async fn exception_reported_by_its_type_is_counted_when_the_handler_waits() {
    #[instrument_endpoint]
    async fn handler() -> Result<(), OrderError> {
        track_detailed_exception(&OrderError::OutOfStock, StatusCode::CONFLICT);
        std::future::pending::<()>().await;
        Err(OrderError::OutOfStock)
    }
    let metrics = metrics();
    let app = Router::new().route("/", route_get(handler)).layer(metrics.layer());
    let mut response = Box::pin(get(&app, "/"));
    assert!((&mut response).now_or_never().is_none());
    let count = |name| {
        let labels = [("exception_type", name), ("status", "409")];
        Scrape::of(&metrics).sum("app_exceptions_total", &labels)
    };
    assert_eq!(count("OrderError"), 1);
    drop(response);
    assert_eq!(count("OrderError"), 1);
    assert_eq!(counted(&metrics), ["OrderError"]);
}
