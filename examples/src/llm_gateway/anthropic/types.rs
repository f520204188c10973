//! The JSON of requests and replies in Anthropic's API.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::llm_gateway::{
    generation::FinishReason,
    prompt::{Content, Message},
    request_error::RequestError,
    tools::{self, Tool, ToolChoice},
    usage::Usage,
};

/// Request body of a message. Unknown fields are ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct MessagesRequest {
    pub(crate) model: String,
    pub(crate) system: Option<Content>,
    pub(crate) messages: Vec<Message>,
    pub(crate) max_tokens: NonZeroUsize,
    stream: Option<bool>,
    tools: Option<Vec<Tool>>,
    tool_choice: Option<ToolChoiceParam>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum ToolChoiceParam {
    Auto,
    None,
    Any,
    Tool { name: String },
}

impl MessagesRequest {
    /// Returns the tool that the client requires to be called.
    pub(crate) fn tool(&mut self) -> Result<Option<Tool>, RequestError> {
        let choice = match self.tool_choice.take() {
            Some(ToolChoiceParam::Tool { name }) => ToolChoice::Named(name),
            Some(ToolChoiceParam::Any) => ToolChoice::Any,
            Some(ToolChoiceParam::Auto | ToolChoiceParam::None) | None => ToolChoice::NotRequired,
        };
        tools::required_tool(self.tools.take().unwrap_or_default(), choice)
    }

    pub(crate) fn stream(&self) -> bool {
        self.stream == Some(true)
    }
}

/// Reply of a message: whole, or as it is at the start of a stream.
#[derive(Debug, Serialize)]
pub(crate) struct MessageReply {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: String,
    content: Vec<ReplyBlock>,
    stop_reason: Option<&'static str>,
    stop_sequence: Option<()>,
    usage: MessageUsage,
}

impl MessageReply {
    /// Creates a complete reply.
    pub(crate) fn whole(
        id: String,
        model: String,
        block: ReplyBlock,
        reason: FinishReason,
        usage: Usage,
    ) -> Self {
        Self {
            content: vec![block],
            stop_reason: Some(stop_reason(reason)),
            ..Self::opening(id, model, usage)
        }
    }

    /// Creates the reply at the start of a stream, without content.
    pub(crate) fn opening(id: String, model: String, usage: Usage) -> Self {
        Self {
            id,
            kind: "message",
            role: "assistant",
            model,
            content: Vec::new(),
            stop_reason: None,
            stop_sequence: None,
            usage: usage.into(),
        }
    }
}

/// Content block of a reply: text or the call of a tool.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ReplyBlock {
    Text { text: String },
    ToolUse { id: String, name: String, input: Value },
}

/// Usage of a reply.
///
/// In Anthropic's API `input_tokens` excludes cached tokens. The gateway has no cache, so
/// `input_tokens` is the whole input.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "these are the API's names")]
pub(crate) struct MessageUsage {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    output_tokens: u64,
}

impl From<Usage> for MessageUsage {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.prompt_tokens,
            cache_creation_input_tokens: 0,
            cache_read_input_tokens: 0,
            output_tokens: usage.completion_tokens,
        }
    }
}

pub(super) fn stop_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "end_turn",
        FinishReason::Length => "max_tokens",
        FinishReason::ToolCall => "tool_use",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn system_is_a_string_or_text_blocks() {
        for system in [json!("Be brief."), json!([{"type": "text", "text": "Be brief."}])] {
            let request =
                json!({"model": "demo-1", "max_tokens": 9, "messages": [], "system": system});
            let request: MessagesRequest = from_value(request).unwrap();
            assert!(request.system.is_some());
        }
    }

    #[test]
    fn max_tokens_is_required_and_must_not_be_zero() {
        let request = json!({"model": "demo-1", "messages": []});
        let error = from_value::<MessagesRequest>(request).unwrap_err();
        assert_eq!(error.to_string(), "missing field `max_tokens`");

        let request = json!({"model": "demo-1", "messages": [], "max_tokens": 0});
        assert!(from_value::<MessagesRequest>(request).is_err());
    }

    #[test]
    fn reply_json_matches_the_api_documentation() {
        let usage = Usage { prompt_tokens: 3, completion_tokens: 4 };
        let reply = MessageReply::whole(
            "msg_1".to_owned(),
            "demo-1".to_owned(),
            ReplyBlock::Text { text: "Hello".to_owned() },
            FinishReason::Length,
            usage,
        );
        assert_eq!(
            to_value(reply).unwrap(),
            json!({
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "demo-1",
                "content": [{"type": "text", "text": "Hello"}],
                "stop_reason": "max_tokens",
                "stop_sequence": null,
                "usage": {
                    "input_tokens": 3,
                    "cache_creation_input_tokens": 0,
                    "cache_read_input_tokens": 0,
                    "output_tokens": 4,
                },
            })
        );
    }

    #[test]
    fn tool_choice_requires_a_call_if_it_is_any_or_names_a_tool() {
        let called = |choice| {
            let request = json!({
                "model": "demo-1", "max_tokens": 9, "messages": [],
                "tools": [{"name": "weather", "input_schema": {}}],
                "tool_choice": choice,
            });
            let mut request: MessagesRequest = from_value(request).unwrap();
            request.tool().map(|tool| tool.map(|tool| tool.name))
        };
        for choice in [json!(null), json!({"type": "auto"}), json!({"type": "none"})] {
            assert_eq!(called(choice).unwrap(), None);
        }
        for choice in [json!({"type": "any"}), json!({"type": "tool", "name": "weather"})] {
            assert_eq!(called(choice).unwrap().as_deref(), Some("weather"));
        }
        let unknown = called(json!({"type": "tool", "name": "dig"}));
        assert!(matches!(unknown, Err(RequestError::UnknownTool)));
    }
}
