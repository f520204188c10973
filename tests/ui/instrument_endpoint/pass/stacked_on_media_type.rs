//! All attributes, in every order, on a stream function that `media_type` turns into a handler.
//! Attributes above `#[streaming_metrics]` expand first and see the stream; attributes below see
//! the response.

#![deny(warnings)]
#![forbid(unsafe_code)]

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use futures_core::Stream;
use streamgauge::{instrument_endpoint, streaming_metrics, track_tokens};

#[derive(serde::Deserialize)]
struct Request {
    model: String,
}

#[instrument_endpoint(endpoint = "/ask", method = "POST")]
#[streaming_metrics(media_type = "text/plain", model = request.model)]
#[track_tokens(provider = "house", model = request.model)]
async fn endpoint_stream_tokens(
    Json(request): Json<Request>,
) -> Result<impl Stream<Item = Bytes>, StatusCode> {
    if request.model.is_empty() {
        return Err(StatusCode::NOT_FOUND);
    }
    Ok(async_stream::stream! {
        yield Bytes::from(request.model);
    })
}

#[instrument_endpoint(endpoint = "/ask", method = "POST")]
#[track_tokens(provider = "house", model = request.model)]
#[streaming_metrics(media_type = "text/plain", model = request.model)]
async fn endpoint_tokens_stream(
    Json(request): Json<Request>,
) -> Result<impl Stream<Item = Bytes>, StatusCode> {
    if request.model.is_empty() {
        return Err(StatusCode::NOT_FOUND);
    }
    Ok(async_stream::stream! {
        yield Bytes::from(request.model);
    })
}

#[streaming_metrics(media_type = "text/plain", model = request.model)]
#[instrument_endpoint(endpoint = "/ask", method = "POST")]
#[track_tokens(provider = "house", model = request.model)]
async fn stream_endpoint_tokens(
    Json(request): Json<Request>,
) -> Result<impl Stream<Item = Bytes>, StatusCode> {
    if request.model.is_empty() {
        return Err(StatusCode::NOT_FOUND);
    }
    Ok(async_stream::stream! {
        yield Bytes::from(request.model);
    })
}

#[streaming_metrics(media_type = "text/plain", model = request.model)]
#[track_tokens(provider = "house", model = request.model)]
#[instrument_endpoint(endpoint = "/ask", method = "POST")]
async fn stream_tokens_endpoint(
    Json(request): Json<Request>,
) -> Result<impl Stream<Item = Bytes>, StatusCode> {
    if request.model.is_empty() {
        return Err(StatusCode::NOT_FOUND);
    }
    Ok(async_stream::stream! {
        yield Bytes::from(request.model);
    })
}

#[track_tokens(provider = "house", model = request.model)]
#[instrument_endpoint(endpoint = "/ask", method = "POST")]
#[streaming_metrics(media_type = "text/plain", model = request.model)]
async fn tokens_endpoint_stream(
    Json(request): Json<Request>,
) -> Result<impl Stream<Item = Bytes>, StatusCode> {
    if request.model.is_empty() {
        return Err(StatusCode::NOT_FOUND);
    }
    Ok(async_stream::stream! {
        yield Bytes::from(request.model);
    })
}

#[track_tokens(provider = "house", model = request.model)]
#[streaming_metrics(media_type = "text/plain", model = request.model)]
#[instrument_endpoint(endpoint = "/ask", method = "POST")]
async fn tokens_stream_endpoint(
    Json(request): Json<Request>,
) -> Result<impl Stream<Item = Bytes>, StatusCode> {
    if request.model.is_empty() {
        return Err(StatusCode::NOT_FOUND);
    }
    Ok(async_stream::stream! {
        yield Bytes::from(request.model);
    })
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
    let request = |model: &str| Json(Request { model: model.to_owned() });
    assert_eq!(endpoint_stream_tokens(request("")).await.unwrap_err(), StatusCode::NOT_FOUND);
    assert_eq!(endpoint_stream_tokens(request("small")).await.unwrap().status(), StatusCode::OK);
    assert_eq!(endpoint_tokens_stream(request("")).await.unwrap_err(), StatusCode::NOT_FOUND);
    assert_eq!(endpoint_tokens_stream(request("small")).await.unwrap().status(), StatusCode::OK);
    assert_eq!(stream_endpoint_tokens(request("")).await.unwrap_err(), StatusCode::NOT_FOUND);
    assert_eq!(stream_endpoint_tokens(request("small")).await.unwrap().status(), StatusCode::OK);
    assert_eq!(stream_tokens_endpoint(request("")).await.unwrap_err(), StatusCode::NOT_FOUND);
    assert_eq!(stream_tokens_endpoint(request("small")).await.unwrap().status(), StatusCode::OK);
    assert_eq!(tokens_endpoint_stream(request("")).await.unwrap_err(), StatusCode::NOT_FOUND);
    assert_eq!(tokens_endpoint_stream(request("small")).await.unwrap().status(), StatusCode::OK);
    assert_eq!(tokens_stream_endpoint(request("")).await.unwrap_err(), StatusCode::NOT_FOUND);
    assert_eq!(tokens_stream_endpoint(request("small")).await.unwrap().status(), StatusCode::OK);
}
