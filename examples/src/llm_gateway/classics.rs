//! Endpoints of the everyday kind: a reply with usage, one that fails, and plain streams.

use std::convert::Infallible;

use async_stream::stream;
use axum::{
    Json,
    body::Body,
    extract::{Query, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response, sse::Event},
};
use futures_core::Stream;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::json;
use streamgauge::{
    TokenUsage, instrument_endpoint, streaming_metrics, track_tokens, wrap_streaming_response,
};
use thiserror::Error;

use crate::llm_gateway::{model::MODELS, pace::Pace, prompt::Prompt, usage::Usage};

#[derive(Debug, Deserialize)]
pub(crate) struct GenerateRequest {
    prompt: String,
}

#[derive(Debug, Serialize, TokenUsage)]
pub(crate) struct Generated {
    text: String,
    #[token_usage(nested)]
    usage: Usage,
}

/// `POST /generate`
#[instrument_endpoint]
#[track_tokens(provider = "demo", model = "demo-1")]
pub(crate) async fn generate(
    State(pace): State<Pace>,
    Json(request): Json<GenerateRequest>,
) -> Result<Json<Generated>, (StatusCode, String)> {
    let mut generation = MODELS[0]
        .generate(&Prompt::from(request.prompt), None, pace)
        .map_err(|refusal| (refusal.status(), refusal.to_string()))?;
    let text = generation.rest().await;
    Ok(Json(Generated { text, usage: generation.usage() }))
}

#[derive(Debug, Deserialize)]
pub(crate) struct Risk {
    mode: Option<Mode>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Error,
    Teapot,
}

#[derive(Debug, Serialize)]
pub(crate) struct Survived {
    outcome: &'static str,
}

/// How taking the risk goes wrong.
#[derive(Debug, Error)]
pub(crate) enum RiskError {
    #[error("this went wrong, as asked")]
    Failed,
    #[error("this is a teapot")]
    Teapot,
}

impl IntoResponse for RiskError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Teapot => StatusCode::IM_A_TEAPOT,
        };
        (status, Json(json!({"error": self.to_string()}))).into_response()
    }
}

/// `GET /risky`, which fails with `?mode=error` and `?mode=teapot`.
#[instrument_endpoint]
pub(crate) async fn risky(Query(risk): Query<Risk>) -> Result<Json<Survived>, RiskError> {
    match risk.mode {
        None => Ok(Json(Survived { outcome: "fine" })),
        Some(Mode::Error) => Err(RiskError::Failed),
        Some(Mode::Teapot) => Err(RiskError::Teapot),
    }
}

/// `GET /stream`: a generator that the attribute makes a response of.
#[streaming_metrics(media_type = "text/plain; charset=utf-8")]
pub(crate) async fn stream(State(pace): State<Pace>) -> impl Stream<Item = String> {
    lines(pace)
}

/// `GET /events`: for a browser's `EventSource`, which asks again unless it is told that this was all.
#[streaming_metrics(media_type = "text/event-stream")]
pub(crate) async fn events(State(pace): State<Pace>) -> impl Stream<Item = Event> {
    stream! {
        for number in 1..=10 {
            pace.wait().await;
            yield Event::default().id(number.to_string()).data(format!("line {number}"));
        }
        yield Event::default().event("end").data("");
    }
}

/// `GET /stream2`: a response made by hand, of a stream that is wrapped by hand.
pub(crate) async fn stream2(State(pace): State<Pace>) -> impl IntoResponse {
    let lines = wrap_streaming_response(lines(pace), "/stream2").map(Ok::<_, Infallible>);
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], Body::from_stream(lines))
}

/// Ten numbered lines.
fn lines(pace: Pace) -> impl Stream<Item = String> {
    stream! {
        for number in 1..=10 {
            pace.wait().await;
            yield format!("line {number}\n");
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Health {
    status: &'static str,
}

/// `GET /health`
pub(crate) async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}
