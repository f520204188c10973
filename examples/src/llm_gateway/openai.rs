//! The chat completions API of `OpenAI`.

mod chunk;
mod error;
mod wire;

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

use self::{
    chunk::{Chunk, ChunkMaker},
    error::OpenAiError,
    wire::{ChatCompletion, ChatRequest, ModelList, Reply, ToolCall},
};
use crate::llm_gateway::{
    generation::Generation,
    model::{MODELS, Model},
    pace::Pace,
    prompt::Prompt,
    refusal::Refusal,
    usage::Metered,
};

/// `POST /v1/chat/completions`
#[instrument_endpoint]
pub(crate) async fn chat_completions(
    State(pace): State<Pace>,
    body: Result<Json<ChatRequest>, JsonRejection>,
) -> Result<Response, OpenAiError> {
    let Json(mut request) = body.map_err(Refusal::from)?;
    let tool = request.tool()?;
    let model = Model::find(&request.model)?;
    let prompt = Prompt::new(None, &request.messages, tool)?;
    let generation = model.generate(&prompt, request.max_tokens(), pace)?;
    Ok(if request.stream() {
        stream_completion(request, generation).into_response()
    } else {
        complete(request, generation).await.into_response()
    })
}

/// The whole reply at once.
#[track_tokens(protocol = "openai", provider = "demo", model = request.model)]
async fn complete(request: ChatRequest, mut generation: Generation) -> Json<ChatCompletion> {
    let text = generation.rest().await;
    let message = match generation.tool() {
        Some(tool) => Reply::call(ToolCall::new(call_id(&generation), tool.to_owned(), text)),
        None => Reply::text(text),
    };
    Json(ChatCompletion::new(
        completion_id(&generation),
        unix_time(),
        request.model,
        message,
        generation.finish(),
        generation.usage(),
    ))
}

/// The reply token by token.
#[streaming_metrics(protocol = "openai", provider = "demo", model = request.model)]
fn stream_completion(
    request: ChatRequest,
    generation: Generation,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream! {
        let include_usage = request.include_usage();
        let mut metered = Metered { generation };
        let chunks = ChunkMaker::new(
            completion_id(&metered.generation),
            unix_time(),
            request.model,
            include_usage,
        );

        let calls = metered.generation.tool().is_some();
        yield Ok(event(&match metered.generation.tool() {
            Some(tool) => chunks.call_opening(call_id(&metered.generation), tool),
            None => chunks.opening(),
        }));
        while let Some(text) = metered.generation.next().await {
            yield Ok(event(&if calls { chunks.arguments(text) } else { chunks.text(text) }));
        }
        yield Ok(event(&chunks.finish(metered.generation.finish())));
        if include_usage {
            yield Ok(event(&chunks.usage(metered.generation.usage())));
        }
        yield Ok(Event::default().data("[DONE]"));
    })
}

/// `GET /v1/models`
pub(crate) async fn models() -> Json<ModelList> {
    Json(ModelList::new(&MODELS))
}

/// Any other method on these paths.
pub(crate) async fn wrong_method() -> OpenAiError {
    Refusal::WrongMethod.into()
}

fn event(chunk: &Chunk<'_>) -> Event {
    Event::default()
        .json_data(chunk)
        .expect("a chunk is strings and numbers, which always serialise")
}

fn completion_id(generation: &Generation) -> String {
    format!("chatcmpl-{:016}", generation.serial())
}

fn call_id(generation: &Generation) -> String {
    format!("call_{:016}", generation.serial())
}

fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
