//! Annotated functions remain axum handlers.

#![deny(warnings)]
#![forbid(unsafe_code)]

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use streamgauge::instrument_endpoint;

#[derive(Clone)]
struct App;

#[derive(Deserialize, Serialize)]
struct Item {
    id: u32,
}

enum Refusal {
    Missing,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Missing => StatusCode::NOT_FOUND.into_response(),
        }
    }
}

#[instrument_endpoint]
async fn nothing() {}

#[instrument_endpoint]
async fn text() -> &'static str {
    "text"
}

#[instrument_endpoint]
async fn fallible(
    State(_): State<App>,
    Path(id): Path<u32>,
    Query(_item): Query<Item>,
    headers: HeaderMap,
    Json(item): Json<Item>,
) -> Result<Json<Item>, Refusal> {
    if headers.is_empty() || item.id != id {
        return Err(Refusal::Missing);
    }
    Ok(Json(item))
}

#[instrument_endpoint]
async fn with_status(request: Request) -> (StatusCode, Html<String>) {
    (StatusCode::CREATED, Html(request.uri().to_string()))
}

#[instrument_endpoint]
async fn opaque(State(_app): State<App>) -> Result<impl IntoResponse, (StatusCode, String)> {
    Ok(Redirect::to("/"))
}

#[instrument_endpoint]
async fn boxed() -> axum::response::Result<Response> {
    Err(StatusCode::IM_A_TEAPOT)?;
    Ok(().into_response())
}

#[instrument_endpoint]
async fn optional(item: Option<Json<Item>>) -> axum::response::Result<Json<Item>> {
    Ok(item.ok_or(StatusCode::BAD_REQUEST)?)
}

#[instrument_endpoint]
async fn never() -> std::convert::Infallible {
    std::future::pending().await
}

pub(crate) fn main() {
    let _app: Router = Router::new()
        .route("/nothing", get(nothing))
        .route("/text", get(text))
        .route("/fallible/{id}", post(fallible))
        .route("/with_status", post(with_status))
        .route("/opaque", get(opaque))
        .route("/boxed", get(boxed))
        .route("/optional", post(optional))
        .route("/never", any(never))
        .fallback(nothing)
        .with_state(App);
}
