//! Handlers that fail.

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use streamgauge::{ExceptionType, instrument_endpoint};

#[derive(Deserialize)]
pub(super) struct Wanted {
    status: u16,
}

/// The status that is asked for: an `Err` from 400 on.
#[instrument_endpoint]
pub(super) async fn status(Query(wanted): Query<Wanted>) -> Result<StatusCode, StatusCode> {
    let status = StatusCode::from_u16(wanted.status).map_err(|_| StatusCode::BAD_REQUEST)?;
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
pub(super) struct Kind {
    kind: Failure,
}

#[instrument_endpoint]
pub(super) async fn fail(Query(Kind { kind }): Query<Kind>) -> Result<(), Failure> {
    Err(kind)
}

#[instrument_endpoint]
pub(super) async fn panics() {
    panic!("on purpose")
}
