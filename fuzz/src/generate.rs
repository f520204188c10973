//! Objects that look like replies: members that protocols name, with values that may be wrong.

use std::fmt::Write;

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value};

/// Paths of members. `#` is an element of an array.
const PATHS: &[&str] = &[
    "cached_tokens",
    "candidates/#/content/parts/#/functionCall/name",
    "candidates/#/content/parts/#/text",
    "candidates/#/content/parts/#/thought",
    "candidates/#/finishReason",
    "choices/#/delta/content",
    "choices/#/delta/reasoning_content",
    "choices/#/delta/tool_calls/#/function/arguments",
    "choices/#/finish_reason",
    "choices/#/message/content",
    "choices/#/message/tool_calls/#/id",
    "choices/#/message/usage/prompt_tokens",
    "choices/#/text",
    "code",
    "content/#/text",
    "content/#/type",
    "created",
    "data/#/b64_json",
    "data/#/embedding/#",
    "data/#/object",
    "delta/stop_reason",
    "delta/text",
    "delta/type",
    "delta/usage/tokens/input_tokens",
    "done",
    "done_reason",
    "embeddings/#/#",
    "error",
    "error/code",
    "error/message",
    "error/type",
    "eval_count",
    "finish_reason",
    "generation_token_count",
    "incomplete_details/reason",
    "inputTextTokenCount",
    "item/type",
    "message/content",
    "message/model",
    "message/stop_reason",
    "message/tool_calls/#/function/name",
    "message/usage/cache_creation/ephemeral_1h_input_tokens",
    "message/usage/cache_creation/ephemeral_5m_input_tokens",
    "message/usage/cache_creation_input_tokens",
    "message/usage/cache_read_input_tokens",
    "message/usage/input_tokens",
    "message/usage/output_tokens",
    "meta/billed_units/input_tokens",
    "meta/tokens/input_tokens",
    "meta/tokens/output_tokens",
    "metadata/usage/inputTokens",
    "metadata/usage/prompt_tokens",
    "model",
    "modelVersion",
    "object",
    "output/#/type",
    "output/message/content/#/text",
    "promptFeedback/blockReason",
    "prompt_eval_count",
    "prompt_token_count",
    "response",
    "response/error/code",
    "response/incomplete_details/reason",
    "response/model",
    "response/object",
    "response/output/#/type",
    "response/service_tier",
    "response/status",
    "response/usage/input_tokens",
    "response/usage/input_tokens_details/cached_tokens",
    "response/usage/output_tokens",
    "response/usage/output_tokens_details/reasoning_tokens",
    "response/usage/total_tokens",
    "results/#/completionReason",
    "results/#/relevance_score",
    "results/#/tokenCount",
    "service_tier",
    "status",
    "stopReason",
    "stop_reason",
    "task",
    "text",
    "type",
    "usage",
    "usage/cacheReadInputTokens",
    "usage/cacheWriteInputTokens",
    "usage/cache_creation/ephemeral_1h_input_tokens",
    "usage/cache_creation/ephemeral_5m_input_tokens",
    "usage/cache_creation_input_tokens",
    "usage/cache_read_input_tokens",
    "usage/cached_tokens",
    "usage/completion_tokens",
    "usage/completion_tokens_details/audio_tokens",
    "usage/completion_tokens_details/reasoning_tokens",
    "usage/cost",
    "usage/cost/total_cost",
    "usage/cost_in_usd_ticks",
    "usage/inputTokens",
    "usage/input_tokens",
    "usage/input_tokens_details/cached_tokens",
    "usage/input_tokens_details/image_tokens",
    "usage/iterations/#/input_tokens",
    "usage/iterations/#/model",
    "usage/iterations/#/output_tokens",
    "usage/iterations/#/type",
    "usage/num_cached_tokens",
    "usage/outputTokens",
    "usage/output_tokens",
    "usage/output_tokens_details/reasoning_tokens",
    "usage/output_tokens_details/thinking_tokens",
    "usage/prompt_cache_hit_tokens",
    "usage/prompt_tokens",
    "usage/prompt_tokens_details/audio_tokens",
    "usage/prompt_tokens_details/cache_write_tokens",
    "usage/prompt_tokens_details/cached_tokens",
    "usage/tokens/input_tokens",
    "usage/tokens/output_tokens",
    "usage/totalTokens",
    "usage/total_cached_tokens",
    "usage/total_input_tokens",
    "usage/total_output_tokens",
    "usage/total_thought_tokens",
    "usage/total_tokens",
    "usage/type",
    "usageMetadata",
    "usageMetadata/cachedContentTokenCount",
    "usageMetadata/candidatesTokenCount",
    "usageMetadata/candidatesTokensDetails/#/modality",
    "usageMetadata/candidatesTokensDetails/#/tokenCount",
    "usageMetadata/promptTokenCount",
    "usageMetadata/promptTokensDetails/#/modality",
    "usageMetadata/promptTokensDetails/#/tokenCount",
    "usageMetadata/thoughtsTokenCount",
    "usageMetadata/toolUsePromptTokenCount",
    "usageMetadata/totalTokenCount",
    "x_groq/usage/completion_tokens",
    "x_groq/usage/prompt_tokens",
];

/// Texts that protocols name, and others.
const WORDS: &[&str] = &[
    "",
    "AUDIO",
    "COMPLETE",
    "FINISH",
    "IMAGE",
    "MAX_TOKENS",
    "STOP",
    "TEXT",
    "TOOL_CALL",
    "advisor_message",
    "assistant",
    "chat.completion",
    "chat.completion.chunk",
    "compaction",
    "completed",
    "content_block_delta",
    "content_filter",
    "embedding",
    "end_turn",
    "eos",
    "error",
    "failed",
    "fallback",
    "function_call",
    "incomplete",
    "interaction",
    "length",
    "list",
    "max_output_tokens",
    "message",
    "message-end",
    "message_delta",
    "message_start",
    "message_stop",
    "model/a\"b\\c",
    "priority",
    "reasoning",
    "response",
    "response.completed",
    "response.failed",
    "stop",
    "stream-end",
    "text",
    "text_completion",
    "thinking",
    "tool_calls",
    "tool_use",
    "transcribe",
    "ünï\u{1F600}",
    "{\"usage\":{\"prompt_tokens\":9}}",
    "line\nfeed\ttab",
];

/// Numbers as servers have sent them, and worse.
const NUMBERS: &[&str] = &[
    "-0",
    "-1",
    "-1.0",
    "0",
    "0.0",
    "1",
    "1.5",
    "10.0",
    "1e3",
    "1E+2",
    "1e400",
    "2e-1",
    "100",
    "1099511627776",
    "1099511627777",
    "9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
    "0.00042",
    "123456789",
    "100000000000000000000000000000000000000000",
];

/// Returns the text of an object that looks like a reply.
///
/// # Errors
///
/// If the fuzzer's bytes do not suffice.
pub fn reply(u: &mut Unstructured<'_>) -> Result<String> {
    let mut root = Map::new();
    for _ in 0..u.int_in_range(1..=14)? {
        let value = leaf(u)?;
        insert(&mut root, u.choose(PATHS)?, value);
    }
    let mut text = String::new();
    write_object(&mut text, &root, u)?;
    Ok(text)
}

/// Sets the member at a path, unless a part of the path already has another kind of value.
fn insert(object: &mut Map<String, Value>, path: &str, value: Value) {
    let (key, rest) = path.split_once('/').unwrap_or((path, ""));
    if rest.is_empty() {
        object.entry(key).or_insert(value);
        return;
    }
    let is_array = rest.starts_with('#');
    let empty = if is_array { Value::Array(Vec::new()) } else { Value::Object(Map::new()) };
    let rest = rest.strip_prefix("#/").or(rest.strip_prefix('#')).unwrap_or(rest);
    match object.entry(key).or_insert(empty) {
        Value::Object(member) if !is_array => insert(member, rest, value),
        Value::Array(elements) if is_array => {
            // Members of elements go into the first element that lacks them.
            match elements.last_mut() {
                Some(Value::Object(last)) if !rest.is_empty() && !last.contains_key(rest) => {
                    insert(last, rest, value);
                }
                _ if rest.is_empty() || rest.starts_with('#') => elements.push(value),
                _ => {
                    let mut element = Map::new();
                    insert(&mut element, rest, value);
                    elements.push(element.into());
                }
            }
        }
        _ => {}
    }
}

/// A value without members. Numbers are texts that begin with NUL, because `serde_json` would
/// write them in its own form.
fn leaf(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match u.int_in_range(0..=15)? {
        0 => Value::Null,
        1 => u.arbitrary::<bool>()?.into(),
        2 => Value::Array(Vec::new()),
        3 => Value::Object(Map::new()),
        4 => format!("\0{}", u.choose(NUMBERS)?).into(),
        5 => u.arbitrary::<&str>()?.into(),
        6..=9 => (*u.choose(WORDS)?).into(),
        _ => format!("\0{}", u.arbitrary::<u16>()?).into(),
    })
}

fn write_object(
    text: &mut String,
    object: &Map<String, Value>,
    u: &mut Unstructured<'_>,
) -> Result<()> {
    text.push('{');
    // The map is sorted. The library reads members in any order.
    let members: Vec<_> = object.iter().collect();
    let first = if members.is_empty() { 0 } else { u.choose_index(members.len())? };
    for (index, (key, value)) in members[first..].iter().chain(&members[..first]).enumerate() {
        if index > 0 {
            text.push(',');
        }
        space(text, u)?;
        let _ = write!(text, "{}", Value::from(key.as_str()));
        space(text, u)?;
        text.push(':');
        space(text, u)?;
        write_value(text, value, u)?;
    }
    space(text, u)?;
    text.push('}');
    Ok(())
}

fn write_value(text: &mut String, value: &Value, u: &mut Unstructured<'_>) -> Result<()> {
    match value {
        Value::Object(object) => write_object(text, object, u)?,
        Value::Array(elements) => {
            text.push('[');
            for (index, element) in elements.iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                write_value(text, element, u)?;
            }
            text.push(']');
        }
        Value::String(number) if number.starts_with('\0') => text.push_str(&number[1..]),
        value => {
            let _ = write!(text, "{value}");
        }
    }
    Ok(())
}

/// Writes white space, mostly none.
fn space(text: &mut String, u: &mut Unstructured<'_>) -> Result<()> {
    text.push_str(match u.int_in_range(0..=20)? {
        0 => " ",
        1 => "\n",
        2 => "\r\n\t",
        _ => "",
    });
    Ok(())
}
