//! Cohere's replies, versions 1 and 2.

use super::read;
use super::samples::{DEFAULT, Expected, Sample, samples};
use crate::llm::{Operation, Protocol};
use crate::usage::{FinishReason, Usage, UsageCount};

samples! {
    fn samples;
    cohere Cohere {
        model: None,
        usage: Some(Usage::new(92, 17).cache_read(64)),
    }
    r#"{"id":"c","message":{"role":"assistant","content":[{"type":"text","text":"Hi"}],"citations":[{"sources":[{"document":{"usage":{"tokens":{"input_tokens":999}}}}]}]},"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":15,"output_tokens":16},"tokens":{"input_tokens":92,"output_tokens":17},"cached_tokens":64}}"#;
    cohere_tool_call Cohere {
        model: None,
        finish_reason: FinishReason::ToolCalls,
        usage: Some(Usage::new(92, 17)),
    }
    r#"{"id":"c","message":{"role":"assistant","tool_plan":"I will look.","tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}","usage":{"tokens":{"input_tokens":999}}}}]},"finish_reason":"TOOL_CALL","usage":{"billed_units":{"input_tokens":15,"output_tokens":16},"tokens":{"input_tokens":92,"output_tokens":17}}}"#;
    cohere_thinking_only Cohere {
        model: None,
        answer: false,
        finish_reason: FinishReason::Length,
        usage: Some(Usage::new(92, 17)),
    }
    r#"{"id":"c","message":{"role":"assistant","content":[{"type":"thinking","thinking":"Hm"}]},"finish_reason":"MAX_TOKENS","usage":{"tokens":{"input_tokens":92,"output_tokens":17}}}"#;
    cohere_streamed Cohere {
        model: None,
        usage: Some(Usage::new(71, 418).cache_read(8)),
    }
    concat!(
        r#"data: {"id":"c","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}"#, "\n\n",
        r#"data: {"type":"content-start","index":0,"delta":{"message":{"content":{"type":"thinking","thinking":""}}}}"#, "\n\n",
        r#"data: {"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"Hm"}}}}"#, "\n\n",
        r#"data: {"type":"content-end","index":0}"#, "\n\n",
        r#"data: {"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"Hi"}}}}"#, "\n\n",
        r#"data: {"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":0,"end":2,"text":"Hi","sources":[{"type":"document","document":{"usage":{"tokens":{"input_tokens":999}}}}]}}}}"#, "\n\n",
        r#"data: {"type":"message-end","id":"c","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":11,"output_tokens":418},"tokens":{"input_tokens":71,"output_tokens":418},"cached_tokens":8}}}"#, "\n\n",
        r#"data: [DONE]"#, "\n\n",
    );
    cohere_thinking_streamed Cohere {
        model: None,
        answer: false,
        ended: false,
        finish_reason: FinishReason::Unknown,
    }
    concat!(
        r#"data: {"id":"c","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}"#, "\n\n",
        r#"data: {"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"Hm"}}}}"#, "\n\n",
    );
    cohere_tool_calls_streamed Cohere {
        model: None,
        finish_reason: FinishReason::ToolCalls,
        usage: Some(Usage::new(60, 70)),
    }
    concat!(
        r#"data: {"id":"c","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}"#, "\n\n",
        r#"data: {"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I will"}}}"#, "\n\n",
        r#"data: {"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"t","type":"function","function":{"name":"f","arguments":""}}}}}"#, "\n\n",
        r#"data: {"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{\"usage\":{\"tokens\":{\"input_tokens\":999}}}"}}}}}"#, "\n\n",
        r#"data: {"type":"tool-call-end","index":0}"#, "\n\n",
        r#"data: {"type":"message-end","delta":{"finish_reason":"TOOL_CALL","usage":{"billed_units":{"input_tokens":16,"output_tokens":30},"tokens":{"input_tokens":60,"output_tokens":70}}}}"#, "\n\n",
    );
    cohere_plan_only_and_error Cohere {
        model: None,
        answer: false,
        finish_reason: FinishReason::Error,
    }
    concat!(
        r#"data: {"id":"c","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}"#, "\n\n",
        r#"data: {"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I will"}}}"#, "\n\n",
        r#"data: {"type":"message-end","delta":{"finish_reason":"ERROR","usage":{},"error":"invalid tool generation","error_type":"INVALID_TOOL_GENERATION"}}"#, "\n\n",
    );
    cohere_cut_off Cohere {
        model: None,
        ended: false,
        finish_reason: FinishReason::Unknown,
    }
    concat!(
        r#"data: {"id":"c","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}"#, "\n\n",
        r#"data: {"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Hi"}}}}"#, "\n\n",
    );
    cohere_v1 Cohere {
        model: None,
        usage: Some(Usage::new(501, 35)),
    }
    r#"{"response_id":"r","text":"Hi","generation_id":"g","chat_history":[{"role":"USER","message":"Hey"},{"role":"CHATBOT","message":"Hi","meta":{"tokens":{"input_tokens":999}}}],"documents":[{"meta":{"tokens":{"input_tokens":999}}}],"finish_reason":"COMPLETE","meta":{"api_version":{"version":"1"},"billed_units":{"input_tokens":6,"output_tokens":33},"tokens":{"input_tokens":501,"output_tokens":35}}}"#;
    cohere_v1_tool_calls Cohere {
        model: None,
        finish_reason: FinishReason::ToolCalls,
        usage: Some(Usage::new(501, 35)),
    }
    r#"{"response_id":"r","text":"","generation_id":"g","tool_calls":[{"name":"f","parameters":{"tokens":{"input_tokens":999}}}],"finish_reason":"COMPLETE","meta":{"billed_units":{"input_tokens":6,"output_tokens":33},"tokens":{"input_tokens":501,"output_tokens":35}}}"#;
    cohere_v1_json_lines Cohere {
        model: None,
        finish_reason: FinishReason::Length,
        usage: Some(Usage::new(949, 81)),
    }
    concat!(
        r#"{"is_finished":false,"event_type":"stream-start","generation_id":"g"}"#, "\n",
        r#"{"is_finished":false,"event_type":"text-generation","text":"Hi"}"#, "\n",
        r#"{"is_finished":true,"event_type":"stream-end","response":{"response_id":"r","text":"Hi","chat_history":[{"role":"CHATBOT","meta":{"tokens":{"input_tokens":999}}}],"finish_reason":"MAX_TOKENS","meta":{"api_version":{"version":"1"},"billed_units":{"input_tokens":5,"output_tokens":30},"tokens":{"input_tokens":949,"output_tokens":81}}},"finish_reason":"MAX_TOKENS"}"#, "\n",
    );
    cohere_v1_streamed Cohere {
        model: None,
        finish_reason: FinishReason::Length,
        usage: Some(Usage::new(949, 81)),
    }
    concat!(
        r#"data: {"is_finished":false,"event_type":"stream-start","generation_id":"g"}"#, "\n\n",
        r#"data: {"is_finished":false,"event_type":"text-generation","text":"Hi"}"#, "\n\n",
        r#"data: {"is_finished":true,"event_type":"stream-end","response":{"response_id":"r","text":"Hi","chat_history":[{"role":"CHATBOT","meta":{"tokens":{"input_tokens":999}}}],"finish_reason":"MAX_TOKENS","meta":{"api_version":{"version":"1"},"billed_units":{"input_tokens":5,"output_tokens":30},"tokens":{"input_tokens":949,"output_tokens":81}}},"finish_reason":"MAX_TOKENS"}"#, "\n\n",
    );
    cohere_v1_tool_calls_streamed Cohere {
        model: None,
        finish_reason: FinishReason::ToolCalls,
        usage: Some(Usage::new(9, 8)),
    }
    concat!(
        r#"{"is_finished":false,"event_type":"stream-start","generation_id":"g"}"#, "\n",
        r#"{"is_finished":false,"event_type":"tool-calls-chunk","tool_call_delta":{"index":0,"parameters":"{\"meta\":5}"}}"#, "\n",
        r#"{"is_finished":false,"event_type":"tool-calls-generation","tool_calls":[{"name":"f","parameters":{"a":1}}]}"#, "\n",
        r#"{"is_finished":true,"event_type":"stream-end","finish_reason":"COMPLETE","response":{"meta":{"tokens":{"input_tokens":9,"output_tokens":8}}}}"#, "\n",
    );
    cohere_v1_cut_off Cohere {
        model: None,
        ended: false,
        finish_reason: FinishReason::Unknown,
    }
    concat!(
        r#"{"is_finished":false,"event_type":"stream-start","generation_id":"g"}"#, "\n",
        r#"{"is_finished":false,"event_type":"text-generation","text":"Hi"}"#, "\n",
    );
    cohere_v1_generate Cohere {
        model: None,
        operation: Operation::Completion,
        finish_reason: FinishReason::Length,
        usage: Some(Usage::new(5, 20)),
    }
    r#"{"id":"c","generations":[{"id":"g","text":"Hi","finish_reason":"MAX_TOKENS"}],"prompt":"Say","meta":{"api_version":{"version":"1"},"billed_units":{"input_tokens":5,"output_tokens":20}}}"#;
    cohere_embeddings Cohere {
        model: None,
        operation: Operation::Embedding,
        content: false,
        finish_reason: FinishReason::Unknown,
        usage: Usage::from_counts([(UsageCount::Input, Some(2))]),
    }
    r#"{"id":"c","texts":["a"],"embeddings":{"int8":[[-21,18]]},"meta":{"api_version":{"version":"2"},"billed_units":{"input_tokens":2,"images":7}},"response_type":"embeddings_by_type"}"#;
    cohere_embeddings_of_images Cohere {
        model: None,
        operation: Operation::Embedding,
        content: false,
        finish_reason: FinishReason::Unknown,
    }
    r#"{"id":"c","images":[{"width":4}],"embeddings":[[0.1,-0.2]],"meta":{"billed_units":{"images":1}},"response_type":"embeddings_floats"}"#;
    cohere_rerank Cohere {
        model: None,
        operation: Operation::Rerank,
        content: false,
        finish_reason: FinishReason::Unknown,
    }
    r#"{"id":"c","results":[{"index":0,"relevance_score":0.5,"document":{"text":"a","usage":{"tokens":{"input_tokens":9}}}}],"meta":{"api_version":{"version":"2"},"billed_units":{"search_units":1}}}"#;
    cohere_classify Cohere {
        model: None,
        operation: Operation::Unknown,
        content: false,
        finish_reason: FinishReason::Unknown,
    }
    r#"{"id":"c","classifications":[{"input":"a","prediction":"b","confidence":0.5}],"meta":{"api_version":{"version":"1"},"billed_units":{"classifications":1}}}"#;
}

#[test]
fn cohere_finish_reasons_are_those_of_all_protocols() {
    for (word, reason) in [
        ("COMPLETE", FinishReason::Stop),
        ("STOP_SEQUENCE", FinishReason::Stop),
        ("MAX_TOKENS", FinishReason::Length),
        ("TOOL_CALL", FinishReason::ToolCalls),
        ("ERROR", FinishReason::Error),
        ("ERROR_TOXIC", FinishReason::ContentFilter),
        ("ERROR_LIMIT", FinishReason::Length),
        ("USER_CANCEL", FinishReason::Cancelled),
        ("TIMEOUT", FinishReason::Error),
    ] {
        let reply = format!(r#"{{"message":{{"content":[]}},"finish_reason":"{word}"}}"#);
        assert_eq!(read(Protocol::Cohere, &reply).finish_reason(), reason, "{word}");
    }
}

#[test]
fn cohere_count_that_cannot_be_read_is_not_replaced_by_billed_units() {
    for count in ["-1", "\"5\"", "1e400", "9007199254740993000"] {
        let reply = format!(
            r#"{{"message":{{}},"usage":{{"billed_units":{{"input_tokens":9,"output_tokens":9}},"tokens":{{"input_tokens":{count},"output_tokens":3}}}}}}"#
        );
        for protocol in [Protocol::Cohere, Protocol::Auto] {
            let reader = read(protocol, &reply);
            let output = Usage::from_counts([(UsageCount::Output, Some(3))]);
            assert_eq!(reader.usage(), output, "{count}");
            assert!(reader.is_partly_unread(), "{count}");
        }
    }
    let reader = read(Protocol::Cohere, r#"{"meta":{"tokens":{"input_tokens":"5"}}}"#);
    assert_eq!((reader.usage(), reader.unparsed()), (None, true));
}

#[test]
fn cohere_usage_of_an_unknown_shape_is_unparsed() {
    for usage in [r#"{"words":5}"#, r#"{"tokens":"5"}"#, r#"{"tokens":5}"#, "\"5\"", "[5]"] {
        for reply in [
            format!(r#"{{"message":{{"content":[]}},"finish_reason":"COMPLETE","usage":{usage}}}"#),
            format!(
                "data: {{\"type\":\"message-end\",\"delta\":{{\"finish_reason\":\"COMPLETE\",\"usage\":{usage}}}}}\n\n"
            ),
        ] {
            for protocol in [Protocol::Cohere, Protocol::Auto] {
                let reader = read(protocol, &reply);
                assert_eq!((reader.usage(), reader.unparsed()), (None, true), "{reply}");
            }
        }
    }
    let reader = read(Protocol::Cohere, r#"{"meta":{"tokens":"5"}}"#);
    assert!(reader.unparsed());
    // Search units are no tokens.
    let reader = read(Protocol::Cohere, r#"{"meta":{"billed_units":{"search_units":1}}}"#);
    assert!(!reader.unparsed());
}
