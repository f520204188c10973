//! The requests and replies of Anthropic's API.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::llm_gateway::{
    generation::Finish,
    prompt::{Content, Message},
    refusal::Refusal,
    tools::{self, Choice, Tool},
    usage::Usage,
};

#[derive(Debug, Deserialize)]
pub(crate) struct MessagesRequest {
    pub(crate) model: String,
    pub(crate) system: Option<Content>,
    pub(crate) messages: Vec<Message>,
    pub(crate) max_tokens: NonZeroUsize,
    stream: Option<bool>,
    tools: Option<Vec<Tool>>,
    tool_choice: Option<ToolChoice>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum ToolChoice {
    Auto,
    None,
    Any,
    Tool { name: String },
}

impl MessagesRequest {
    /// The tool that the client wants to be called.
    pub(crate) fn tool(&mut self) -> Result<Option<Tool>, Refusal> {
        let choice = match self.tool_choice.take() {
            Some(ToolChoice::Tool { name }) => Choice::Named(name),
            Some(ToolChoice::Any) => Choice::Any,
            Some(ToolChoice::Auto | ToolChoice::None) | None => Choice::Free,
        };
        tools::choose(self.tools.take().unwrap_or_default(), choice)
    }

    pub(crate) fn stream(&self) -> bool {
        self.stream == Some(true)
    }
}

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
    pub(crate) fn whole(
        id: String,
        model: String,
        block: ReplyBlock,
        finish: Finish,
        usage: Usage,
    ) -> Self {
        Self {
            content: vec![block],
            stop_reason: Some(stop_reason(finish)),
            ..Self::opening(id, model, usage)
        }
    }

    /// A reply that has yet to say something.
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

/// What a reply is made of: text, or the call of a tool.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ReplyBlock {
    Text { text: String },
    ToolUse { id: String, name: String, input: Value },
}

// No prompt is cached here: `input_tokens`, which leaves cached tokens out, is the whole input.
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

pub(super) fn stop_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::ToolCall => "tool_use",
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
    fn max_tokens_is_required_and_not_zero() {
        let request = json!({"model": "demo-1", "messages": []});
        let error = from_value::<MessagesRequest>(request).unwrap_err();
        assert_eq!(error.to_string(), "missing field `max_tokens`");

        let request = json!({"model": "demo-1", "messages": [], "max_tokens": 0});
        assert!(from_value::<MessagesRequest>(request).is_err());
    }

    #[test]
    fn a_reply_is_what_the_documentation_shows() {
        let usage = Usage { prompt_tokens: 3, completion_tokens: 4 };
        let reply = MessageReply::whole(
            "msg_1".to_owned(),
            "demo-1".to_owned(),
            ReplyBlock::Text { text: "Hello".to_owned() },
            Finish::Length,
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
    fn a_tool_is_called_where_the_client_says_which_or_that_it_must() {
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
        assert!(matches!(unknown, Err(Refusal::NoSuchTool)));
    }
}
