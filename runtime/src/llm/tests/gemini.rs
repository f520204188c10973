//! Gemini's replies: modalities, numbers instead of names, embeddings, and Interactions.

use serde_json::Value;

use super::read;
use super::samples::{DEFAULT, Expected, Sample, samples};
use crate::llm::{Operation, Protocol, read_value};
use crate::usage::{FinishReason, Usage, UsageCount};

samples! {
    fn samples;
    gemini_modalities Gemini {
        usage: Some(
            Usage::new(360, 70).cache_read(100).input_audio(70).input_image(65).output_audio(12)
                .output_image(30).reasoning(20),
        ),
    }
    r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":350,"candidatesTokenCount":50,"totalTokenCount":430,"toolUsePromptTokenCount":10,"thoughtsTokenCount":20,"cachedContentTokenCount":100,"promptTokensDetails":[{"modality":"TEXT","tokenCount":95},{"modality":"AUDIO","tokenCount":100},{"tokenCount":60,"modality":"IMAGE"},{"modality":"VIDEO","tokenCount":45},{"modality":"DOCUMENT","tokenCount":50}],"cacheTokensDetails":[{"modality":"TEXT","tokenCount":70},{"modality":"AUDIO","tokenCount":30}],"toolUsePromptTokensDetails":[{"modality":"IMAGE","tokenCount":5},{"modality":"TEXT","tokenCount":5}],"candidatesTokensDetails":[{"modality":"AUDIO","tokenCount":12},{"modality":"IMAGE","tokenCount":30},{"modality":"TEXT","tokenCount":8}]},"modelVersion":"m-1"}"#;
    gemini_numbers_for_names Gemini {
        finish_reason: FinishReason::Length,
        usage: Some(Usage::new(30, 9).input_audio(12).input_image(13)),
    }
    r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":2}],"usageMetadata":{"promptTokenCount":30,"candidatesTokenCount":9,"totalTokenCount":39,"trafficType":1,"promptTokensDetails":[{"modality":1,"tokenCount":2},{"modality":2,"tokenCount":13},{"modality":3,"tokenCount":3},{"modality":4,"tokenCount":12}]},"modelVersion":"m-1"}"#;
    gemini_modalities_streamed Gemini {
        usage: Some(
            Usage::new(350, 70).cache_read(100).input_audio(70).output_image(30).reasoning(20),
        ),
    }
    concat!(
        r#"data: {"candidates":[{"content":{"parts":[{"text":"Hm","thought":true}]}}],"usageMetadata":{"promptTokenCount":350,"totalTokenCount":360,"thoughtsTokenCount":10,"promptTokensDetails":[{"modality":"TEXT","tokenCount":250},{"modality":"AUDIO","tokenCount":100}]},"modelVersion":"m-1"}"#, "\n\n",
        r#"data: {"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":350,"candidatesTokenCount":50,"totalTokenCount":420,"thoughtsTokenCount":20,"cachedContentTokenCount":100,"promptTokensDetails":[{"modality":"TEXT","tokenCount":250},{"modality":"AUDIO","tokenCount":100}],"cacheTokensDetails":[{"modality":"AUDIO","tokenCount":30},{"modality":"TEXT","tokenCount":70}],"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":30}]},"modelVersion":"m-1"}"#, "\n\n",
    );
    gemini_numbers_for_names_streamed Gemini {
        finish_reason: FinishReason::ContentFilter,
        usage: Some(Usage::new(30, 9).input_audio(12)),
    }
    concat!(
        r#"data: {"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":0}],"usageMetadata":{"promptTokenCount":30,"totalTokenCount":30},"modelVersion":"m-1"}"#, "\n\n",
        r#"data: {"candidates":[{"content":{"parts":[]},"finishReason":8}],"usageMetadata":{"promptTokenCount":30,"candidatesTokenCount":9,"totalTokenCount":39,"promptTokensDetails":[{"modality":1,"tokenCount":18},{"tokenCount":12,"modality":4}]},"modelVersion":"m-1"}"#, "\n\n",
    );
    gemini_prompt_decreases Gemini { usage: Some(Usage::new(70, 12).input_audio(9)) }
    concat!(
        r#"data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":160,"totalTokenCount":160,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":99},{"modality":"TEXT","tokenCount":61}]},"modelVersion":"m-1"}"#, "\n\n",
        r#"data: {"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":70,"candidatesTokenCount":12,"totalTokenCount":82,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":9},{"modality":"TEXT","tokenCount":61}]},"modelVersion":"m-1"}"#, "\n\n",
    );
    gemini_embedding Gemini {
        operation: Operation::Embedding,
        content: false,
        ended: false,
        model: None,
        finish_reason: FinishReason::Unknown,
        usage: Usage::from_counts([(UsageCount::Input, Some(6))]),
    }
    r#"{"embedding":{"values":[0.1,-0.2]},"usageMetadata":{"promptTokenCount":6,"promptTokensDetails":[{"modality":"TEXT","tokenCount":6}]}}"#;
    interaction Gemini {
        usage: Some(Usage::new(24, 42).cache_read(8).reasoning(30).input_image(5)),
    }
    r#"{"id":"i","object":"interaction","model":"m-1","status":"completed","role":"model","outputs":[{"type":"thought","signature":"x"},{"type":"text","text":"{\"usage\":{\"total_input_tokens\":9999}}"}],"usage":{"total_tokens":66,"total_input_tokens":20,"input_tokens_by_modality":[{"modality":"text","tokens":12},{"modality":"image","tokens":8}],"total_cached_tokens":8,"cached_tokens_by_modality":[{"tokens":3,"modality":"image"},{"modality":"text","tokens":5}],"total_output_tokens":12,"total_tool_use_tokens":4,"total_thought_tokens":30}}"#;
    interaction_steps Gemini {
        finish_reason: FinishReason::ToolCalls,
        usage: Some(Usage::new(9, 16).reasoning(12)),
    }
    r#"{"id":"i","status":"requires_action","steps":[{"type":"thought","signature":"x"},{"type":"function_call","id":"f","name":"f","arguments":{"usage":{"total_input_tokens":9999}}}],"usage":{"totalInputTokens":9,"totalOutputTokens":4,"totalThoughtTokens":12,"totalTokens":25},"model":"m-1"}"#;
    interaction_output_includes_thoughts Gemini { usage: Some(Usage::new(9, 16).reasoning(12)) }
    r#"{"object":"interaction","status":"completed","steps":[{"type":"model_output","content":[{"type":"text","text":"a"}]}],"usage":{"total_input_tokens":9,"total_output_tokens":16,"total_thought_tokens":12,"total_tokens":25},"model":"m-1"}"#;
    interaction_streamed Gemini { usage: Some(Usage::new(7, 40).reasoning(33)) }
    concat!(
        "event: interaction.created\n",
        r#"data: {"interaction":{"id":"i","status":"in_progress","object":"interaction","model":"m-1"},"event_type":"interaction.created"}"#, "\n\n",
        r#"data: {"interaction_id":"i","status":"in_progress","event_type":"interaction.status_update"}"#, "\n\n",
        r#"data: {"index":0,"step":{"type":"thought"},"event_type":"step.start"}"#, "\n\n",
        r#"data: {"index":0,"delta":{"content":{"type":"text","text":"Hm"},"type":"thought_summary"},"event_type":"step.delta"}"#, "\n\n",
        r#"data: {"index":0,"event_type":"step.stop","usage":{"total_input_tokens":7,"total_thought_tokens":33}}"#, "\n\n",
        r#"data: {"index":1,"step":{"type":"model_output","content":[{"type":"text","text":"a"}]},"event_type":"step.start"}"#, "\n\n",
        r#"data: {"index":1,"delta":{"text":"b","type":"text"},"event_type":"step.delta"}"#, "\n\n",
        r#"data: {"index":1,"event_type":"step.stop"}"#, "\n\n",
        "event: interaction.completed\n",
        r#"data: {"interaction":{"id":"i","status":"completed","usage":{"total_tokens":47,"total_input_tokens":7,"total_output_tokens":7,"total_thought_tokens":33},"object":"interaction","model":"m-1"},"event_type":"interaction.completed"}"#, "\n\n",
    );
    interaction_of_the_first_version_streamed Gemini {
        finish_reason: FinishReason::ToolCalls,
        usage: Some(Usage::new(7, 4)),
    }
    concat!(
        r#"data: {"event_type":"interaction.start","interaction":{"id":"i","object":"interaction","model":"m-1","status":"in_progress"}}"#, "\n\n",
        r#"data: {"event_type":"content.start","index":0,"content":{"type":"function_call"}}"#, "\n\n",
        r#"data: {"event_type":"content.delta","index":0,"delta":{"type":"function_call","name":"f","arguments":{"usage":{"total_input_tokens":9999}}}}"#, "\n\n",
        r#"data: {"event_type":"content.stop","index":0}"#, "\n\n",
        r#"data: {"event_type":"interaction.complete","interaction":{"id":"i","object":"interaction","model":"m-1","status":"completed","usage":{"total_input_tokens":7,"total_output_tokens":4,"total_tokens":11}}}"#, "\n\n",
    );
    interaction_cut_off Gemini {
        ended: false,
        answer: false,
        finish_reason: FinishReason::Unknown,
    }
    concat!(
        r#"data: {"event_type":"interaction.start","interaction":{"object":"interaction","model":"m-1","status":"in_progress"}}"#, "\n\n",
        r#"data: {"event_type":"content.delta","index":0,"delta":{"type":"thought_signature","signature":"x"}}"#, "\n\n",
    );
    interaction_error Gemini {
        error: Some("gateway_timeout"),
        ended: false,
        finish_reason: FinishReason::Error,
    }
    concat!(
        r#"data: {"event_type":"interaction.created","interaction":{"model":"m-1","status":"in_progress"}}"#, "\n\n",
        r#"data: {"event_type":"step.delta","index":0,"delta":{"type":"text","text":"a"}}"#, "\n\n",
        "event: error\n",
        r#"data: {"event_type":"error","error":{"message":"no","code":"gateway_timeout"}}"#, "\n\n",
    );
}

#[test]
fn modalities_of_a_repeated_list_are_those_of_the_last_one() {
    let reply = r#"{"candidates":[],"usageMetadata":{"promptTokenCount":9,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":3},{"modality":"AUDIO","tokenCount":1,"tokenCount":2}],"promptTokensDetails":[{"modality":"IMAGE","modality":"AUDIO","tokenCount":4},7,null,[{"modality":"AUDIO","tokenCount":5}],{"modality":"AUDIO","tokenCount":"6"}]}}"#;
    let value: Value = serde_json::from_str(reply).expect("the reply is JSON");
    let usage =
        Usage::from_counts([(UsageCount::Input, Some(9)), (UsageCount::InputAudio, Some(4))]);
    assert_eq!(read(Protocol::Gemini, reply).usage(), usage);
    assert_eq!(read_value(&value).usage, usage);
}

#[test]
fn modalities_that_a_cache_served_are_cached_alone() {
    let reply = r#"{"candidates":[],"usageMetadata":{"promptTokenCount":9,"cachedContentTokenCount":9,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":3}],"cacheTokensDetails":[{"modality":"AUDIO","tokenCount":4}]}}"#;
    let usage =
        Usage::from_counts([(UsageCount::Input, Some(9)), (UsageCount::CacheRead, Some(9))]);
    assert_eq!(read(Protocol::Gemini, reply).usage(), usage);
}

#[test]
fn counted_tokens_are_no_usage() {
    let reply = r#"{"totalTokens":31,"promptTokensDetails":[{"modality":"TEXT","tokenCount":31}]}"#;
    for protocol in [Protocol::Gemini, Protocol::Auto] {
        let reader = read(protocol, reply);
        assert_eq!((reader.usage(), reader.unparsed()), (None, false));
    }
}

#[test]
fn predictions_with_embeddings_are_an_embedding() {
    let reply = r#"{"predictions":[{"embeddings":{"statistics":{"token_count":2},"values":[0.1]}}],"metadata":{"billableCharacterCount":10}}"#;
    let reader = read(Protocol::Gemini, reply);
    assert_eq!((reader.operation(), reader.usage()), (Operation::Embedding, None));
    assert!(reader.is_one_object() && !reader.unparsed());
}

#[test]
fn interaction_may_be_followed_by_another_marker() {
    let sample = samples().into_iter().find(|sample| sample.name == "interaction_streamed");
    let bytes = sample.map(|sample| sample.bytes).unwrap_or_default();
    let reader = read(Protocol::Auto, &format!("{bytes}event: done\ndata: [DONE]\n\n"));
    assert!(reader.ended());
    assert_eq!(reader.usage(), Some(Usage::new(7, 40).reasoning(33)));
}

#[test]
fn interaction_that_failed_is_an_error() {
    let reply = r#"{"object":"interaction","model":"m-1","status":"failed","usage":{"total_input_tokens":3,"total_output_tokens":0}}"#;
    for protocol in [Protocol::Gemini, Protocol::Auto] {
        let reader = read(protocol, reply);
        assert!(reader.failed() && reader.ended());
        assert_eq!(reader.finish_reason(), FinishReason::Error);
    }
}

#[rustfmt::skip]
#[test]
fn total_of_an_earlier_frame_adds_no_output_to_later_counts() {
    let reader = read(
        Protocol::Gemini,
        concat!(
            r#"data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":169,"totalTokenCount":169}}"#, "\n\n",
            r#"data: {"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":79,"candidatesTokenCount":5}}"#, "\n\n",
        ),
    );
    assert_eq!(reader.usage(), Some(Usage::new(79, 5)));
}

#[test]
fn numbers_of_finish_reasons_mean_the_same_as_their_names() {
    for (number, name) in [
        (0, "FINISH_REASON_UNSPECIFIED"),
        (1, "STOP"),
        (2, "MAX_TOKENS"),
        (3, "SAFETY"),
        (4, "RECITATION"),
        (5, "OTHER"),
        (6, "LANGUAGE"),
        (7, "BLOCKLIST"),
        (8, "PROHIBITED_CONTENT"),
        (9, "SPII"),
        (10, "MALFORMED_FUNCTION_CALL"),
    ] {
        let reply = |reason: &str| format!(r#"{{"candidates":[{{"finishReason":{reason}}}]}}"#);
        let (number, name) = (reply(&number.to_string()), reply(&format!("\"{name}\"")));
        let reason = read(Protocol::Gemini, &name).finish_reason();
        assert_eq!(read(Protocol::Gemini, &number).finish_reason(), reason, "{name}");
        let value: Value = serde_json::from_str(&number).expect("the reply is JSON");
        assert_eq!(read_value(&value).finish_reason, reason, "{name}");
    }
}
