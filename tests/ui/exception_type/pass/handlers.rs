//! Handlers whose errors implement `ExceptionType`, with every supported return type.

#![deny(warnings)]
#![forbid(unsafe_code)]

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use streamgauge::{ExceptionType, Metrics, instrument_endpoint};
use streamgauge_test_support::page_of;

#[derive(ExceptionType)]
enum Failure {
    Early,
    Late,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        StatusCode::CONFLICT.into_response()
    }
}

#[instrument_endpoint]
async fn with_text() -> Result<&'static str, Failure> {
    Err(Failure::Early)
}

#[instrument_endpoint]
async fn with_status() -> Result<(StatusCode, &'static str), Failure> {
    Err(Failure::Late)
}

type Alias<T> = Result<T, Failure>;

#[instrument_endpoint]
fn with_alias() -> Alias<Response> {
    Err(Failure::Late)
}

#[instrument_endpoint]
async fn hidden() -> impl IntoResponse {
    Err::<(), _>(Failure::Late)
}

#[instrument_endpoint]
async fn generic<E: ExceptionType>(error: E) -> Result<(), E> {
    Err(error)
}

#[tokio::main]
async fn main() {
    assert!(with_text().await.is_err());
    assert!(with_status().await.is_err());
    assert!(with_alias().is_err());
    assert_eq!(hidden().await.into_response().status(), 409);
    assert!(generic(Failure::Early).await.is_err());
    let page = page_of(Metrics::global());
    for (endpoint, variant) in [
        ("with_text", "Early"),
        ("with_status", "Late"),
        ("with_alias", "Late"),
        ("generic", "Early"),
    ] {
        let line = format!(r#"endpoint="{endpoint}",exception_type="{variant}",status="500"}} 1"#);
        assert!(page.contains(&line), "{line} is not in\n{page}");
    }
}
