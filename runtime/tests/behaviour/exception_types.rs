//! Exception types that an error supplies itself: variant names and implementations by hand.

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use streamgauge::{ExceptionType, Metrics, instrument_endpoint, track_detailed_exception};
use streamgauge_test_support::client::{get, metrics, settled};
use streamgauge_test_support::{Scrape, page_of};

#[derive(ExceptionType)]
enum OrderError {
    OutOfStock { item: String },
    Declined(String),
    Closed,
}

impl OrderError {
    fn of(kind: &str) -> Self {
        match kind {
            "stock" => Self::OutOfStock { item: "a secret\nitem".to_owned() },
            "declined" => Self::Declined("card 4711".to_owned()),
            _ => Self::Closed,
        }
    }
}

impl IntoResponse for OrderError {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::OutOfStock { item } => (StatusCode::CONFLICT, item),
            Self::Declined(message) => (StatusCode::PAYMENT_REQUIRED, message),
            Self::Closed => (StatusCode::SERVICE_UNAVAILABLE, String::new()),
        };
        (status, message).into_response()
    }
}

/// An error whose exception type depends on its value.
struct Upstream(u16);

impl ExceptionType for Upstream {
    fn exception_type(&self) -> &'static str {
        if self.0 < 500 { "upstream::refused" } else { "upstream::failed" }
    }
}

impl IntoResponse for Upstream {
    fn into_response(self) -> Response {
        StatusCode::BAD_GATEWAY.into_response()
    }
}

#[instrument_endpoint]
async fn order(Path(kind): Path<String>) -> Result<&'static str, OrderError> {
    Err(OrderError::of(&kind))
}

#[instrument_endpoint]
async fn upstream(Path(status): Path<u16>) -> Result<Response, Upstream> {
    Err(Upstream(status))
}

#[instrument_endpoint]
async fn reported_and_returned(Path(kind): Path<String>) -> Result<&'static str, OrderError> {
    let error = OrderError::of(&kind);
    track_detailed_exception(&error, StatusCode::CONFLICT);
    Err(error)
}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/order/{kind}", route_get(order))
        .route("/upstream/{status}", route_get(upstream))
        .route("/reported-and-returned/{kind}", route_get(reported_and_returned))
        .layer(metrics.layer())
}

#[tokio::test]
async fn exception_type_is_the_variant_name() {
    let metrics = metrics();
    let app = app(&metrics);
    for kind in ["stock", "declined", "declined", "else"] {
        get(&app, &format!("/order/{kind}")).await;
    }
    let scrape = settled(&metrics);
    let endpoint = ("endpoint", "/order/{kind}");
    for (variant, status, times) in
        [("OutOfStock", "409", 1), ("Declined", "402", 2), ("Closed", "503", 1)]
    {
        let labels = [endpoint, ("exception_type", variant), ("status", status)];
        assert_eq!(scrape.sum("app_exceptions_total", &labels), times, "{variant}");
    }
    assert_eq!(scrape.sum("app_exceptions_total", &[]), 4);
    let page = page_of(&metrics);
    assert!(!page.contains("4711") && !page.contains("secret"), "{page}");
}

#[tokio::test]
async fn exception_type_of_a_manual_implementation_is_used_unchanged() {
    let metrics = metrics();
    let app = app(&metrics);
    get(&app, "/upstream/404").await;
    get(&app, "/upstream/500").await;
    assert_eq!(
        settled(&metrics).values("app_exceptions_total", "exception_type"),
        ["upstream::failed", "upstream::refused"]
    );
}

#[tokio::test]
async fn exception_reported_and_returned_is_counted_once() {
    let metrics = metrics();
    get(&app(&metrics), "/reported-and-returned/stock").await;
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_exceptions_total", &[]), 1);
    assert_eq!(scrape.sum("app_exceptions_total", &[("exception_type", "OutOfStock")]), 1);
}

#[test]
fn exception_type_is_the_variant_name_outside_any_request() {
    #[instrument_endpoint]
    fn order_of_this_test() -> Result<StatusCode, OrderError> {
        Err(OrderError::Closed)
    }
    assert!(order_of_this_test().is_err());
    let labels = [("endpoint", "order_of_this_test"), ("exception_type", "Closed")];
    assert_eq!(Scrape::of(Metrics::global()).sum("app_exceptions_total", &labels), 1);
}

#[test]
fn exception_type_passes_through_references_and_boxes() {
    let error = OrderError::Closed;
    assert_eq!((&&error).exception_type(), "Closed");
    assert_eq!(Box::new(OrderError::Closed).exception_type(), "Closed");
    assert_eq!(std::sync::Arc::new(error).exception_type(), "Closed");
    let boxed: Box<dyn ExceptionType> = Box::new(Upstream(404));
    assert_eq!(boxed.exception_type(), "upstream::refused");
}
