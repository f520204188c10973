//! The JSON of requests and replies in `OpenAI`'s API.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use crate::llm_gateway::{
    generation::FinishReason,
    model::Model,
    prompt::Message,
    request_error::RequestError,
    tools::{self, Tool, ToolChoice},
    usage::Usage,
};

/// Request body of a chat completion. Unknown fields are ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct ChatRequest {
    pub(crate) model: String,
    pub(crate) messages: Vec<Message>,
    max_tokens: Option<NonZeroUsize>,
    max_completion_tokens: Option<NonZeroUsize>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    tools: Option<Vec<ToolParam>>,
    tool_choice: Option<ToolChoiceParam>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum ToolParam {
    Function {
        function: Tool,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ToolChoiceParam {
    Mode(String),
    Named { function: NamedTool },
}

#[derive(Debug, Deserialize)]
struct NamedTool {
    name: String,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

impl ChatRequest {
    /// Returns the limit of the reply's tokens: `max_completion_tokens`, or else the deprecated
    /// `max_tokens`.
    pub(crate) fn max_tokens(&self) -> Option<NonZeroUsize> {
        self.max_completion_tokens.or(self.max_tokens)
    }

    /// Returns the tool that the client requires to be called.
    pub(crate) fn tool(&mut self) -> Result<Option<Tool>, RequestError> {
        let offered = self.tools.take().unwrap_or_default().into_iter();
        let functions = offered.filter_map(|tool| match tool {
            ToolParam::Function { function } => Some(function),
            ToolParam::Other => None,
        });
        let choice = match self.tool_choice.take() {
            Some(ToolChoiceParam::Named { function }) => ToolChoice::Named(function.name),
            Some(ToolChoiceParam::Mode(mode)) if mode == "required" => ToolChoice::Any,
            Some(ToolChoiceParam::Mode(_)) | None => ToolChoice::NotRequired,
        };
        tools::required_tool(functions.collect(), choice)
    }

    pub(crate) fn stream(&self) -> bool {
        self.stream == Some(true)
    }

    pub(crate) fn include_usage(&self) -> bool {
        self.stream_options.as_ref().is_some_and(|options| options.include_usage == Some(true))
    }
}

/// Reply of a chat completion that is not streamed.
#[derive(Debug, Serialize)]
pub(crate) struct ChatCompletion {
    id: String,
    object: &'static str,
    created: u64,
    model: String,
    choices: [Choice; 1],
    usage: ChatUsage,
}

#[derive(Debug, Serialize)]
struct Choice {
    index: u32,
    message: Reply,
    finish_reason: &'static str,
    logprobs: Option<()>,
}

/// Message of the assistant: text or the call of a tool.
#[derive(Debug, Serialize)]
pub(crate) struct Reply {
    role: &'static str,
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[ToolCall; 1]>,
    refusal: Option<()>,
}

impl Reply {
    pub(crate) fn text(text: String) -> Self {
        Self { role: "assistant", content: Some(text), tool_calls: None, refusal: None }
    }

    pub(crate) fn tool_call(call: ToolCall) -> Self {
        Self { role: "assistant", content: None, tool_calls: Some([call]), refusal: None }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct ToolCall {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    function: FunctionCall,
}

#[derive(Debug, Serialize)]
struct FunctionCall {
    name: String,
    arguments: String,
}

impl ToolCall {
    pub(crate) fn new(id: String, name: String, arguments: String) -> Self {
        Self { id, kind: "function", function: FunctionCall { name, arguments } }
    }
}

impl ChatCompletion {
    pub(crate) fn new(
        id: String,
        created: u64,
        model: String,
        message: Reply,
        reason: FinishReason,
        usage: Usage,
    ) -> Self {
        Self {
            id,
            object: "chat.completion",
            created,
            model,
            choices: [Choice {
                index: 0,
                message,
                finish_reason: finish_reason(reason),
                logprobs: None,
            }],
            usage: usage.into(),
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct ChatUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[derive(Clone, Debug, Default, Serialize)]
struct PromptDetails {
    cached_tokens: u64,
}

#[derive(Clone, Debug, Default, Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
}

impl From<Usage> for ChatUsage {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            total_tokens: usage.total(),
            prompt_tokens_details: PromptDetails::default(),
            completion_tokens_details: CompletionDetails::default(),
        }
    }
}

pub(super) fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCall => "tool_calls",
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct ModelList {
    object: &'static str,
    data: Vec<ListedModel>,
}

#[derive(Debug, Serialize)]
struct ListedModel {
    id: &'static str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

impl ModelList {
    pub(crate) fn new(models: &[Model]) -> Self {
        Self {
            object: "list",
            data: models
                .iter()
                .map(|model| ListedModel {
                    id: model.id,
                    object: "model",
                    created: 0,
                    owned_by: "streamgauge",
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json, to_value};

    use super::*;

    fn request(mut extra: Value) -> serde_json::Result<ChatRequest> {
        extra["model"] = json!("demo-1");
        extra["messages"] = json!([{"role": "user", "content": "Hello"}]);
        from_value(extra)
    }

    #[test]
    fn request_fields_may_be_absent_null_or_unknown() {
        for extra in [
            json!({}),
            json!({"stream": null, "stream_options": null, "max_tokens": null}),
            json!({"temperature": 0.5, "tools": []}),
        ] {
            let request = request(extra).unwrap();
            assert!(!request.stream());
            assert!(!request.include_usage());
            assert_eq!(request.max_tokens(), None);
        }
    }

    #[test]
    fn max_completion_tokens_takes_precedence_over_max_tokens() {
        let limit = |extra| request(extra).unwrap().max_tokens().map(NonZeroUsize::get);
        assert_eq!(limit(json!({"max_tokens": 5})), Some(5));
        assert_eq!(limit(json!({"max_completion_tokens": 6})), Some(6));
        assert_eq!(limit(json!({"max_tokens": 5, "max_completion_tokens": 6})), Some(6));
        assert!(request(json!({"max_tokens": 0})).is_err());
    }

    #[test]
    fn completion_json_matches_the_api_documentation() {
        let usage = Usage { prompt_tokens: 3, completion_tokens: 4 };
        let completion = ChatCompletion::new(
            "chatcmpl-1".to_owned(),
            7,
            "demo-1".to_owned(),
            Reply::text("Hello".to_owned()),
            FinishReason::Length,
            usage,
        );
        assert_eq!(
            to_value(completion).unwrap(),
            json!({
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 7,
                "model": "demo-1",
                "choices": [{
                    "index": 0,
                    "message": {"role": "assistant", "content": "Hello", "refusal": null},
                    "finish_reason": "length",
                    "logprobs": null,
                }],
                "usage": {
                    "prompt_tokens": 3,
                    "completion_tokens": 4,
                    "total_tokens": 7,
                    "prompt_tokens_details": {"cached_tokens": 0},
                    "completion_tokens_details": {"reasoning_tokens": 0},
                },
            })
        );
    }

    #[test]
    fn tool_choice_requires_a_call_if_it_is_required_or_names_a_tool() {
        let weather =
            json!({"type": "function", "function": {"name": "weather", "parameters": {}}});
        let tools = json!([{"type": "custom", "custom": {"name": "free"}}, weather]);
        let called = |choice: Value| {
            let mut request = request(json!({"tools": tools, "tool_choice": choice})).unwrap();
            request.tool().unwrap().map(|tool| tool.name)
        };
        for choice in [json!(null), json!("auto"), json!("none")] {
            assert_eq!(called(choice), None);
        }
        let named = json!({"type": "function", "function": {"name": "weather"}});
        for choice in [json!("required"), named] {
            assert_eq!(called(choice).as_deref(), Some("weather"));
        }
        let mut without_tools = request(json!({"tool_choice": "required"})).unwrap();
        assert!(matches!(without_tools.tool(), Err(RequestError::UnknownTool)));
    }

    #[test]
    fn tool_call_message_has_no_text() {
        let call = ToolCall::new("call_1".to_owned(), "weather".to_owned(), "{}".to_owned());
        assert_eq!(
            to_value(Reply::tool_call(call)).unwrap(),
            json!({
                "role": "assistant",
                "content": null,
                "tool_calls": [{
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": "{}"},
                }],
                "refusal": null,
            })
        );
    }
}
