//! Functions that return `impl Trait`.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::fmt::Display;

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use streamgauge::instrument_endpoint;

#[instrument_endpoint]
async fn response(teapot: bool) -> impl IntoResponse {
    if teapot {
        return (StatusCode::IM_A_TEAPOT, "no coffee");
    }
    (StatusCode::OK, "coffee")
}

#[instrument_endpoint]
fn response_now() -> impl IntoResponse {
    (StatusCode::ACCEPTED, Json([1, 2, 3]))
}

#[instrument_endpoint]
async fn fallible(fail: bool) -> Result<impl IntoResponse, StatusCode> {
    if fail {
        return Err(StatusCode::NOT_FOUND);
    }
    let number: u32 = "7".parse().map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(Json(number))
}

#[instrument_endpoint]
fn fallible_now(text: &str) -> Result<impl Display + use<>, std::num::ParseIntError> {
    Ok(text.parse::<u32>()?)
}

#[instrument_endpoint]
fn in_a_tuple() -> (StatusCode, impl IntoResponse) {
    (StatusCode::CREATED, "made")
}

#[instrument_endpoint]
fn counter(from: u32) -> impl FnMut() -> u32 {
    let mut next = from;
    move || {
        next += 1;
        next
    }
}

/// The returned iterator borrows from the argument.
#[instrument_endpoint]
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ')
}

#[instrument_endpoint]
async fn words_later<'a>(text: &'a str, end: &str) -> Vec<impl Display + use<'a>> {
    text.trim_end_matches(end).split(' ').collect()
}

#[instrument_endpoint]
fn nested() -> impl Iterator<Item = impl Display> {
    [1, 2].into_iter()
}

#[instrument_endpoint]
fn later(number: u32) -> impl Future<Output = u32> + Send {
    async move { number + 1 }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!(response(true).await.into_response().status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(response(false).await.into_response().status(), StatusCode::OK);
    assert_eq!(response_now().into_response().status(), StatusCode::ACCEPTED);
    assert_eq!(fallible(true).await.into_response().status(), StatusCode::NOT_FOUND);
    assert_eq!(fallible(false).await.into_response().status(), StatusCode::OK);
    assert_eq!(fallible_now("7").unwrap().to_string(), "7");
    assert_eq!(in_a_tuple().0, StatusCode::CREATED);
    let mut counter = counter(1);
    assert_eq!((counter(), counter()), (2, 3));
    assert_eq!(words("a b").last(), Some("b"));
    assert_eq!(words_later("a b!", "!").await.len(), 2);
    assert_eq!(nested().count(), 2);
    assert_eq!(later(1).await, 2);
}
