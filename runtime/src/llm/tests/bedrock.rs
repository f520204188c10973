//! Bedrock's replies: Converse streams, and the shapes of the models that invoke requests name.

use super::samples::{DEFAULT, Expected, Sample, samples};
use super::{check, read};
use crate::llm::{Operation, Protocol, read_value};
use crate::usage::{FinishReason, Usage, UsageCount};

samples! {
    fn samples;
    converse_streamed Bedrock {
        model: None,
        finish_reason: FinishReason::Length,
        usage: Some(Usage::new(130, 20).cache_read(100).cache_write(20)),
    }
    concat!(
        r#"data: {"messageStart":{"role":"assistant"}}"#, "\n\n",
        r#"data: {"contentBlockDelta":{"delta":{"text":"Hi"},"contentBlockIndex":0}}"#, "\n\n",
        r#"data: {"contentBlockStop":{"contentBlockIndex":0}}"#, "\n\n",
        r#"data: {"messageStop":{"stopReason":"max_tokens"}}"#, "\n\n",
        r#"data: {"metadata":{"usage":{"inputTokens":10,"outputTokens":20,"totalTokens":150,"cacheReadInputTokens":100,"cacheWriteInputTokens":20},"metrics":{"latencyMs":5}}}"#, "\n\n",
    );
    converse_json_lines Bedrock {
        model: None,
        finish_reason: FinishReason::Length,
        usage: Some(Usage::new(130, 20).cache_read(100).cache_write(20)),
    }
    concat!(
        r#"{"messageStart":{"role":"assistant"}}"#, "\n",
        r#"{"contentBlockDelta":{"delta":{"text":"Hi"},"contentBlockIndex":0}}"#, "\n",
        r#"{"contentBlockStop":{"contentBlockIndex":0}}"#, "\n",
        r#"{"messageStop":{"stopReason":"max_tokens"}}"#, "\n",
        r#"{"metadata":{"usage":{"inputTokens":10,"outputTokens":20,"totalTokens":150,"cacheReadInputTokens":100,"cacheWriteInputTokens":20},"metrics":{"latencyMs":5}}}"#, "\n",
    );
    converse_reasoning_streamed Bedrock {
        model: None,
        answer: false,
        ended: false,
        finish_reason: FinishReason::Unknown,
    }
    concat!(
        r#"data: {"messageStart":{"role":"assistant"}}"#, "\n\n",
        r#"data: {"contentBlockDelta":{"delta":{"reasoningContent":{"text":"Hm"}},"contentBlockIndex":0}}"#, "\n\n",
    );
    converse_tool_use_streamed Bedrock {
        model: None,
        finish_reason: FinishReason::ToolCalls,
        usage: Some(Usage::new(10, 20)),
    }
    concat!(
        r#"data: {"messageStart":{"role":"assistant"}}"#, "\n\n",
        r#"data: {"contentBlockStart":{"start":{"toolUse":{"name":"f","toolUseId":"t"}},"contentBlockIndex":0}}"#, "\n\n",
        r#"data: {"contentBlockDelta":{"delta":{"toolUse":{"input":"{\"usage\":{\"inputTokens\":999}}"}},"contentBlockIndex":0}}"#, "\n\n",
        r#"data: {"messageStop":{"stopReason":"tool_use","additionalModelResponseFields":{"usage":{"inputTokens":999}}}}"#, "\n\n",
        r#"data: {"metadata":{"usage":{"inputTokens":10,"outputTokens":20,"totalTokens":30}}}"#, "\n\n",
    );
    converse_cut_off Bedrock {
        model: None,
        ended: false,
        finish_reason: FinishReason::Unknown,
    }
    concat!(
        r#"{"messageStart":{"role":"assistant"}}"#, "\n",
        r#"{"contentBlockDelta":{"delta":{"text":"Hi"},"contentBlockIndex":0}}"#, "\n",
        r#"{"contentBlockDelta":{"delta":{"text":"Hi"},"contentBlockIndex":0}}"#, "\n",
    );
    converse_exception Bedrock {
        model: None,
        ended: false,
        error: Some(""),
        finish_reason: FinishReason::Error,
    }
    concat!(
        r#"data: {"messageStart":{"role":"assistant"}}"#, "\n\n",
        r#"data: {"contentBlockDelta":{"delta":{"text":"Hi"},"contentBlockIndex":0}}"#, "\n\n",
        r#"data: {"modelStreamErrorException":{"message":"no"}}"#, "\n\n",
    );
    converse_payloads Bedrock {
        model: None,
        usage: Some(Usage::new(8, 10)),
    }
    concat!(
        r#"data: {"role":"assistant","p":"abc"}"#, "\n\n",
        r#"data: {"contentBlockIndex":0,"delta":{"text":"Hi"},"p":"abc"}"#, "\n\n",
        r#"data: {"contentBlockIndex":0}"#, "\n\n",
        r#"data: {"stopReason":"end_turn"}"#, "\n\n",
        r#"data: {"usage":{"inputTokens":8,"outputTokens":10,"totalTokens":18},"metrics":{"latencyMs":5}}"#, "\n\n",
    );
    converse_payloads_as_json_lines Bedrock {
        model: None,
        usage: Some(Usage::new(8, 10)),
    }
    concat!(
        r#"{"contentBlockIndex":0,"delta":{"text":"Hi"},"p":"abc"}"#, "\n",
        r#"{"contentBlockIndex":0}"#, "\n",
        r#"{"stopReason":"end_turn"}"#, "\n",
        r#"{"usage":{"inputTokens":8,"outputTokens":10,"totalTokens":18},"metrics":{"latencyMs":5}}"#, "\n",
    );
    converse_payloads_cut_off Bedrock {
        model: None,
        ended: false,
        finish_reason: FinishReason::Unknown,
    }
    concat!(
        r#"data: {"role":"assistant","p":"abc"}"#, "\n\n",
        r#"data: {"contentBlockIndex":0,"delta":{"text":"Hi"},"p":"abc"}"#, "\n\n",
        r#"data: {"contentBlockIndex":0}"#, "\n\n",
    );
    nova_streamed Bedrock {
        model: None,
        usage: Some(Usage::new(5, 10).cache_read(0).cache_write(0)),
    }
    concat!(
        r#"data: {"contentBlockDelta":{"delta":{"text":"Hi"},"contentBlockIndex":0}}"#, "\n\n",
        r#"data: {"messageStop":{"stopReason":"end_turn"}}"#, "\n\n",
        r#"data: {"metadata":{"usage":{"inputTokens":5,"outputTokens":10,"cacheReadInputTokenCount":0,"cacheWriteInputTokenCount":0},"metrics":{},"trace":{}},"amazon-bedrock-invocationMetrics":{"inputTokenCount":77,"outputTokenCount":77,"cacheReadInputTokenCount":77}}"#, "\n\n",
    );
}

samples! {
    fn invoke_samples;
    titan Bedrock {
        model: None,
        operation: Operation::Completion,
        finish_reason: FinishReason::Length,
        usage: Some(Usage::new(5, 10)),
    }
    r#"{"inputTextTokenCount":5,"results":[{"tokenCount":10,"outputText":"\"tokenCount\":99","completionReason":"LENGTH"}]}"#;
    titan_streamed Bedrock {
        model: None,
        operation: Operation::Completion,
        usage: Some(Usage::new(5, 10)),
    }
    concat!(
        r#"data: {"outputText":"Hi","index":0,"totalOutputTextTokenCount":null,"completionReason":null,"inputTextTokenCount":5}"#, "\n\n",
        r#"data: {"outputText":"","index":0,"totalOutputTextTokenCount":10,"completionReason":"FINISH","inputTextTokenCount":5,"amazon-bedrock-invocationMetrics":{"inputTokenCount":16,"outputTokenCount":7,"invocationLatency":9}}"#, "\n\n",
    );
    titan_cut_off Bedrock {
        model: None,
        operation: Operation::Completion,
        ended: false,
        finish_reason: FinishReason::Unknown,
        usage: Usage::from_counts([(UsageCount::Input, Some(5))]),
    }
    concat!(
        r#"{"outputText":"Hi","index":0,"inputTextTokenCount":5}"#, "\n",
        r#"{"outputText":"Hi","index":0}"#, "\n",
    );
    titan_embedding Bedrock {
        model: None,
        operation: Operation::Embedding,
        content: false,
        finish_reason: FinishReason::Unknown,
        usage: Usage::from_counts([(UsageCount::Input, Some(5))]),
    }
    r#"{"embedding":[0.1,-0.2],"embeddingsByType":{"binary":[1]},"inputTextTokenCount":5}"#;
    titan_embedding_by_type Bedrock {
        model: None,
        operation: Operation::Embedding,
        content: false,
        finish_reason: FinishReason::Unknown,
        usage: Usage::from_counts([(UsageCount::Input, Some(5))]),
    }
    r#"{"embeddingsByType":{"float":[0.1]},"inputTextTokenCount":5}"#;
    llama Bedrock {
        model: None,
        operation: Operation::Completion,
        finish_reason: FinishReason::Length,
        usage: Some(Usage::new(5, 10)),
    }
    r#"{"generation":"Hi","prompt_token_count":5,"generation_token_count":10,"stop_reason":"length"}"#;
    llama_streamed Bedrock {
        model: None,
        operation: Operation::Completion,
        usage: Some(Usage::new(10, 3)),
    }
    concat!(
        r#"data: {"generation":"Hi","prompt_token_count":10,"generation_token_count":1,"stop_reason":null}"#, "\n\n",
        r#"data: {"generation":"you","prompt_token_count":null,"generation_token_count":2,"stop_reason":null}"#, "\n\n",
        r#"data: {"generation":"","prompt_token_count":null,"generation_token_count":3,"stop_reason":"stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":16,"outputTokenCount":7,"invocationLatency":9}}"#, "\n\n",
    );
    llama_cut_off Bedrock {
        model: None,
        operation: Operation::Completion,
        ended: false,
        finish_reason: FinishReason::Unknown,
        usage: Some(Usage::new(10, 2)),
    }
    concat!(
        r#"{"generation":"Hi","prompt_token_count":10,"generation_token_count":1,"stop_reason":null}"#, "\n",
        r#"{"generation":"you","prompt_token_count":null,"generation_token_count":2,"stop_reason":null}"#, "\n",
    );
    mistral_invoked Bedrock {
        model: None,
        operation: Operation::Completion,
    }
    r#"{"outputs":[{"text":"Hi","stop_reason":"stop","usage":{"inputTokens":9}}]}"#;
    mistral_invoked_streamed Bedrock {
        model: None,
        operation: Operation::Completion,
        usage: Some(Usage::new(16, 7)),
    }
    concat!(
        r#"data: {"outputs":[{"text":"Hi","stop_reason":null}]}"#, "\n\n",
        r#"data: {"outputs":[{"text":"","stop_reason":"stop"}],"amazon-bedrock-invocationMetrics":{"inputTokenCount":16,"outputTokenCount":7,"invocationLatency":9}}"#, "\n\n",
    );
    jurassic Bedrock {
        model: None,
        operation: Operation::Completion,
    }
    r#"{"id":1,"prompt":{"text":"a","tokens":[{"generatedToken":{"token":"a","logprob":-1.5}}]},"completions":[{"data":{"text":"Hi","tokens":[{"usage":{"inputTokens":9}}]},"finishReason":{"reason":"endoftext"}}]}"#;
}

/// Replies of models whose API has a protocol of its own. With `auto` that protocol is detected,
/// too.
#[rustfmt::skip]
const PASSED_ON: &[(&str, &str, Expected)] = &[
    ("messages", r#"{"id":"msg","type":"message","role":"assistant","content":[{"type":"text","text":"Hi"},{"type":"server_tool_use","input":{"usage":{"inputTokens":9}}}],"model":"m-1","stop_reason":"end_turn","usage":{"input_tokens":21,"output_tokens":22}}"#, Expected { usage: Some(Usage::new(21, 22)), ..DEFAULT }),
    ("streamed messages", concat!(r#"data: {"type":"message_start","message":{"model":"m-1","content":[],"usage":{"input_tokens":37,"output_tokens":1}}}"#, "\n\n", r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#, "\n\n", r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":8}}"#, "\n\n", r#"data: {"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":16,"outputTokenCount":7,"invocationLatency":9}}"#, "\n\n"), Expected { usage: Some(Usage::new(37, 8)), ..DEFAULT }),
    ("text completion", r#"{"completion":" Hi","stop_reason":"stop_sequence","stop":"\\n\\nHuman:"}"#, Expected { model: None, operation: Operation::Completion, ..DEFAULT }),
    ("streamed text completion", concat!(r#"data: {"completion":" Hi","stop_reason":null,"stop":null}"#, "\n\n", r#"data: {"completion":"","stop_reason":"stop_sequence","stop":"Human:","amazon-bedrock-invocationMetrics":{"inputTokenCount":16,"outputTokenCount":7,"invocationLatency":9}}"#, "\n\n"), Expected { model: None, operation: Operation::Completion, usage: Some(Usage::new(16, 7)), ..DEFAULT }),
    ("cut off text completion", concat!(r#"{"completion":" Hi","stop_reason":null}"#, "\n", r#"{"completion":" you","stop_reason":null}"#, "\n"), Expected { model: None, operation: Operation::Completion, ended: false, finish_reason: FinishReason::Unknown, ..DEFAULT }),
    ("Jamba", r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#, Expected { model: None, usage: Some(Usage::new(3, 4)), ..DEFAULT }),
    ("streamed chat", concat!(r#"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}]}"#, "\n\n", r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"amazon-bedrock-invocationMetrics":{"inputTokenCount":16,"outputTokenCount":7,"invocationLatency":9}}"#, "\n\n", r#"data: [DONE]"#, "\n\n"), Expected { model: None, usage: Some(Usage::new(16, 7)), ..DEFAULT }),
    ("Command", r#"{"generations":[{"finish_reason":"MAX_TOKENS","id":"g","text":"Hi"}],"id":"c","prompt":"Say"}"#, Expected { model: None, operation: Operation::Completion, finish_reason: FinishReason::Length, ..DEFAULT }),
    ("streamed Command", concat!(r#"data: {"is_finished":false,"text":" I"}"#, "\n\n", r#"data: {"is_finished":false,"text":" am"}"#, "\n\n", r#"data: {"finish_reason":"MAX_TOKENS","is_finished":true,"amazon-bedrock-invocationMetrics":{"inputTokenCount":16,"outputTokenCount":7,"invocationLatency":9}}"#, "\n\n"), Expected { model: None, operation: Operation::Completion, finish_reason: FinishReason::Length, usage: Some(Usage::new(16, 7)), ..DEFAULT }),
    ("Command R", r#"{"response_id":"r","text":"Hi","generation_id":"g","chat_history":[{"role":"USER","message":"Hey"}],"finish_reason":"COMPLETE"}"#, Expected { model: None, ..DEFAULT }),
    ("streamed Command R", concat!(r#"data: {"event_type":"text-generation","is_finished":false,"text":"Hi"}"#, "\n\n", r#"data: {"event_type":"stream-end","finish_reason":"COMPLETE","is_finished":true,"response":{"text":"Hi"},"amazon-bedrock-invocationMetrics":{"inputTokenCount":16,"outputTokenCount":7,"invocationLatency":9}}"#, "\n\n"), Expected { model: None, usage: Some(Usage::new(16, 7)), ..DEFAULT }),
    ("embeddings of Cohere", r#"{"embeddings":[[0.1]],"id":"c","response_type":"embeddings_floats","texts":["a"]}"#, Expected { model: None, operation: Operation::Embedding, content: false, finish_reason: FinishReason::Unknown, ..DEFAULT }),
];

#[test]
fn bedrock_passes_on_the_replies_of_other_protocols() {
    for (name, bytes, expected) in PASSED_ON {
        let expected = expected.clone();
        let sample =
            Sample { name, protocol: Protocol::Bedrock, other_provider: None, bytes, expected };
        let bytes = bytes.as_bytes();
        for protocol in [Protocol::Bedrock, Protocol::Auto] {
            for size in [1, 7, bytes.len()] {
                check(&sample, protocol, bytes.chunks(size), &(protocol, size));
            }
        }
        for at in 0..=bytes.len() {
            check(&sample, Protocol::Bedrock, [&bytes[..at], &bytes[at..]], &at);
        }
        if let Some(value) = sample.is_object().then(|| serde_json::from_slice(bytes)) {
            let found = read_value(&value.expect("the reply is JSON"));
            assert_eq!(found.usage, sample.expected.usage, "{name}");
            assert_eq!(found.finish_reason, sample.expected.finish_reason, "{name}");
            assert_eq!(found.operation, sample.expected.operation, "{name}");
        }
    }
}

#[test]
fn invocation_metrics_replace_only_a_side_that_the_frames_leave_out() {
    const METRICS: &str = r#""amazon-bedrock-invocationMetrics":{"inputTokenCount":30,"outputTokenCount":40,"cacheReadInputTokenCount":20}"#;
    let metrics = Usage::new(30, 40).cache_read(20);
    for (counts, usage) in [
        (r#""a":1"#, metrics),
        (r#""prompt_token_count":5,"generation_token_count":6"#, Usage::new(5, 6)),
        (r#""prompt_token_count":5"#, Usage::new(5, 40)),
        (r#""generation_token_count":6"#, Usage::new(30, 6).cache_read(20)),
        (r#""prompt_token_count":"5","generation_token_count":6"#, metrics_input(6)),
    ] {
        let frame = format!(r#"{{"generation":"Hi","stop_reason":"stop",{counts},{METRICS}}}"#);
        for protocol in [Protocol::Bedrock, Protocol::Auto] {
            let reader = read(protocol, &frame);
            assert_eq!(reader.usage(), Some(usage), "{frame}");
            assert!(!reader.is_partly_unread(), "{frame}");
        }
        // Only Bedrock adds metrics.
        assert_eq!(read(Protocol::OpenAi, &frame).usage(), None);
    }
}

fn metrics_input(output: u64) -> Usage {
    Usage::new(30, output).cache_read(20)
}

#[test]
fn invocation_metrics_that_cannot_be_read_are_not_silent() {
    let read_metrics = |metrics: &str| {
        let frame = format!(
            r#"{{"completion":"a","stop_reason":"stop_sequence","amazon-bedrock-invocationMetrics":{metrics}}}"#
        );
        read(Protocol::Bedrock, &frame)
    };
    let reader = read_metrics(r#"{"inputTokenCount":-1,"outputTokenCount":4}"#);
    assert_eq!(reader.usage(), Usage::from_counts([(UsageCount::Output, Some(4))]));
    assert!(reader.is_partly_unread());
    let reader = read_metrics(r#"{"inputTokenCount":"5"}"#);
    assert_eq!((reader.usage(), reader.unparsed()), (None, true));
}

#[test]
fn bedrock_count_that_cannot_be_read_makes_the_usage_partly_unread() {
    for reply in [
        r#"{"inputTextTokenCount":"5","results":[{"tokenCount":3,"outputText":"a"}]}"#,
        r#"{"generation":"a","prompt_token_count":-5,"generation_token_count":3}"#,
        r#"{"metadata":{"usage":{"inputTokens":1.5,"outputTokens":3}}}"#,
    ] {
        let reader = read(Protocol::Bedrock, reply);
        let output = Usage::from_counts([(UsageCount::Output, Some(3))]);
        assert_eq!(reader.usage(), output, "{reply}");
        assert!(reader.is_partly_unread(), "{reply}");
    }
}

#[test]
fn bedrock_usage_in_the_metadata_of_other_replies_is_not_counted() {
    const METADATA: &str = r#""metadata":{"usage":{"inputTokens":999,"outputTokens":999}}"#;
    for (reply, usage) in [
        (
            r#"{"object":"response","status":"completed","output":[],"usage":{"input_tokens":3,"output_tokens":4},@}"#,
            Usage::new(3, 4),
        ),
        (r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4},@}"#, Usage::new(3, 4)),
        (
            r#"{"type":"message","content":[],"usage":{"input_tokens":3,"output_tokens":4},@}"#,
            Usage::new(3, 4),
        ),
    ] {
        let reply = reply.replace('@', METADATA);
        for protocol in [Protocol::Bedrock, Protocol::Auto] {
            assert_eq!(read(protocol, &reply).usage(), Some(usage), "{protocol:?}: {reply}");
        }
    }
}

#[test]
fn converse_usage_of_an_unknown_shape_is_unparsed() {
    for usage in [r#"{"words":5}"#, "5", "\"5\"", "[5]"] {
        let reply = format!(
            "{{\"messageStop\":{{\"stopReason\":\"end_turn\"}}}}\n{{\"metadata\":{{\"usage\":{usage}}}}}\n"
        );
        for protocol in [Protocol::Bedrock, Protocol::Auto] {
            let reader = read(protocol, &reply);
            assert_eq!((reader.usage(), reader.unparsed()), (None, true), "{reply}");
        }
    }
}

#[test]
fn tool_use_is_the_finish_reason_of_a_converse_reply_that_says_end_turn() {
    for reply in [
        r#"{"output":{"message":{"content":[{"text":"a"},{"toolUse":{"name":"f"}}]}},"stopReason":"end_turn"}"#,
        "{\"contentBlockDelta\":{\"delta\":{\"toolUse\":{\"input\":\"{\"}}}}\n{\"messageStop\":{\"stopReason\":\"end_turn\"}}\n",
    ] {
        let reader = super::read(Protocol::Auto, reply);
        assert_eq!(reader.finish_reason(), FinishReason::ToolCalls, "{reply}");
    }
}
