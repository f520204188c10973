//! The chunks of a streamed completion in `OpenAI`'s API.

use serde::Serialize;

use super::wire::{ChatUsage, finish_reason};
use crate::llm_gateway::{generation::Finish, usage::Usage};

/// What all chunks of one reply have in common.
#[derive(Debug)]
pub(crate) struct ChunkMaker {
    id: String,
    created: u64,
    model: String,
    include_usage: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<ChunkChoice>,
    #[serde(skip_serializing_if = "ChunkUsage::is_left_out")]
    usage: ChunkUsage,
}

#[derive(Debug, Serialize)]
struct ChunkChoice {
    index: u32,
    delta: Delta,
    finish_reason: Option<&'static str>,
    logprobs: Option<()>,
}

/// What a chunk adds to the message.
#[derive(Debug, Default, Serialize)]
struct Delta {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[CallDelta; 1]>,
}

/// What a chunk adds to a call of a tool: its name first, and then its arguments.
#[derive(Debug, Default, Serialize)]
struct CallDelta {
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

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ChunkUsage {
    /// The client did not ask for it: the field is absent.
    LeftOut,
    /// A later chunk will tell: the field is null.
    Pending,
    Known(ChatUsage),
}

impl ChunkUsage {
    fn is_left_out(&self) -> bool {
        matches!(self, Self::LeftOut)
    }
}

impl ChunkMaker {
    pub(crate) fn new(id: String, created: u64, model: String, include_usage: bool) -> Self {
        Self { id, created, model, include_usage }
    }

    /// The first chunk, which only says who speaks.
    pub(crate) fn opening(&self) -> Chunk<'_> {
        let (role, content) = (Some("assistant"), Some(String::new()));
        self.message(Delta { role, content, ..Delta::default() }, None)
    }

    /// The first chunk where the message calls a tool.
    pub(crate) fn call_opening(&self, id: String, name: &str) -> Chunk<'_> {
        let function = FunctionDelta { name: Some(name.to_owned()), arguments: String::new() };
        let call = CallDelta { id: Some(id), kind: Some("function"), function, index: 0 };
        let (role, tool_calls) = (Some("assistant"), Some([call]));
        self.message(Delta { role, tool_calls, ..Delta::default() }, None)
    }

    pub(crate) fn arguments(&self, arguments: String) -> Chunk<'_> {
        let function = FunctionDelta { name: None, arguments };
        let call = CallDelta { function, ..CallDelta::default() };
        self.message(Delta { tool_calls: Some([call]), ..Delta::default() }, None)
    }

    pub(crate) fn text(&self, text: String) -> Chunk<'_> {
        self.message(Delta { content: Some(text), ..Delta::default() }, None)
    }

    /// The last chunk of the message, which only says why it ends.
    pub(crate) fn finish(&self, finish: Finish) -> Chunk<'_> {
        self.message(Delta::default(), Some(finish_reason(finish)))
    }

    /// The chunk after the message for clients that asked for the usage.
    pub(crate) fn usage(&self, usage: Usage) -> Chunk<'_> {
        self.chunk(Vec::new(), ChunkUsage::Known(usage.into()))
    }

    fn message(&self, delta: Delta, finish_reason: Option<&'static str>) -> Chunk<'_> {
        let choice = ChunkChoice { index: 0, delta, finish_reason, logprobs: None };
        let usage = if self.include_usage { ChunkUsage::Pending } else { ChunkUsage::LeftOut };
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

    fn maker(include_usage: bool) -> ChunkMaker {
        ChunkMaker::new("chatcmpl-1".to_owned(), 7, "demo-1".to_owned(), include_usage)
    }

    #[test]
    fn usage_is_absent_from_chunks_unless_asked_for() {
        assert_eq!(
            to_value(maker(false).opening()).unwrap(),
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
        let maker = maker(true);
        let finish = to_value(maker.finish(Finish::Stop)).unwrap();
        assert_eq!(finish["choices"][0]["delta"], json!({}));
        assert_eq!(finish["choices"][0]["finish_reason"], "stop");
        assert_eq!(finish.get("usage"), Some(&json!(null)));

        let usage =
            to_value(maker.usage(Usage { prompt_tokens: 3, completion_tokens: 4 })).unwrap();
        assert_eq!(usage["choices"], json!([]));
        assert_eq!(usage["usage"]["total_tokens"], 7);
    }

    #[test]
    fn a_call_is_opened_and_then_given_its_arguments() {
        let maker = maker(false);
        let deltas = [
            maker.call_opening("call_1".to_owned(), "weather"),
            maker.arguments("{\"a\":".to_owned()),
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
