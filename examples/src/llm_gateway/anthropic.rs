//! The messages API of Anthropic.

mod error;
mod event;
mod wire;

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

use self::{
    error::AnthropicError,
    event::{BlockDelta, StreamEvent},
    wire::{MessageReply, MessagesRequest, ReplyBlock},
};
use crate::llm_gateway::{
    generation::Generation, model::Model, pace::Pace, prompt::Prompt, refusal::Refusal,
    usage::Metered,
};

/// `POST /v1/messages`
#[instrument_endpoint]
pub(crate) async fn messages(
    State(pace): State<Pace>,
    body: Result<Json<MessagesRequest>, JsonRejection>,
) -> Result<Response, AnthropicError> {
    let Json(mut request) = body.map_err(Refusal::from)?;
    let tool = request.tool()?;
    let model = Model::find(&request.model)?;
    let prompt = Prompt::new(request.system.as_ref(), &request.messages, tool)?;
    let generation = model.generate(&prompt, Some(request.max_tokens), pace)?;
    Ok(if request.stream() {
        stream_reply(request, generation).into_response()
    } else {
        reply(request, generation).await.into_response()
    })
}

/// The whole reply at once.
#[track_tokens(protocol = "anthropic", provider = "demo", model = request.model)]
async fn reply(request: MessagesRequest, mut generation: Generation) -> Json<MessageReply> {
    let text = generation.rest().await;
    Json(MessageReply::whole(
        message_id(&generation),
        request.model,
        whole_block(&generation, text),
        generation.finish(),
        generation.usage(),
    ))
}

/// The reply token by token.
#[streaming_metrics(protocol = "anthropic", provider = "demo", model = request.model)]
fn stream_reply(
    request: MessagesRequest,
    generation: Generation,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream! {
        let mut metered = Metered { generation };
        let opening = MessageReply::opening(
            message_id(&metered.generation),
            request.model,
            metered.generation.usage(),
        );

        yield Ok(event(&StreamEvent::MessageStart { message: opening }));
        yield Ok(event(&StreamEvent::block_start(opening_block(&metered.generation))));
        yield Ok(event(&StreamEvent::Ping));
        while let Some(text) = metered.generation.next().await {
            yield Ok(event(&StreamEvent::block_delta(delta(&metered.generation, text))));
        }
        yield Ok(event(&StreamEvent::block_stop()));
        yield Ok(event(&StreamEvent::message_delta(metered.generation.finish(), metered.generation.usage())));
        yield Ok(event(&StreamEvent::MessageStop));
    })
}

/// Any other method on this path.
pub(crate) async fn wrong_method() -> AnthropicError {
    Refusal::WrongMethod.into()
}

fn event(event: &StreamEvent) -> Event {
    Event::default()
        .event(event.name())
        .json_data(event)
        .expect("an event is strings and numbers, which always serialise")
}

/// The block that a whole answer is.
fn whole_block(generation: &Generation, text: String) -> ReplyBlock {
    match opening_block(generation) {
        ReplyBlock::Text { .. } => ReplyBlock::Text { text },
        // What `max_tokens` has cut is no JSON, and so no input.
        ReplyBlock::ToolUse { id, name, input } => {
            ReplyBlock::ToolUse { id, name, input: serde_json::from_str(&text).unwrap_or(input) }
        }
    }
}

/// The same before anything was generated.
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

fn delta(generation: &Generation, text: String) -> BlockDelta {
    match generation.tool() {
        Some(_) => BlockDelta::InputJsonDelta { partial_json: text },
        None => BlockDelta::TextDelta { text },
    }
}

fn message_id(generation: &Generation) -> String {
    format!("msg_{:016}", generation.serial())
}
