//! Basic endpoints, outside the providers' APIs: a reply with usage, errors, and streams of text
//! and of server-sent events.

use std::convert::Infallible;

use async_stream::stream;
use axum::{
    Json,
    body::Body,
    extract::{Query, State, rejection::JsonRejection},
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

use crate::llm_gateway::{
    generation::Generation,
    model::{MODELS, Model},
    openai::OpenAiError,
    pace::Pace,
    prompt::Prompt,
    request_error::RequestError,
    tokenizer,
    usage::Usage,
};

#[derive(Debug, Deserialize)]
pub(crate) struct GenerateRequest {
    prompt: String,
    /// The first model if there is none.
    model: Option<String>,
}

/// The reply of `POST /generate`, with its usage.
#[derive(Debug, Serialize, TokenUsage)]
pub(crate) struct GenerateReply {
    text: String,
    #[token_usage(nested)]
    usage: Usage,
}

/// `POST /generate`: replies with a text, in an API of this gateway's own. Errors have the JSON of
/// `OpenAI`'s API.
#[instrument_endpoint]
pub(crate) async fn generate(
    State(pace): State<Pace>,
    body: Result<Json<GenerateRequest>, JsonRejection>,
) -> Result<Json<GenerateReply>, OpenAiError> {
    let Json(request) = body.map_err(RequestError::from)?;
    let model = request.model.as_deref().map_or(Ok(&MODELS[0]), Model::find)?;
    let generation = model.generate(&Prompt::from(request.prompt), None, pace).await?;
    Ok(complete(model, generation).await)
}

/// Generates the whole reply. The usage is a field of the returned value.
///
/// The name in the request has become one of the models before it is used as a label. A label that
/// clients choose freely needs a bound: see `MetricsBuilder::models`.
#[track_tokens(provider = "demo", model = model.id)]
async fn complete(model: &Model, mut generation: Generation) -> Json<GenerateReply> {
    let text = generation.remaining_text().await;
    Json(GenerateReply { text, usage: generation.usage() })
}

#[derive(Debug, Deserialize)]
pub(crate) struct RiskyQuery {
    mode: Option<FailureMode>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FailureMode {
    Error,
    Teapot,
}

#[derive(Debug, Serialize)]
pub(crate) struct RiskyReply {
    outcome: &'static str,
}

/// Error of `GET /risky`; the label `exception_type` is the name of this type.
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

/// `GET /risky`: fails with `?mode=error` and with `?mode=teapot`.
#[instrument_endpoint]
pub(crate) async fn risky(Query(query): Query<RiskyQuery>) -> Result<Json<RiskyReply>, RiskError> {
    match query.mode {
        None => Ok(Json(RiskyReply { outcome: "fine" })),
        Some(FailureMode::Error) => Err(RiskError::Failed),
        Some(FailureMode::Teapot) => Err(RiskError::Teapot),
    }
}

/// `GET /stream`: a stream that the attribute turns into a response.
#[streaming_metrics(media_type = "text/plain; charset=utf-8")]
pub(crate) async fn stream(State(pace): State<Pace>) -> impl Stream<Item = String> {
    numbered_lines(pace)
}

/// `GET /events`: server-sent events for a browser's `EventSource`.
///
/// `EventSource` reconnects when a response ends. The event `end` lets the page close the source
/// instead.
#[streaming_metrics(media_type = "text/event-stream")]
pub(crate) async fn events(State(pace): State<Pace>) -> impl Stream<Item = Event> {
    stream! {
        for number in 1..=10 {
            pace.wait().await;
            yield Event::default().id(number.to_string()).data(format!("line {number}"));
        }
        // Browsers ignore events without data.
        yield Event::default().event("end").data("end");
    }
}

/// `GET /stream2`: a stream metered without an attribute, in a response built from its parts.
pub(crate) async fn wrapped_stream(State(pace): State<Pace>) -> impl IntoResponse {
    let lines = wrap_streaming_response(numbered_lines(pace), "/stream2").map(Ok::<_, Infallible>);
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], Body::from_stream(lines))
}

/// Generates ten numbered lines.
fn numbered_lines(pace: Pace) -> impl Stream<Item = String> {
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

/// `GET /health` of the demonstration: replies as soon as the model can reply without a wait.
pub(crate) async fn ready() -> Json<Health> {
    tokenizer::load().await;
    health().await
}

/// `GET /health` of the proxy.
pub(crate) async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}
