//! All attributes, in every order, on a handler that builds its response itself.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use streamgauge::{instrument_endpoint, streaming_metrics, track_tokens};

#[derive(serde::Deserialize)]
struct Request {
    model: Option<String>,
}

fn answer(request: Request) -> Response {
    if request.model.is_none() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let chunks = async_stream::stream! {
        yield Ok::<_, Infallible>(Bytes::from("chunk"));
    };
    Response::new(Body::from_stream(chunks))
}

#[instrument_endpoint(endpoint = "/ask", method = "POST")]
#[streaming_metrics(model = request.model)]
#[track_tokens(provider = "house", model = request.model)]
async fn endpoint_stream_tokens(Json(request): Json<Request>) -> Response {
    answer(request)
}

#[instrument_endpoint(endpoint = "/ask", method = "POST")]
#[track_tokens(provider = "house", model = request.model)]
#[streaming_metrics(model = request.model)]
async fn endpoint_tokens_stream(Json(request): Json<Request>) -> Response {
    answer(request)
}

#[streaming_metrics(model = request.model)]
#[instrument_endpoint(endpoint = "/ask", method = "POST")]
#[track_tokens(provider = "house", model = request.model)]
async fn stream_endpoint_tokens(Json(request): Json<Request>) -> Response {
    answer(request)
}

#[streaming_metrics(model = request.model)]
#[track_tokens(provider = "house", model = request.model)]
#[instrument_endpoint(endpoint = "/ask", method = "POST")]
async fn stream_tokens_endpoint(Json(request): Json<Request>) -> Response {
    answer(request)
}

#[track_tokens(provider = "house", model = request.model)]
#[instrument_endpoint(endpoint = "/ask", method = "POST")]
#[streaming_metrics(model = request.model)]
async fn tokens_endpoint_stream(Json(request): Json<Request>) -> Response {
    answer(request)
}

#[track_tokens(provider = "house", model = request.model)]
#[streaming_metrics(model = request.model)]
#[instrument_endpoint(endpoint = "/ask", method = "POST")]
async fn tokens_stream_endpoint(Json(request): Json<Request>) -> Response {
    answer(request)
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let _app: Router = Router::new()
        .route("/endpoint_stream_tokens", post(endpoint_stream_tokens))
        .route("/endpoint_tokens_stream", post(endpoint_tokens_stream))
        .route("/stream_endpoint_tokens", post(stream_endpoint_tokens))
        .route("/stream_tokens_endpoint", post(stream_tokens_endpoint))
        .route("/tokens_endpoint_stream", post(tokens_endpoint_stream))
        .route("/tokens_stream_endpoint", post(tokens_stream_endpoint));
    let request = || Json(Request { model: None });
    assert_eq!(endpoint_stream_tokens(request()).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(endpoint_tokens_stream(request()).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(stream_endpoint_tokens(request()).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(stream_tokens_endpoint(request()).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(tokens_endpoint_stream(request()).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(tokens_stream_endpoint(request()).await.status(), StatusCode::NOT_FOUND);
}
