//! Anthropic's replies: iterations, thinking, and lifetimes of caches.

use serde_json::Value;

use super::read;
use super::samples::{DEFAULT, Expected, Sample, samples};
use crate::llm::{Protocol, read_value};
use crate::usage::{FinishReason, Usage};

/// A reply whose iterations ask another model for advice.
const ADVISED: &str = r#"{"type":"message","model":"m-1","content":[{"type":"text","text":"a"}],"stop_reason":"end_turn","usage":{"input_tokens":50,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"iterations":[{"type":"message","input_tokens":20,"output_tokens":5},{"type":"advisor_message","input_tokens":300,"output_tokens":40,"model":"advisor-1","cache_read_input_tokens":100},{"model":"m-1","type":"message","input_tokens":30,"output_tokens":6}],"output_tokens":11,"output_tokens_details":{"thinking_tokens":4}}}"#;

samples! {
    fn samples;
    anthropic_thinking Anthropic { usage: Some(Usage::new(19, 25).reasoning(20)) }
    r#"{"type":"message","model":"m-1","content":[{"type":"thinking","thinking":"Hm"},{"type":"text","text":"a"}],"stop_reason":"end_turn","usage":{"input_tokens":19,"output_tokens":25,"output_tokens_details":{"thinking_tokens":20}}}"#;
    anthropic_thinking_streamed Anthropic {
        usage: Some(Usage::new(19, 25).cache_read(0).cache_write(0).reasoning(20)),
    }
    concat!(
        r#"data: {"type":"message_start","message":{"model":"m-1","usage":{"input_tokens":19,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":3}}}"#, "\n\n",
        r#"data: {"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"Hm"}}"#, "\n\n",
        r#"data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"a"}}"#, "\n\n",
        r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":25,"output_tokens_details":{"thinking_tokens":20}}}"#, "\n\n",
        "data: {\"type\":\"message_stop\"}\n\n",
    );
    anthropic_cache_lifetimes Anthropic {
        usage: Some(Usage::new(710, 5).cache_read(100).cache_write(200).cache_write_1h(400)),
    }
    r#"{"type":"message","model":"m-1","content":[{"type":"text","text":"a"}],"stop_reason":"end_turn","usage":{"input_tokens":10,"cache_creation_input_tokens":600,"cache_read_input_tokens":100,"cache_creation":{"ephemeral_5m_input_tokens":200,"ephemeral_1h_input_tokens":400},"output_tokens":5}}"#;
    anthropic_cache_lifetimes_streamed Anthropic {
        usage: Some(Usage::new(710, 5).cache_read(100).cache_write(200).cache_write_1h(400)),
    }
    concat!(
        r#"data: {"type":"message_start","message":{"model":"m-1","usage":{"input_tokens":10,"cache_creation_input_tokens":600,"cache_read_input_tokens":100,"cache_creation":{"ephemeral_1h_input_tokens":400,"ephemeral_5m_input_tokens":200},"output_tokens":1}}}"#, "\n\n",
        r#"data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"a"}}"#, "\n\n",
        r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}}"#, "\n\n",
        r#"data: {"type":"message_stop"}"#, "\n\n",
    );
    anthropic_compaction Anthropic {
        usage: Some(Usage::new(99_519, 92).cache_read(0).cache_write(300)),
    }
    r#"{"type":"message","model":"m-1","content":[{"type":"compaction","content":"b"},{"type":"text","text":"a"}],"stop_reason":"end_turn","usage":{"iterations":[{"type":"compaction","input_tokens":99195,"output_tokens":81,"cache_creation_input_tokens":0},{"type":"message","input_tokens":24,"output_tokens":11,"cache_creation_input_tokens":300,"cache_read_input_tokens":0}],"input_tokens":24,"cache_creation_input_tokens":300,"cache_read_input_tokens":0,"output_tokens":11}}"#;
    anthropic_compaction_streamed Anthropic {
        usage: Some(Usage::new(377, 91).cache_read(96).cache_write(0)),
    }
    concat!(
        r#"data: {"type":"message_start","message":{"model":"m-1","usage":{"input_tokens":100,"cache_creation_input_tokens":0,"cache_read_input_tokens":96,"output_tokens":7}}}"#, "\n\n",
        r#"data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"a"}}"#, "\n\n",
        r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":181,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":8,"iterations":[{"input_tokens":100,"output_tokens":83,"cache_read_input_tokens":96,"cache_creation_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0},"type":"compaction"},{"input_tokens":181,"output_tokens":8,"cache_read_input_tokens":0,"cache_creation_input_tokens":0,"type":"message"}]}}"#, "\n\n",
        "data: {\"type\":\"message_stop\"}\n\n",
    );
    anthropic_advised Anthropic {
        usage: Some(Usage::new(450, 51).cache_read(100).reasoning(4)),
    }
    ADVISED;
    anthropic_advised_streamed Anthropic {
        usage: Some(Usage::new(430, 48).cache_read(100)),
    }
    concat!(
        r#"data: {"type":"message_start","message":{"model":"m-1","usage":{"input_tokens":20,"output_tokens":1}}}"#, "\n\n",
        r#"data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"a"}}"#, "\n\n",
        r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":30,"output_tokens":8,"iterations":[{"type":"message","input_tokens":20,"output_tokens":5},{"type":"advisor_message","model":"advisor-1","input_tokens":300,"output_tokens":40,"cache_read_input_tokens":100},{"type":"message","input_tokens":10,"output_tokens":3}]}}"#, "\n\n",
        r#"data: {"type":"message_stop"}"#, "\n\n",
    );
    anthropic_fallback_streamed Anthropic {
        finish_reason: FinishReason::Length,
        usage: Some(Usage::new(30, 6)),
    }
    concat!(
        r#"data: {"type":"message_start","message":{"model":"m-1","usage":{"input_tokens":30,"output_tokens":1}}}"#, "\n\n",
        r#"data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"a"}}"#, "\n\n",
        r#"data: {"type":"message_delta","delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":6,"iterations":[{"type":"message","model":"m-0","input_tokens":30,"output_tokens":2},{"type":"fallback_message","model":"m-1","input_tokens":30,"output_tokens":6}]}}"#, "\n\n",
        r#"data: {"type":"message_stop"}"#, "\n\n",
    );
    anthropic_fallback Anthropic {
        finish_reason: FinishReason::Length,
        usage: Some(Usage::new(30, 6)),
    }
    r#"{"type":"message","model":"m-1","content":[{"type":"text","text":"a"}],"stop_reason":"max_tokens","usage":{"input_tokens":30,"output_tokens":6,"iterations":[{"type":"message","model":"m-0","input_tokens":30,"output_tokens":2},{"type":"fallback_message","model":"m-1","input_tokens":30,"output_tokens":6}]}}"#;
    anthropic_no_iterations Anthropic { usage: Some(Usage::new(3, 1)) }
    r#"{"type":"message","model":"m-1","content":[{"type":"text","text":"a"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":1,"iterations":[]}}"#;
}

#[test]
fn iteration_that_names_another_model_counts_under_that_model() {
    let advice = vec![("advisor-1".to_owned(), Usage::new(400, 40).cache_read(100))];
    let reader = read(Protocol::Auto, ADVISED);
    let others = reader.usage_by_other_models();
    let others: Vec<_> = others.map(|(model, usage)| (model.to_owned(), usage)).collect();
    assert_eq!(others, advice);
    let value: Value = serde_json::from_str(ADVISED).expect("the reply is JSON");
    assert_eq!(read_value(&value).usage_by_other_models, advice);
}

#[test]
fn iterations_of_many_models_are_kept_in_bounded_memory() {
    let iterations: Vec<_> = (0..1000)
        .map(|model| format!(r#"{{"model":"m-{model}","input_tokens":1,"output_tokens":2}}"#))
        .collect();
    let reply = format!(
        r#"{{"type":"message","model":"m-1","content":[],"usage":{{"input_tokens":1,"output_tokens":2,"iterations":[{}]}}}}"#,
        iterations.join(",")
    );
    let reader = read(Protocol::Anthropic, &reply);
    assert_eq!(reader.usage(), Some(Usage::new(1000, 2000)));
    assert_eq!(reader.usage_by_other_models().count(), 3);
}

#[test]
fn iterations_in_other_places_are_not_counted() {
    for reply in [
        r#"{"type":"message","content":[{"iterations":[{"input_tokens":9}]}],"iterations":[{"input_tokens":9}],"usage":{"input_tokens":1,"output_tokens":2}}"#,
        r#"{"type":"message","usage":{"input_tokens":1,"output_tokens":2,"iterations":{"input_tokens":9}}}"#,
        r#"{"type":"message","usage":{"input_tokens":1,"output_tokens":2,"iterations":[[{"input_tokens":9}],9,"9",null]}}"#,
    ] {
        let reader = read(Protocol::Anthropic, reply);
        assert_eq!(reader.usage(), Some(Usage::new(1, 2)), "{reply}");
    }
}

#[test]
fn iterations_that_a_later_frame_leaves_out_do_not_lower_its_counts() {
    let start = r#"{"type":"message_start","message":{"model":"m-1","usage":{"input_tokens":10,"output_tokens":1,"iterations":[{"type":"message","input_tokens":7,"output_tokens":1},{"type":"advisor_message","model":"advisor-1","input_tokens":3,"output_tokens":0}]}}}"#;
    let end = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":500}}"#;
    let reader = read(Protocol::Anthropic, &format!("data: {start}\n\ndata: {end}\n\n"));
    assert_eq!(reader.usage(), Some(Usage::new(10, 500)));
    assert_eq!(reader.usage_by_other_models().count(), 0);
}

#[test]
fn iteration_with_a_count_that_cannot_be_read_makes_the_usage_partly_unread() {
    for (input, output) in [("900", "\"81\""), ("-1", "81"), ("{}", "81")] {
        let reply = format!(
            r#"{{"type":"message","content":[],"usage":{{"input_tokens":10,"output_tokens":1,"iterations":[{{"type":"compaction","input_tokens":{input},"output_tokens":{output}}},{{"type":"message","input_tokens":10,"output_tokens":1}}]}}}}"#
        );
        assert!(read(Protocol::Anthropic, &reply).is_partly_unread(), "{reply}");
    }
}

#[test]
fn iterations_are_not_those_of_a_chat_completion() {
    let reply = r#"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":6,"iterations":[{"input_tokens":50,"output_tokens":60}]}}"#;
    assert_eq!(read(Protocol::OpenAi, reply).usage(), Some(Usage::new(5, 6)));
}

#[test]
fn tool_use_is_the_finish_reason_of_a_reply_that_says_end_turn() {
    for reply in [
        r#"{"type":"message","content":[{"type":"text","text":"a"},{"type":"tool_use","name":"f","input":{}}],"stop_reason":"end_turn"}"#,
        concat!(
            r#"data: {"type":"content_block_start","content_block":{"type":"tool_use","name":"f"}}"#,
            "\n\n",
            r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
            "\n\n",
        ),
    ] {
        assert_eq!(read(Protocol::Auto, reply).finish_reason(), FinishReason::ToolCalls, "{reply}");
    }
    // The provider itself calls this tool.
    let reply =
        r#"{"type":"message","content":[{"type":"server_tool_use"}],"stop_reason":"end_turn"}"#;
    assert_eq!(read(Protocol::Auto, reply).finish_reason(), FinishReason::Stop);
}
