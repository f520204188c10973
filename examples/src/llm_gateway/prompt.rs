//! What a client asks, as both providers' APIs word it.

use serde::Deserialize;
use serde_json::Value;

use crate::llm_gateway::{refusal::Refusal, tools::Tool};

/// One message of a conversation.
#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    role: Role,
    /// Absent where an assistant only called tools.
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

/// Text, whole or in blocks.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "content must be a string or a list of text blocks")]
pub(crate) enum Content {
    Whole(String),
    Blocks(Vec<Block>),
}

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
            Self::Whole(text) => text.clone(),
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

/// Everything the model reads before it answers.
#[derive(Debug)]
pub(crate) struct Prompt {
    /// Every text, in order.
    pub(crate) texts: Vec<String>,
    /// The one to answer.
    pub(crate) question: String,
    /// The tool to call instead.
    pub(crate) tool: Option<Tool>,
}

impl Prompt {
    /// A conversation, which must have a message.
    pub(crate) fn new(
        system: Option<&Content>,
        messages: &[Message],
        tool: Option<Tool>,
    ) -> Result<Self, Refusal> {
        let question = messages
            .iter()
            .rfind(|message| message.role == Role::User)
            .or(messages.last())
            .ok_or(Refusal::NoMessages)?;
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

    fn prompt(messages: Value) -> Result<Prompt, Refusal> {
        let messages: Vec<Message> = from_value(messages).unwrap();
        Prompt::new(None, &messages, None)
    }

    #[test]
    fn content_is_a_string_or_text_blocks() {
        let prompt = prompt(json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Hello, "}, {"type": "text", "text": "you."}]},
            {"role": "assistant", "content": null},
        ]))
        .unwrap();
        assert_eq!(prompt.texts, ["Be brief.", "Hello, you."]);
        assert_eq!(prompt.question, "Hello, you.");
    }

    #[test]
    fn calls_of_tools_and_their_results_are_read_as_well() {
        let prompt = prompt(json!([
            {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "n", "input": {"a": 1}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "1", "content": "Rain."},
                {"type": "tool_result", "tool_use_id": "2"},
            ]},
        ]))
        .unwrap();
        assert_eq!(prompt.texts, ["{\"a\":1}", "Rain."]);
    }

    #[test]
    fn content_of_another_kind_is_refused_in_plain_words() {
        let image = json!({"role": "user", "content": [{"type": "image_url", "image_url": {}}]});
        let error = from_value::<Message>(image).unwrap_err().to_string();
        assert_eq!(error, "content must be a string or a list of text blocks");
    }

    #[test]
    fn a_conversation_has_a_message() {
        assert!(matches!(prompt(json!([])), Err(Refusal::NoMessages)));
    }
}
