//! Anthropic's messages API, with the demonstration model.

mod error;
mod event;
mod types;

use std::convert::Infallible;

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
use serde_json::json;
use streamgauge::{instrument_endpoint, streaming_metrics, track_tokens};

pub(crate) use self::error::AnthropicError;
use self::{
    event::{BlockDelta, StreamEvent},
    types::{MessageReply, MessagesRequest, ReplyBlock},
};
use crate::llm_gateway::{
    generation::Generation, model::Model, pace::Pace, prompt::Prompt, request_error::RequestError,
    usage::RecordUsageOnDrop,
};

/// `POST /v1/messages`: replies with one JSON document or with a stream of events.
#[instrument_endpoint]
pub(crate) async fn messages(
    State(pace): State<Pace>,
    body: Result<Json<MessagesRequest>, JsonRejection>,
) -> Result<Response, AnthropicError> {
    let Json(mut request) = body.map_err(RequestError::from)?;
    let tool = request.tool()?;
    let model = Model::find(&request.model)?;
    let prompt = Prompt::new(request.system.as_ref(), &request.messages, tool)?;
    let generation = model.generate(&prompt, Some(request.max_tokens), pace).await?;
    Ok(if request.stream() {
        stream_reply(request, generation).into_response()
    } else {
        reply(request, generation).await.into_response()
    })
}

/// Generates the whole reply.
///
/// Because of `protocol`, streamgauge reads usage and stop reason from the reply's JSON.
#[track_tokens(protocol = "anthropic", provider = "demo", model = request.model)]
async fn reply(request: MessagesRequest, mut generation: Generation) -> Json<MessageReply> {
    let text = generation.remaining_text().await;
    Json(MessageReply::whole(
        message_id(&generation),
        request.model,
        whole_block(&generation, text),
        generation.finish_reason(),
        generation.usage(),
    ))
}

/// Streams the reply, one event per token.
///
/// Because of `protocol`, streamgauge reads usage and stop reason from the events.
#[streaming_metrics(protocol = "anthropic", provider = "demo", model = request.model)]
fn stream_reply(
    request: MessagesRequest,
    generation: Generation,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream! {
        let mut guard = RecordUsageOnDrop { generation };
        let opening = MessageReply::opening(
            message_id(&guard.generation),
            request.model,
            guard.generation.usage(),
        );

        yield Ok(event(&StreamEvent::MessageStart { message: opening }));
        yield Ok(event(&StreamEvent::block_start(opening_block(&guard.generation))));
        yield Ok(event(&StreamEvent::Ping));
        while let Some(text) = guard.generation.next().await {
            yield Ok(event(&StreamEvent::block_delta(delta(&guard.generation, text))));
        }
        yield Ok(event(&StreamEvent::block_stop()));
        yield Ok(event(&StreamEvent::message_delta(
            guard.generation.finish_reason(),
            guard.generation.usage(),
        )));
        yield Ok(event(&StreamEvent::MessageStop));
    })
}

/// Rejects other methods on the path of this API.
pub(crate) async fn method_not_allowed() -> AnthropicError {
    RequestError::MethodNotAllowed.into()
}

fn event(event: &StreamEvent) -> Event {
    Event::default()
        .event(event.name())
        .json_data(event)
        .expect("an event contains only strings and numbers, which always serialize")
}

/// Returns the content block of a whole reply.
fn whole_block(generation: &Generation, text: String) -> ReplyBlock {
    match opening_block(generation) {
        ReplyBlock::Text { .. } => ReplyBlock::Text { text },
        // Arguments that `max_tokens` cut off are not valid JSON; the empty input stays.
        ReplyBlock::ToolUse { id, name, input } => {
            ReplyBlock::ToolUse { id, name, input: serde_json::from_str(&text).unwrap_or(input) }
        }
    }
}

/// Returns the empty content block at the start of a reply.
fn opening_block(generation: &Generation) -> ReplyBlock {
    match generation.tool() {
        Some(tool) => ReplyBlock::ToolUse {
            id: format!("toolu_{:016}", generation.serial()),
            name: tool.to_owned(),
            input: json!({}),
        },
        None => ReplyBlock::Text { text: String::new() },
    }
}

/// Returns the event payload that adds `text` to the content block.
fn delta(generation: &Generation, text: String) -> BlockDelta {
    match generation.tool() {
        Some(_) => BlockDelta::InputJsonDelta { partial_json: text },
        None => BlockDelta::TextDelta { text },
    }
}

fn message_id(generation: &Generation) -> String {
    format!("msg_{:016}", generation.serial())
}
