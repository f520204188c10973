//! Replies that are no chats: embeddings, rankings, moderations, batches, and assistants.

use super::read;
use super::samples::{DEFAULT, Expected, Sample, samples};
use crate::llm::{Operation, Protocol};
use crate::usage::{FinishReason, Usage, UsageCount};

/// Two results of a batch, and one of a call that failed.
const BATCH_RESULTS: &str = concat!(
    r#"{"id":"b1","custom_id":"c-1","response":{"status_code":200,"body":{"object":"chat.completion","model":"m-1","choices":[{"message":{"content":"{\"usage\":{\"prompt_tokens\":999}}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}},"error":null}"#,
    "\n",
    r#"{"id":"b2","custom_id":"c-2","response":null,"error":null}"#,
    "\n",
    r#"{"id":"b3","custom_id":"c-3","response":{"status_code":200,"body":{"object":"chat.completion","model":"m-1","choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":4,"completion_tokens":7,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":3}}}}}"#,
    "\n",
);

samples! {
    fn samples;
    embeddings_with_a_total OpenAi "Voyage" {
        operation: Operation::Embedding,
        content: false,
        finish_reason: FinishReason::Unknown,
        usage: Usage::from_counts([(UsageCount::Input, Some(8))]),
    }
    r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AAAA"}],"model":"m-1","usage":{"total_tokens":8}}"#;
    rerank_with_a_total OpenAi "Jina" {
        operation: Operation::Rerank,
        content: false,
        finish_reason: FinishReason::Unknown,
        usage: Usage::from_counts([(UsageCount::Input, Some(26))]),
    }
    r#"{"model":"m-1","usage":{"total_tokens":26},"results":[{"index":1,"relevance_score":0.8},{"index":0,"relevance_score":0.2}]}"#;
    rerank_in_data OpenAi "Voyage" {
        operation: Operation::Rerank,
        content: false,
        finish_reason: FinishReason::Unknown,
        usage: Usage::from_counts([(UsageCount::Input, Some(26))]),
    }
    r#"{"object":"list","data":[{"index":1,"relevance_score":0.8}],"model":"m-1","usage":{"total_tokens":26}}"#;
    moderation OpenAi {
        operation: Operation::Other,
        content: false,
        finish_reason: FinishReason::Unknown,
    }
    r#"{"id":"modr","model":"m-1","results":[{"flagged":false,"categories":{"hate":false},"category_scores":{"hate":0.1}}]}"#;
    image_details OpenAi {
        operation: Operation::Image,
        content: false,
        model: None,
        finish_reason: FinishReason::Unknown,
        usage: Some(Usage::new(50, 4160).input_image(40).output_image(4000)),
    }
    r#"{"created":1,"data":[{"b64_json":"iVBORw0KGgo="}],"usage":{"total_tokens":4210,"input_tokens":50,"output_tokens":4160,"input_tokens_details":{"text_tokens":10,"image_tokens":40},"output_tokens_details":{"text_tokens":160,"image_tokens":4000}}}"#;
    mistral_transcription OpenAi "Mistral" {
        operation: Operation::Transcription,
        content: false,
        finish_reason: FinishReason::Unknown,
        usage: Some(Usage::new(2629, 635).input_audio(2625)),
    }
    r#"{"model":"m-1","text":"a","language":"en","segments":[],"usage":{"prompt_audio_seconds":203,"prompt_tokens":4,"total_tokens":3264,"completion_tokens":635}}"#;
    batch OpenAi {
        operation: Operation::Other,
        content: false,
        finish_reason: FinishReason::Unknown,
    }
    r#"{"id":"b","object":"batch","model":"m-1","endpoint":"/v1/chat/completions","status":"completed","request_counts":{"total":2,"completed":2},"usage":{"input_tokens":14,"output_tokens":12,"total_tokens":26}}"#;
    batch_results OpenAi {
        operation: Operation::Other,
        usage: Some(Usage::new(14, 12).cache_read(3)),
    }
    BATCH_RESULTS;
    batch_result_of_a_response OpenAi {
        operation: Operation::Other,
        usage: Some(Usage::new(4, 7).reasoning(2)),
    }
    r#"{"custom_id":"c-1","response":{"status_code":200,"body":{"object":"response","status":"completed","model":"m-1","output":[{"type":"message"}],"usage":{"input_tokens":4,"output_tokens":7,"total_tokens":11,"output_tokens_details":{"reasoning_tokens":2}}}}}"#;
    batch_results_of_anthropic Anthropic {
        operation: Operation::Other,
        content: false,
        usage: Some(Usage::new(22, 9).cache_read(5)),
    }
    concat!(
        r#"{"custom_id":"c-1","result":{"type":"succeeded","message":{"type":"message","model":"m-1","content":[{"type":"text","text":"a"}],"stop_reason":"end_turn","usage":{"input_tokens":10,"output_tokens":4}}}}"#, "\n",
        r#"{"custom_id":"c-2","result":{"type":"succeeded","message":{"type":"message","model":"m-1","content":[{"type":"text","text":"a"}],"stop_reason":"end_turn","usage":{"input_tokens":7,"cache_read_input_tokens":5,"output_tokens":5}}}}"#, "\n",
    );
    assistant_run OpenAi { content: false, usage: Some(Usage::new(100, 20).cache_read(40)) }
    r#"{"id":"run","object":"thread.run","model":"m-1","status":"completed","last_error":null,"incomplete_details":null,"tools":[{"usage":{"prompt_tokens":999}}],"metadata":{"usage":{"prompt_tokens":999}},"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"prompt_tokens_details":{"cached_tokens":40}}}"#;
    assistant_run_waits OpenAi { content: false, finish_reason: FinishReason::ToolCalls }
    r#"{"id":"run","object":"thread.run","model":"m-1","status":"requires_action","required_action":{"type":"submit_tool_outputs"},"usage":null}"#;
    assistant_run_failed OpenAi {
        content: false,
        error: Some("rate_limit_exceeded"),
        finish_reason: FinishReason::Error,
    }
    r#"{"id":"run","object":"thread.run","model":"m-1","status":"failed","last_error":{"code":"rate_limit_exceeded","message":"no"},"usage":null}"#;
    assistant_streamed OpenAi { usage: Some(Usage::new(100, 20)) }
    concat!(
        "event: thread.run.created\n",
        r#"data: {"id":"run","object":"thread.run","model":"m-1","status":"queued","usage":null}"#, "\n\n",
        "event: thread.run.step.created\n",
        r#"data: {"id":"step","object":"thread.run.step","status":"in_progress","usage":null}"#, "\n\n",
        "event: thread.message.delta\n",
        r#"data: {"id":"msg","object":"thread.message.delta","delta":{"content":[{"index":0,"type":"text","text":{"value":"a","annotations":[]}}]}}"#, "\n\n",
        "event: thread.run.step.completed\n",
        r#"data: {"id":"step","object":"thread.run.step","status":"completed","usage":{"prompt_tokens":90,"completion_tokens":10,"total_tokens":100}}"#, "\n\n",
        "event: thread.run.completed\n",
        r#"data: {"id":"run","object":"thread.run","model":"m-1","status":"completed","usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120}}"#, "\n\n",
        "event: done\ndata: [DONE]\n\n",
    );
}

#[test]
fn batch_results_without_usage_add_nothing() {
    let lines: Vec<_> = BATCH_RESULTS.lines().collect();
    let reader = read(Protocol::OpenAi, &format!("{}\n{}\n", lines[1], lines[1]));
    assert_eq!((reader.usage(), reader.unparsed()), (None, false));
    assert_eq!(reader.operation(), Operation::Other);
}

#[test]
fn total_of_a_chat_is_not_its_input() {
    let reader = read(Protocol::OpenAi, r#"{"choices":[],"usage":{"total_tokens":30}}"#);
    assert_eq!((reader.usage(), reader.unparsed()), (None, true));
}

#[test]
fn total_does_not_stand_in_for_an_input_that_cannot_be_read() {
    let reply =
        r#"{"data":[{"object":"embedding"}],"usage":{"prompt_tokens":"8","total_tokens":8}}"#;
    let reader = read(Protocol::OpenAi, reply);
    assert_eq!((reader.usage(), reader.unparsed()), (None, true));
}
