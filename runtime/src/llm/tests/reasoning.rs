//! Replies with reasoning, which is content but no answer.

use super::samples::{DEFAULT, Expected, Sample, samples};
use crate::llm::{Operation, Protocol};
use crate::usage::{FinishReason, Usage};

samples! {
    fn samples;
    chat_reasoning_and_answer OpenAi {}
    concat!(
        r#"data: {"model":"m-1","choices":[{"delta":{"role":"assistant","content":"","reasoning":"Hm"}}]}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[{"delta":{"content":"Hi","reasoning":null},"finish_reason":"stop"}]}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    chat_reasoning_not_streamed OpenAi { answer: false, finish_reason: FinishReason::Length }
    r#"{"object":"chat.completion","model":"m-1","choices":[{"message":{"content":"","reasoning_content":"Hm"},"finish_reason":"length"}]}"#;
    chat_thinking_part OpenAi { answer: false, finish_reason: FinishReason::Length }
    concat!(
        r#"data: {"model":"m-1","choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm"}]},{"type":"text","text":""}]},"finish_reason":"length"}]}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    chat_text_part OpenAi {}
    r#"{"object":"chat.completion","model":"m-1","choices":[{"message":{"content":[{"type":"thinking","thinking":[]},{"type":"text","text":"Hi"}]},"finish_reason":"stop"}]}"#;
    chat_image_part OpenAi {}
    r#"{"object":"chat.completion","model":"m-1","choices":[{"message":{"content":[{"type":"image_url","image_url":{"url":"x"}}]},"finish_reason":"stop"}]}"#;
    responses_reasoning_not_streamed OpenAi { answer: false, finish_reason: FinishReason::Length }
    r#"{"object":"response","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"model":"m-1","output":[{"type":"reasoning","summary":[{"type":"summary_text","text":"Hm"}]}]}"#;
    responses_arguments OpenAi { model: None, ended: false, finish_reason: FinishReason::Unknown }
    "data: {\"type\":\"response.function_call_arguments.delta\",\"delta\":\"{\"}\n\n";
    responses_reasoning_text OpenAi {
        answer: false,
        model: None,
        ended: false,
        finish_reason: FinishReason::Unknown,
    }
    "data: {\"type\":\"response.reasoning_text.delta\",\"delta\":\"Hm\"}\n\n";
    anthropic_thinking_then_text Anthropic {}
    concat!(
        r#"data: {"type":"message_start","message":{"model":"m-1","content":[]}}"#, "\n\n",
        r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm"}}"#, "\n\n",
        r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"x"}}"#, "\n\n",
        r#"data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hi"}}"#, "\n\n",
        r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#, "\n\n",
        "data: {\"type\":\"message_stop\"}\n\n",
    );
    anthropic_thinking_not_streamed Anthropic { answer: false, finish_reason: FinishReason::Length }
    r#"{"type":"message","model":"m-1","content":[{"type":"thinking","thinking":"Hm"},{"type":"redacted_thinking","data":"x"}],"stop_reason":"max_tokens"}"#;
    gemini_thought_and_answer Gemini {}
    r#"{"candidates":[{"content":{"parts":[{"thought":true,"text":"Hm"},{"text":"Hi"},{"text":"Hm","thought":true}]},"finishReason":"STOP"}],"modelVersion":"m-1"}"#;
    gemini_thought_only Gemini { answer: false, finish_reason: FinishReason::Length }
    r#"{"candidates":[{"content":{"parts":[{"thought":true,"text":"Hm"},{"thought":false,"text":""},{"text":"Hm","thought":true}]},"finishReason":"MAX_TOKENS"}],"modelVersion":"m-1"}"#;
    ollama_thinking Ollama { answer: false, finish_reason: FinishReason::Length }
    concat!(
        r#"{"model":"m-1","message":{"role":"assistant","content":"","thinking":"Hm"},"done":false}"#, "\n",
        r#"{"model":"m-1","message":{"role":"assistant","content":""},"done":true,"done_reason":"length"}"#, "\n",
    );
    ollama_generate_thinking Ollama {
        answer: false,
        finish_reason: FinishReason::Length,
        operation: Operation::Completion,
    }
    r#"{"model":"m-1","response":"","thinking":"Hm","done":true,"done_reason":"length"}"#;
    converse_reasoning Bedrock {
        answer: false,
        model: None,
        finish_reason: FinishReason::Length,
        usage: Some(Usage::new(10, 5)),
    }
    r#"{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"Hm"}}}]}},"stopReason":"max_tokens","usage":{"inputTokens":10,"outputTokens":5,"totalTokens":15}}"#;
    converse_reasoning_and_answer Bedrock {
        model: None,
        usage: Some(Usage::new(10, 5)),
    }
    r#"{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"Hm"}}},{"text":"Hi"}]}},"stopReason":"end_turn","usage":{"inputTokens":10,"outputTokens":5,"totalTokens":15}}"#;
}
