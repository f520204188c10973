//! The prompt of a request, in the form that both providers' APIs share.

use serde::Deserialize;
use serde_json::Value;

use crate::llm_gateway::{request_error::RequestError, tools::Tool};

/// One message of a conversation.
#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    role: Role,
    /// `None` if an assistant's message only calls tools.
    content: Option<Content>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Role {
    System,
    Developer,
    User,
    Assistant,
    Tool,
}

/// Content of a message: a string or a list of blocks.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "content must be a string or a list of text blocks")]
pub(crate) enum Content {
    Text(String),
    Blocks(Vec<Block>),
}

/// A part of a message: text, the call of a tool, or the result of such a call.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Block {
    Text { text: String },
    ToolUse { input: Value },
    ToolResult { content: Option<Content> },
}

impl Content {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Blocks(blocks) => blocks.iter().map(Block::text).collect(),
        }
    }
}

impl Block {
    fn text(&self) -> String {
        match self {
            Self::Text { text } => text.clone(),
            Self::ToolUse { input } => input.to_string(),
            Self::ToolResult { content } => content.as_ref().map(Content::text).unwrap_or_default(),
        }
    }
}

/// The input of a model.
#[derive(Debug)]
pub(crate) struct Prompt {
    /// The texts of all messages, in order; their tokens are the prompt's tokens.
    pub(crate) texts: Vec<String>,
    /// The text to reply to.
    pub(crate) question: String,
    /// The tool to call instead of replying with text.
    pub(crate) tool: Option<Tool>,
}

impl Prompt {
    /// Creates the prompt of a conversation.
    ///
    /// The question is the last message of the user, or the last message if there is none.
    ///
    /// # Errors
    ///
    /// Returns [`RequestError::NoMessages`] if the conversation is empty.
    pub(crate) fn new(
        system: Option<&Content>,
        messages: &[Message],
        tool: Option<Tool>,
    ) -> Result<Self, RequestError> {
        let question = messages
            .iter()
            .rfind(|message| message.role == Role::User)
            .or(messages.last())
            .ok_or(RequestError::NoMessages)?;
        let contents = messages.iter().filter_map(|message| message.content.as_ref());
        Ok(Self {
            texts: system.into_iter().chain(contents).map(Content::text).collect(),
            question: question.content.as_ref().map(Content::text).unwrap_or_default(),
            tool,
        })
    }
}

impl From<String> for Prompt {
    fn from(question: String) -> Self {
        Self { texts: vec![question.clone()], question, tool: None }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    fn prompt(messages: Value) -> Result<Prompt, RequestError> {
        let messages: Vec<Message> = from_value(messages).unwrap();
        Prompt::new(None, &messages, None)
    }

    #[test]
    fn content_is_a_string_or_text_blocks() {
        let prompt = prompt(json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "Hello, "},
                {"type": "text", "text": "you."},
            ]},
            {"role": "assistant", "content": null},
        ]))
        .unwrap();
        assert_eq!(prompt.texts, ["Be brief.", "Hello, you."]);
        assert_eq!(prompt.question, "Hello, you.");
    }

    #[test]
    fn tool_calls_and_results_are_parts_of_the_prompt() {
        let prompt = prompt(json!([
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "1", "name": "n", "input": {"a": 1}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "1", "content": "Rain."},
                {"type": "tool_result", "tool_use_id": "2"},
            ]},
        ]))
        .unwrap();
        assert_eq!(prompt.texts, ["{\"a\":1}", "Rain."]);
    }

    #[test]
    fn content_of_an_unsupported_kind_has_a_readable_error() {
        let image = json!({"role": "user", "content": [{"type": "image_url", "image_url": {}}]});
        let error = from_value::<Message>(image).unwrap_err().to_string();
        assert_eq!(error, "content must be a string or a list of text blocks");
    }

    #[test]
    fn conversation_without_messages_is_rejected() {
        assert!(matches!(prompt(json!([])), Err(RequestError::NoMessages)));
    }
}
