//! Handlers that fail.

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use streamgauge::{ExceptionType, instrument_endpoint};

#[derive(Deserialize)]
pub(super) struct StatusQuery {
    status: u16,
}

/// Responds with the requested status: as an `Err` from 400 on, otherwise as an `Ok`.
#[instrument_endpoint]
pub(super) async fn status(Query(query): Query<StatusQuery>) -> Result<StatusCode, StatusCode> {
    let status = StatusCode::from_u16(query.status).map_err(|_| StatusCode::BAD_REQUEST)?;
    if status.as_u16() < 400 { Ok(status) } else { Err(status) }
}

#[derive(Clone, Copy, Deserialize, ExceptionType)]
#[serde(rename_all = "lowercase")]
pub(super) enum Failure {
    A,
    B,
    C,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match self {
            Self::A => StatusCode::BAD_REQUEST,
            Self::B => StatusCode::CONFLICT,
            Self::C => StatusCode::INTERNAL_SERVER_ERROR,
        };
        status.into_response()
    }
}

#[derive(Deserialize)]
pub(super) struct FailureQuery {
    kind: Failure,
}

#[instrument_endpoint]
pub(super) async fn fail(Query(FailureQuery { kind }): Query<FailureQuery>) -> Result<(), Failure> {
    Err(kind)
}

#[instrument_endpoint]
pub(super) async fn panics() {
    panic!("on purpose")
}
