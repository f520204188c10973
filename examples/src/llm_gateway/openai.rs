//! `OpenAI`'s chat completions API, with the demonstration model.

mod chunk;
mod error;
mod types;

use std::{
    convert::Infallible,
    time::{SystemTime, UNIX_EPOCH},
};

use async_stream::stream;
use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
};
use futures_core::Stream;
use streamgauge::{instrument_endpoint, streaming_metrics, track_tokens};

pub(crate) use self::error::OpenAiError;
use self::{
    chunk::{Chunk, ChunkBuilder},
    types::{ChatCompletion, ChatRequest, ModelList, Reply, ToolCall},
};
use crate::llm_gateway::{
    generation::Generation,
    model::{MODELS, Model},
    pace::Pace,
    prompt::Prompt,
    request_error::RequestError,
    usage::RecordUsageOnDrop,
};

/// `POST /v1/chat/completions`: replies with one JSON document or with a stream of chunks.
#[instrument_endpoint]
pub(crate) async fn chat_completions(
    State(pace): State<Pace>,
    body: Result<Json<ChatRequest>, JsonRejection>,
) -> Result<Response, OpenAiError> {
    let Json(mut request) = body.map_err(RequestError::from)?;
    let tool = request.tool()?;
    let model = Model::find(&request.model)?;
    let prompt = Prompt::new(None, &request.messages, tool)?;
    let generation = model.generate(&prompt, request.max_tokens(), pace).await?;
    Ok(if request.stream() {
        stream_completion(request, generation).into_response()
    } else {
        complete(request, generation).await.into_response()
    })
}

/// Generates the whole reply.
///
/// Because of `protocol`, streamgauge reads usage and finish reason from the reply's JSON.
#[track_tokens(protocol = "openai", provider = "demo", model = request.model)]
async fn complete(request: ChatRequest, mut generation: Generation) -> Json<ChatCompletion> {
    let text = generation.remaining_text().await;
    let message = match generation.tool() {
        Some(tool) => {
            Reply::tool_call(ToolCall::new(tool_call_id(&generation), tool.to_owned(), text))
        }
        None => Reply::text(text),
    };
    Json(ChatCompletion::new(
        completion_id(&generation),
        unix_time(),
        request.model,
        message,
        generation.finish_reason(),
        generation.usage(),
    ))
}

/// Streams the reply, one chunk per token.
///
/// Because of `protocol`, streamgauge reads usage and finish reason from the chunks.
#[streaming_metrics(protocol = "openai", provider = "demo", model = request.model)]
fn stream_completion(
    request: ChatRequest,
    generation: Generation,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream! {
        let include_usage = request.include_usage();
        let mut guard = RecordUsageOnDrop { generation };
        let chunks = ChunkBuilder::new(
            completion_id(&guard.generation),
            unix_time(),
            request.model,
            include_usage,
        );

        let calls_tool = guard.generation.tool().is_some();
        yield Ok(event(&match guard.generation.tool() {
            Some(tool) => chunks.tool_call_opening(tool_call_id(&guard.generation), tool),
            None => chunks.opening(),
        }));
        while let Some(text) = guard.generation.next().await {
            yield Ok(event(&if calls_tool { chunks.arguments(text) } else { chunks.text(text) }));
        }
        yield Ok(event(&chunks.finish_reason(guard.generation.finish_reason())));
        if include_usage {
            yield Ok(event(&chunks.usage(guard.generation.usage())));
        }
        yield Ok(Event::default().data("[DONE]"));
    })
}

/// `GET /v1/models`: lists the demonstration models.
pub(crate) async fn models() -> Json<ModelList> {
    Json(ModelList::new(&MODELS))
}

/// Rejects other methods on the paths of this API.
pub(crate) async fn method_not_allowed() -> OpenAiError {
    RequestError::MethodNotAllowed.into()
}

fn event(chunk: &Chunk<'_>) -> Event {
    Event::default()
        .json_data(chunk)
        .expect("a chunk contains only strings and numbers, which always serialize")
}

fn completion_id(generation: &Generation) -> String {
    format!("chatcmpl-{:016}", generation.serial())
}

fn tool_call_id(generation: &Generation) -> String {
    format!("call_{:016}", generation.serial())
}

fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
