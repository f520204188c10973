//! Replies in the formats that providers document, and what must be found in each.

use crate::llm::{Operation, Protocol};
use crate::usage::{FinishReason, Usage, UsageCount};

pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) protocol: Protocol,
    /// Who sends such replies, unless it is the provider that made the protocol.
    pub(super) other_provider: Option<&'static str>,
    pub(crate) bytes: &'static str,
    pub(crate) expected: Expected,
}

impl Sample {
    /// Returns whether the reply is a single JSON object.
    pub(super) fn is_object(&self) -> bool {
        self.bytes.starts_with('{') && !self.bytes.contains("\n{")
    }
}

/// What is known of a reply once it has ended.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the values are independent of each other")]
pub(crate) struct Expected {
    pub(crate) content: bool,
    /// The content, if any, is not reasoning alone.
    pub(crate) answer: bool,
    pub(crate) error: Option<&'static str>,
    pub(crate) ended: bool,
    pub(crate) usage: Option<Usage>,
    pub(crate) model: Option<&'static str>,
    pub(crate) finish_reason: FinishReason,
    pub(crate) operation: Operation,
    pub(crate) unparsed: bool,
}

/// The values that a sample has unless it names others.
pub(super) const DEFAULT: Expected = Expected {
    content: true,
    answer: true,
    error: None,
    ended: true,
    usage: None,
    model: Some("m-1"),
    finish_reason: FinishReason::Stop,
    operation: Operation::Chat,
    unparsed: false,
};

/// An error without a type.
const UNTYPED: Option<&str> = Some("");

/// Defines a function that returns samples. A provider may follow the protocol, as in
/// `OpenAi "DeepSeek"`.
macro_rules! samples {
    (
        fn $function:ident;
        $($name:ident $protocol:ident $($provider:literal)? {
            $($field:ident: $value:expr),* $(,)?
        } $bytes:expr;)*
    ) => {
        pub(super) fn $function() -> Vec<Sample> {
            vec![$(Sample {
                name: stringify!($name),
                protocol: Protocol::$protocol,
                other_provider: None$(.or(Some($provider)))?,
                bytes: $bytes,
                expected: Expected { $($field: $value,)* ..DEFAULT },
            }),*]
        }
    };
}

pub(super) use samples;

/// Returns all samples.
pub(crate) fn all() -> Vec<Sample> {
    let mut all = documented();
    all.extend(super::anthropic::samples());
    all.extend(super::bedrock::samples());
    all.extend(super::bedrock::invoke_samples());
    all.extend(super::cohere::samples());
    all.extend(super::gemini::samples());
    all.extend(super::openai::samples());
    all.extend(super::operations::samples());
    all.extend(super::other_replies::samples());
    all.extend(super::reasoning::samples());
    all
}

samples! {
    fn documented;
    chat OpenAi { usage: Some(Usage::new(12, 5).cache_read(8).reasoning(0)) }
    concat!(
        r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}"#, "\n\n",
        r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m-1","choices":[{"index":0,"delta":{"content":"Grüße, \"you\" \\"},"logprobs":null,"finish_reason":null}],"usage":null}"#, "\n\n",
        ": keep-alive\n\n",
        r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m-1","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}"#, "\n\n",
        r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m-1","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17,"prompt_tokens_details":{"cached_tokens":8,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"accepted_prediction_tokens":0}}}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    chat_without_usage OpenAi {}
    "data:{\"model\":\"m-1\",\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\ndata:[DONE]";
    chat_tool_calls OpenAi {
        finish_reason: FinishReason::ToolCalls,
        usage: Some(Usage::new(80, 20)),
    }
    concat!(
        r#"data: {"model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]},"finish_reason":null}]}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"usage\":{\"prompt_tokens\":999}}"}}]},"finish_reason":null}]}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[],"usage":{"prompt_tokens":80,"completion_tokens":20,"total_tokens":100}}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    chat_role_only OpenAi { content: false, ended: false, finish_reason: FinishReason::Unknown }
    "data: {\"model\":\"m-1\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[]},\"finish_reason\":null}]}\n\n";
    deepseek_reasoning OpenAi "DeepSeek" {
        answer: false,
        finish_reason: FinishReason::Length,
        usage: Some(Usage::new(30, 40).cache_read(10).reasoning(39)),
    }
    concat!(
        r#"data: {"model":"m-1","choices":[{"delta":{"content":null,"reasoning_content":"Hm"},"finish_reason":null}]}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[{"delta":{"content":""},"finish_reason":"length"}],"usage":{"prompt_tokens":30,"completion_tokens":40,"total_tokens":70,"completion_tokens_details":{"reasoning_tokens":39},"prompt_cache_hit_tokens":10,"prompt_cache_miss_tokens":20}}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    vllm_continuous_usage_cut_off OpenAi "vLLM" {
        ended: false,
        finish_reason: FinishReason::Unknown,
        usage: Some(Usage::new(9, 2)),
    }
    concat!(
        r#"data: {"model": "m-1", "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": null}], "usage": {"prompt_tokens": 9, "total_tokens": 10, "completion_tokens": 1}}"#, "\n\n",
        r#"data: {"model": "m-1", "choices": [{"index": 0, "delta": {"content": "b"}, "finish_reason": null}], "usage": {"prompt_tokens": 9, "total_tokens": 11, "completion_tokens": 2}}"#, "\n\n",
    );
    chat_cut_in_usage OpenAi { ended: false, unparsed: true }
    concat!(
        r#"data: {"model":"m-1","choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[],"usage":{"prompt_tokens":12,"completion_t"#,
    );
    chat_error OpenAi {
        error: Some("server_error"),
        ended: false,
        finish_reason: FinishReason::Error,
    }
    concat!(
        r#"data: {"model":"m-1","choices":[{"delta":{"content":"a"},"finish_reason":null}]}"#, "\n\n",
        r#"data: {"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}"#, "\n\n",
    );
    chat_not_streamed OpenAi {
        usage: Some(Usage::new(19, 10).cache_read(4).cache_write(5).reasoning(3)),
    }
    r#"{
  "id": "c", "object": "chat.completion", "model": "m-1",
  "choices": [{"index": 0, "message": {"role": "assistant", "content": "{\"usage\": {\"prompt_tokens\": 1000}}", "usage": {"prompt_tokens": 2000}}, "logprobs": null, "finish_reason": "stop"}],
  "usage": {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 3}},
  "metadata": {"usage": {"prompt_tokens": 3000}}
}
"#;
    chat_output_excludes_reasoning OpenAi "xAI" { usage: Some(Usage::new(10, 309).reasoning(300)) }
    r#"{"object":"chat.completion","model":"m-1","choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":9,"total_tokens":319,"completion_tokens_details":{"reasoning_tokens":300}}}"#;
    chat_reasoning_only_in_total OpenAi { usage: Some(Usage::new(10, 90)) }
    concat!(
        r#"data: {"model":"m-1","choices":[{"delta":{"content":"a"},"finish_reason":null}],"usage":{"prompt_tokens":10,"completion_tokens":1,"total_tokens":11}}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[{"delta":{"content":"b"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":100}}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    chat_input_excludes_cache OpenAi { usage: Some(Usage::new(110, 20).cache_read(100)) }
    r#"{"object":"chat.completion","model":"m-1","choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":130,"prompt_tokens_details":{"cached_tokens":100}}}"#;
    embeddings OpenAi {
        operation: Operation::Embedding,
        content: false,
        finish_reason: FinishReason::Unknown,
        usage: Usage::from_counts([(UsageCount::Input, Some(8))]),
    }
    r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,-2.5e-3]}],"model":"m-1","usage":{"prompt_tokens":8,"total_tokens":8}}"#;
    error_not_streamed OpenAi {
        operation: Operation::Unknown,
        content: false,
        error: Some("invalid_request_error"),
        model: None,
        finish_reason: FinishReason::Error,
    }
    r#"{"error":{"message":"no","type":"invalid_request_error","code":"x"}}"#;
    responses OpenAi { usage: Some(Usage::new(36, 87).cache_read(6).cache_write(9).reasoning(7)) }
    concat!(
        "event: response.created\n",
        r#"data: {"type":"response.created","sequence_number":0,"response":{"id":"r","object":"response","status":"in_progress","error":null,"incomplete_details":null,"model":"m-1","output":[],"usage":null}}"#, "\n\n",
        "event: response.output_text.delta\n",
        r#"data: {"type":"response.output_text.delta","sequence_number":4,"item_id":"i","output_index":0,"content_index":0,"delta":"Hi","logprobs":[]}"#, "\n\n",
        "event: response.completed\n",
        r#"data: {"type":"response.completed","sequence_number":9,"response":{"id":"r","object":"response","status":"completed","error":null,"incomplete_details":null,"model":"m-1","output":[{"type":"message","content":[{"type":"output_text","text":"Hi"}]}],"usage":{"input_tokens":36,"input_tokens_details":{"cached_tokens":6,"cache_write_tokens":9},"output_tokens":87,"output_tokens_details":{"reasoning_tokens":7},"total_tokens":123}}}"#, "\n\n",
    );
    responses_incomplete OpenAi {
        answer: false,
        finish_reason: FinishReason::Length,
        usage: Some(Usage::new(3, 4)),
    }
    concat!(
        r#"data: {"type":"response.reasoning_summary_text.delta","delta":"Hm"}"#, "\n\n",
        r#"data: {"type":"response.incomplete","response":{"model":"m-1","incomplete_details":{"reason":"max_output_tokens"},"status":"incomplete","usage":{"input_tokens":3,"output_tokens":4}}}"#, "\n\n",
    );
    responses_failed OpenAi {
        content: false,
        error: Some("rate_limit_exceeded"),
        finish_reason: FinishReason::Error,
        usage: Some(Usage::new(3, 0)),
    }
    concat!(
        "event: response.failed\n",
        r#"data: {"type":"response.failed","response":{"model":"m-1","status":"failed","error":{"code":"rate_limit_exceeded","message":"no"},"usage":{"input_tokens":3,"output_tokens":0}}}"#, "\n\n",
    );
    responses_error OpenAi {
        operation: Operation::Unknown,
        content: false,
        error: Some("ERR_SOMETHING"),
        ended: false,
        model: None,
        finish_reason: FinishReason::Error,
    }
    "event: error\ndata: {\"type\":\"error\",\"code\":\"ERR_SOMETHING\",\"message\":\"no\",\"param\":null,\"sequence_number\":1}\n\n";
    responses_tool_call OpenAi {
        finish_reason: FinishReason::ToolCalls,
        usage: Some(Usage::new(3, 4)),
    }
    r#"{"object":"response","status":"completed","model":"m-1","error":null,"output":[{"type":"function_call","name":"f","arguments":"{}"}],"usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}}"#;
    responses_tool_call_in_item_event OpenAi {
        content: false,
        finish_reason: FinishReason::ToolCalls,
        usage: Some(Usage::new(3, 4)),
    }
    concat!(
        r#"data: {"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","name":"f","arguments":"{}"}}"#, "\n\n",
        r#"data: {"type":"response.completed","response":{"model":"m-1","status":"completed","usage":{"input_tokens":3,"output_tokens":4}}}"#, "\n\n",
    );
    anthropic Anthropic { usage: Some(Usage::new(1135, 15).cache_read(1000).cache_write(110)) }
    concat!(
        "event: message_start\n",
        r#"data: {"type":"message_start","message":{"id":"msg","type":"message","role":"assistant","content":[],"model":"m-1","stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,"cache_creation_input_tokens":110,"cache_read_input_tokens":1000,"output_tokens":1}}}"#, "\n\n",
        "event: content_block_start\n",
        r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#, "\n\n",
        "event: ping\ndata: {\"type\": \"ping\"}\n\n",
        "event: content_block_delta\n",
        r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#, "\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: message_delta\n",
        r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":15}}"#, "\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    );
    anthropic_input_in_later_frame Anthropic {
        finish_reason: FinishReason::ToolCalls,
        usage: Some(Usage::new(130, 15).cache_read(100)),
    }
    concat!(
        r#"data: {"type":"message_start","message":{"model":"m-1","content":[],"usage":{"input_tokens":0,"output_tokens":0}}}"#, "\n\n",
        r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"usage\":"}}"#, "\n\n",
        r#"data: {"type":"message_delta","delta":{},"usage":{"input_tokens":30,"cache_read_input_tokens":100,"output_tokens":7}}"#, "\n\n",
        r#"data: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":15}}"#, "\n\n",
        "data: {\"type\":\"message_stop\"}\n\n",
    );
    anthropic_input_corrected Anthropic { usage: Some(Usage::new(1200, 5).cache_read(1000)) }
    concat!(
        r#"data: {"type":"message_start","message":{"model":"m-1","usage":{"input_tokens":1200,"output_tokens":1}}}"#, "\n\n",
        r#"data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"a"}}"#, "\n\n",
        r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":200,"cache_read_input_tokens":1000,"output_tokens":5}}"#, "\n\n",
        "data: {\"type\":\"message_stop\"}\n\n",
    );
    anthropic_cache_in_later_frame Anthropic { usage: Some(Usage::new(130, 7).cache_read(100)) }
    concat!(
        r#"data: {"type":"message_start","message":{"model":"m-1","usage":{"input_tokens":30,"output_tokens":1}}}"#, "\n\n",
        r#"data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"a"}}"#, "\n\n",
        r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"cache_read_input_tokens":100,"output_tokens":7}}"#, "\n\n",
        "data: {\"type\":\"message_stop\"}\n\n",
    );
    anthropic_empty_delta Anthropic {
        content: false,
        ended: false,
        model: None,
        finish_reason: FinishReason::Unknown,
    }
    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\"}}\n\n";
    anthropic_error Anthropic {
        answer: false,
        error: Some("overloaded_error"),
        ended: false,
        finish_reason: FinishReason::Error,
        usage: Some(Usage::new(25, 1)),
    }
    concat!(
        r#"data: {"type":"message_start","message":{"model":"m-1","usage":{"input_tokens":25,"output_tokens":1}}}"#, "\n\n",
        r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm"}}"#, "\n\n",
        "event: error\ndata: {\"type\": \"error\", \"error\": {\"type\": \"overloaded_error\", \"message\": \"Overloaded\"}}\n\n",
    );
    anthropic_not_streamed Anthropic {
        finish_reason: FinishReason::Length,
        usage: Some(Usage::new(2195, 503).cache_read(0).cache_write(100)),
    }
    r#"{"id":"msg","type":"message","role":"assistant","model":"m-1","content":[{"type":"text","text":"\"usage\""},{"type":"tool_use","input":{"usage":{"input_tokens":99999}}}],"stop_reason":"max_tokens","stop_sequence":null,"usage":{"input_tokens":2095,"cache_creation_input_tokens":100,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":100},"output_tokens":503}}"#;
    gemini Gemini { answer: false, usage: Some(Usage::new(17, 30).cache_read(3).reasoning(20)) }
    concat!(
        r#"data: {"candidates":[{"content":{"parts":[{"text":"Hm","thought":true}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":10,"totalTokenCount":10},"modelVersion":"m-1"}"#, "\r\n\r\n",
        r#"data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":10,"toolUsePromptTokenCount":7,"candidatesTokenCount":10,"thoughtsTokenCount":20,"cachedContentTokenCount":3,"totalTokenCount":47,"promptTokensDetails":[{"modality":"TEXT","tokenCount":10}]},"modelVersion":"m-1"}"#, "\r\n\r\n",
    );
    gemini_output_only_in_total Gemini {
        finish_reason: FinishReason::Length,
        usage: Some(Usage::new(8, 99)),
    }
    r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"MAX_TOKENS"}],"usageMetadata":{"promptTokenCount":8,"totalTokenCount":107},"modelVersion":"m-1"}"#;
    gemini_tool_use_prompt_only Gemini { usage: Some(Usage::new(7, 2)) }
    r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}],"usageMetadata":{"toolUsePromptTokenCount":7,"candidatesTokenCount":2},"modelVersion":"m-1"}"#;
    gemini_blocked Gemini {
        content: false,
        finish_reason: FinishReason::ContentFilter,
        usage: Usage::from_counts([(UsageCount::Input, Some(10))]),
    }
    r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":10,"totalTokenCount":10},"modelVersion":"m-1"}"#;
    gemini_array Gemini { finish_reason: FinishReason::ToolCalls, usage: Some(Usage::new(10, 9)) }
    r#"[{
  "candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": {"usageMetadata": {"promptTokenCount": 77}}}}]}}],
  "usageMetadata": {"promptTokenCount": 10},
  "modelVersion": "m-1"
}
,
{
  "candidates": [{"finishReason": "STOP"}],
  "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 9, "totalTokenCount": 19}
}
]"#;
    gemini_truncated Gemini {
        ended: false,
        finish_reason: FinishReason::Unknown,
        usage: Some(Usage::new(10, 4).reasoning(4)),
    }
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"inlineData\":{\"data\":\"AA==\"}}]}}],\"usageMetadata\":{\"promptTokenCount\":10,\"thoughtsTokenCount\":4},\"modelVersion\":\"m-1\"}\n\n";
    gemini_error Gemini {
        operation: Operation::Unknown,
        content: false,
        error: Some("UNAVAILABLE"),
        ended: false,
        model: None,
        finish_reason: FinishReason::Error,
    }
    "data: {\"error\": {\"code\": 503, \"message\": \"overloaded\", \"status\": \"UNAVAILABLE\"}}\n\n";
    ollama Ollama { usage: Some(Usage::new(26, 298)) }
    concat!(
        r#"{"model":"m-1","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"The"},"done":false}"#, "\n",
        r#"{"model":"m-1","created_at":"2026-01-01T00:00:01Z","message":{"role":"assistant","content":""},"done_reason":"stop","done":true,"total_duration":4883583458,"load_duration":1334875,"prompt_eval_count":26,"prompt_eval_duration":342546000,"eval_count":298,"eval_duration":4535599000}"#, "\n",
    );
    ollama_generate Ollama {
        operation: Operation::Completion,
        finish_reason: FinishReason::Length,
        usage: Usage::from_counts([(UsageCount::Output, Some(3))]),
    }
    "{\"model\":\"m-1\",\"response\":\"a\",\"done\":false}\n{\"model\":\"m-1\",\"response\":\"\",\"done\":true,\"done_reason\":\"length\",\"context\":[1,2],\"eval_count\":3,\"eval_duration\":9}";
    ollama_tool_calls Ollama {
        finish_reason: FinishReason::ToolCalls,
        usage: Some(Usage::new(2, 3)),
    }
    concat!(
        r#"{"model":"m-1","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"eval_count":99}}}]},"done":false}"#, "\n",
        r#"{"model":"m-1","message":{"role":"assistant","content":""},"done_reason":"stop","done":true,"prompt_eval_count":2,"eval_count":3}"#, "\n",
    );
    ollama_cut_off_line Ollama {
        operation: Operation::Completion,
        usage: Some(Usage::new(2, 3)) }
    concat!(
        r#"{"model":"m-1","response":"a","done":false}"#, "\n",
        r#"{"model":"m-1","response":"a","do"#, "\n",
        r#"{"model":"m-1","response":"","#, "\n",
        r#"{"model":"m-1","response":"","done":true,"done_reason":"stop","prompt_eval_count":2,"eval_count":3}"#, "\n",
    );
    ollama_error Ollama {
        operation: Operation::Completion,
        error: UNTYPED, ended: false, finish_reason: FinishReason::Error }
    "{\"model\":\"m-1\",\"response\":\"a\",\"done\":false}\n{\"error\":\"an error was encountered while running the model\"}\n";
    converse_input_excludes_caches Bedrock {
        finish_reason: FinishReason::ToolCalls,
        model: None,
        usage: Some(Usage::new(130, 20).cache_read(100).cache_write(20)),
    }
    r#"{"metrics":{"latencyMs":500},"output":{"message":{"role":"assistant","content":[{"text":"\"usage\""},{"toolUse":{"input":{"usage":{"inputTokens":999}}}}]}},"stopReason":"end_turn","usage":{"inputTokens":10,"outputTokens":20,"totalTokens":150,"cacheReadInputTokens":100,"cacheReadInputTokenCount":100,"cacheWriteInputTokens":20,"cacheWriteInputTokenCount":20}}"#;
    converse_input_includes_caches Bedrock {
        model: None,
        finish_reason: FinishReason::ToolCalls,
        usage: Some(Usage::new(130, 20).cache_read(100).cache_write(0)),
    }
    r#"{"output":{"message":{"role":"assistant","content":[{"toolUse":{"name":"f"}}]}},"stopReason":"tool_use","usage":{"inputTokens":130,"outputTokens":20,"totalTokens":150,"cacheReadInputTokens":100,"cacheWriteInputTokens":0}}"#;
    converse_blocked Bedrock {
        model: None,
        finish_reason: FinishReason::ContentFilter,
        usage: Some(Usage::new(10, 0)),
    }
    r#"{"output":{"message":{"role":"assistant","content":[{"text":"Blocked."}]}},"stopReason":"guardrail_intervened","usage":{"inputTokens":10,"outputTokens":0,"totalTokens":10}}"#;
}
