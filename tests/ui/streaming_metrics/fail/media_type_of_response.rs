//! `media_type` is an error on functions that return a response, which has its own media type.

use std::convert::Infallible;

use axum::Json;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::sse::Event;
use axum::response::{Html, IntoResponse, Response, Sse};
use futures_core::Stream;
use futures_util::stream::empty;
use streamgauge::streaming_metrics;

#[streaming_metrics(media_type = "text/plain")]
async fn response() -> Response {
    Response::new(Body::empty())
}

#[streaming_metrics(media_type = "text/plain")]
fn response_of_a_body() -> axum::http::Response<Body> {
    Response::new(Body::empty())
}

#[streaming_metrics(media_type = "text/plain")]
async fn response_in_result() -> Result<Response, StatusCode> {
    Ok(Response::new(Body::empty()))
}

#[streaming_metrics(media_type = "text/event-stream")]
async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(empty())
}

#[streaming_metrics(media_type = "text/plain")]
fn body() -> Body {
    Body::empty()
}

#[streaming_metrics(media_type = "text/plain")]
async fn hidden() -> impl IntoResponse {
    Body::empty()
}

#[streaming_metrics(media_type = "application/json")]
async fn json() -> Json<u32> {
    Json(1)
}

#[streaming_metrics(media_type = "text/html")]
fn html() -> Html<String> {
    Html(String::new())
}

#[tokio::main]
async fn main() {
    drop(response().await);
    drop(response_of_a_body());
    drop(response_in_result().await);
    drop(events().await);
    drop(body());
    drop(hidden().await);
    drop(json().await);
    drop(html());
}
