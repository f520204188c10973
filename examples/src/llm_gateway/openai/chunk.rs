//! The chunks of a streamed chat completion in `OpenAI`'s API.

use serde::Serialize;

use super::types::{ChatUsage, finish_reason};
use crate::llm_gateway::{generation::FinishReason, usage::Usage};

/// Builds the chunks of one reply, which have their identifier, time and model in common.
#[derive(Debug)]
pub(crate) struct ChunkBuilder {
    id: String,
    created: u64,
    model: String,
    include_usage: bool,
}

/// One chunk, as JSON the data of one server-sent event.
#[derive(Debug, Serialize)]
pub(crate) struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<ChunkChoice>,
    #[serde(skip_serializing_if = "ChunkUsage::is_omitted")]
    usage: ChunkUsage,
}

#[derive(Debug, Serialize)]
struct ChunkChoice {
    index: u32,
    delta: Delta,
    finish_reason: Option<&'static str>,
    logprobs: Option<()>,
}

/// The part of the message that a chunk adds.
#[derive(Debug, Default, Serialize)]
struct Delta {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[ToolCallDelta; 1]>,
}

/// The part of a tool call that a chunk adds: first the name, then pieces of the arguments.
#[derive(Debug, Default, Serialize)]
struct ToolCallDelta {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: FunctionDelta,
}

#[derive(Debug, Default, Serialize)]
struct FunctionDelta {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    arguments: String,
}

/// The field `usage` of a chunk.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ChunkUsage {
    /// Absent: the client did not ask for usage.
    Omitted,
    /// Null: a later chunk has the usage.
    Pending,
    Known(ChatUsage),
}

impl ChunkUsage {
    fn is_omitted(&self) -> bool {
        matches!(self, Self::Omitted)
    }
}

impl ChunkBuilder {
    pub(crate) fn new(id: String, created: u64, model: String, include_usage: bool) -> Self {
        Self { id, created, model, include_usage }
    }

    /// Returns the first chunk of a text reply, which contains only the role.
    pub(crate) fn opening(&self) -> Chunk<'_> {
        let (role, content) = (Some("assistant"), Some(String::new()));
        self.message(Delta { role, content, ..Delta::default() }, None)
    }

    /// Returns the first chunk of a tool call, which contains the role and the tool's name.
    pub(crate) fn tool_call_opening(&self, id: String, name: &str) -> Chunk<'_> {
        let function = FunctionDelta { name: Some(name.to_owned()), arguments: String::new() };
        let call = ToolCallDelta { id: Some(id), kind: Some("function"), function, index: 0 };
        let (role, tool_calls) = (Some("assistant"), Some([call]));
        self.message(Delta { role, tool_calls, ..Delta::default() }, None)
    }

    /// Returns a chunk with a piece of a tool call's arguments.
    pub(crate) fn arguments(&self, arguments: String) -> Chunk<'_> {
        let function = FunctionDelta { name: None, arguments };
        let call = ToolCallDelta { function, ..ToolCallDelta::default() };
        self.message(Delta { tool_calls: Some([call]), ..Delta::default() }, None)
    }

    /// Returns a chunk with a piece of text.
    pub(crate) fn text(&self, text: String) -> Chunk<'_> {
        self.message(Delta { content: Some(text), ..Delta::default() }, None)
    }

    /// Returns the last chunk of the message, which contains only the finish reason.
    pub(crate) fn finish_reason(&self, reason: FinishReason) -> Chunk<'_> {
        self.message(Delta::default(), Some(finish_reason(reason)))
    }

    /// Returns the chunk after the message, for clients that asked for usage.
    pub(crate) fn usage(&self, usage: Usage) -> Chunk<'_> {
        self.chunk(Vec::new(), ChunkUsage::Known(usage.into()))
    }

    fn message(&self, delta: Delta, finish_reason: Option<&'static str>) -> Chunk<'_> {
        let choice = ChunkChoice { index: 0, delta, finish_reason, logprobs: None };
        let usage = if self.include_usage { ChunkUsage::Pending } else { ChunkUsage::Omitted };
        self.chunk(vec![choice], usage)
    }

    fn chunk(&self, choices: Vec<ChunkChoice>, usage: ChunkUsage) -> Chunk<'_> {
        Chunk {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: &self.model,
            choices,
            usage,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_value};

    use super::*;

    fn builder(include_usage: bool) -> ChunkBuilder {
        ChunkBuilder::new("chatcmpl-1".to_owned(), 7, "demo-1".to_owned(), include_usage)
    }

    #[test]
    fn usage_is_absent_from_chunks_unless_requested() {
        assert_eq!(
            to_value(builder(false).opening()).unwrap(),
            json!({
                "id": "chatcmpl-1",
                "object": "chat.completion.chunk",
                "created": 7,
                "model": "demo-1",
                "choices": [{
                    "index": 0,
                    "delta": {"role": "assistant", "content": ""},
                    "finish_reason": null,
                    "logprobs": null,
                }],
            })
        );
    }

    #[test]
    fn usage_is_null_until_it_is_known() {
        let builder = builder(true);
        let finish = to_value(builder.finish_reason(FinishReason::Stop)).unwrap();
        assert_eq!(finish["choices"][0]["delta"], json!({}));
        assert_eq!(finish["choices"][0]["finish_reason"], "stop");
        assert_eq!(finish.get("usage"), Some(&json!(null)));

        let usage =
            to_value(builder.usage(Usage { prompt_tokens: 3, completion_tokens: 4 })).unwrap();
        assert_eq!(usage["choices"], json!([]));
        assert_eq!(usage["usage"]["total_tokens"], 7);
    }

    #[test]
    fn tool_call_chunks_have_the_name_first_and_then_the_arguments() {
        let builder = builder(false);
        let deltas = [
            builder.tool_call_opening("call_1".to_owned(), "weather"),
            builder.arguments("{\"a\":".to_owned()),
        ]
        .map(|chunk| to_value(chunk).unwrap()["choices"][0]["delta"].clone());
        assert_eq!(
            deltas,
            [
                json!({"role": "assistant", "tool_calls": [{
                    "index": 0,
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": ""},
                }]}),
                json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"a\":"}}]}),
            ]
        );
    }
}
