//! All attributes, in every order, on a handler that returns server-sent events.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::convert::Infallible;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::Event;
use axum::routing::post;
use axum::{Json, Router};
use futures_core::Stream;
use streamgauge::{instrument_endpoint, streaming_metrics, track_tokens};

#[derive(Clone)]
struct App;

#[derive(serde::Deserialize)]
struct Request {
    model: String,
}

fn events(request: Request) -> impl Stream<Item = Result<Event, Infallible>> {
    async_stream::stream! {
        yield Ok(Event::default().data(request.model));
    }
}

#[instrument_endpoint(endpoint = "/ask", method = "POST")]
#[streaming_metrics(model = request.model)]
#[track_tokens(provider = "house", model = request.model)]
async fn endpoint_stream_tokens(
    State(_app): State<App>,
    Json(request): Json<Request>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(events(request))
}

#[instrument_endpoint(endpoint = "/ask", method = "POST")]
#[track_tokens(provider = "house", model = request.model)]
#[streaming_metrics(model = request.model)]
async fn endpoint_tokens_stream(
    State(_app): State<App>,
    Json(request): Json<Request>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(events(request))
}

#[streaming_metrics(model = request.model)]
#[instrument_endpoint(endpoint = "/ask", method = "POST")]
#[track_tokens(provider = "house", model = request.model)]
async fn stream_endpoint_tokens(
    State(_app): State<App>,
    Json(request): Json<Request>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(events(request))
}

#[streaming_metrics(model = request.model)]
#[track_tokens(provider = "house", model = request.model)]
#[instrument_endpoint(endpoint = "/ask", method = "POST")]
async fn stream_tokens_endpoint(
    State(_app): State<App>,
    Json(request): Json<Request>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(events(request))
}

#[track_tokens(provider = "house", model = request.model)]
#[instrument_endpoint(endpoint = "/ask", method = "POST")]
#[streaming_metrics(model = request.model)]
async fn tokens_endpoint_stream(
    State(_app): State<App>,
    Json(request): Json<Request>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(events(request))
}

#[track_tokens(provider = "house", model = request.model)]
#[streaming_metrics(model = request.model)]
#[instrument_endpoint(endpoint = "/ask", method = "POST")]
async fn tokens_stream_endpoint(
    State(_app): State<App>,
    Json(request): Json<Request>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(events(request))
}

pub(crate) fn main() {
    let _app: Router = Router::new()
        .route("/endpoint_stream_tokens", post(endpoint_stream_tokens))
        .route("/endpoint_tokens_stream", post(endpoint_tokens_stream))
        .route("/stream_endpoint_tokens", post(stream_endpoint_tokens))
        .route("/stream_tokens_endpoint", post(stream_tokens_endpoint))
        .route("/tokens_endpoint_stream", post(tokens_endpoint_stream))
        .route("/tokens_stream_endpoint", post(tokens_stream_endpoint))
        .with_state(App);
}
