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
        let delta = Delta { role: Some("assistant"), content: Some(String::new()) };
        self.message(delta, None)
    }

    pub(crate) fn text(&self, text: String) -> Chunk<'_> {
        let delta = Delta { role: None, content: Some(text) };
        self.message(delta, None)
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
}
