//! Replies of servers with `OpenAI`'s protocol: tokens in places of their own, and tool calls.

use serde_json::Value;

use super::read;
use super::samples::{DEFAULT, Expected, Sample, samples};
use crate::llm::{Completion, Protocol, read_value};
use crate::usage::{FinishReason, Usage};

samples! {
    fn samples;
    chat_counts_decrease OpenAi { usage: Some(Usage::new(4, 5).cache_read(0)) }
    concat!(
        r#"data: {"model":"m-1","choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17,"prompt_tokens_details":{"cached_tokens":8}}}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":4,"completion_tokens":2,"total_tokens":6,"prompt_tokens_details":{"cached_tokens":0}}}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[],"usage":{"prompt_tokens":null,"completion_tokens":5,"prompt_tokens_details":null}}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[],"usage":null}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    chat_audio OpenAi {
        usage: Some(
            Usage::new(120, 80).cache_read(10).input_audio(90).reasoning(0).output_audio(60),
        ),
    }
    r#"{"object":"chat.completion","model":"m-1","choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":120,"completion_tokens":80,"total_tokens":200,"prompt_tokens_details":{"cached_tokens":10,"audio_tokens":90},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":60}}}"#;
    chat_images OpenAi { usage: Some(Usage::new(120, 80).input_image(90).output_image(60)) }
    concat!(
        r#"data: {"model":"m-1","choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[],"usage":{"prompt_tokens":120,"completion_tokens":80,"total_tokens":200,"prompt_tokens_details":{"text_tokens":30,"audio_tokens":0,"image_tokens":90},"completion_tokens_details":{"image_tokens":60}}}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    mistral_audio OpenAi "Mistral" { usage: Some(Usage::new(380, 20).input_audio(370)) }
    r#"{"object":"chat.completion","model":"m-1","choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":400,"prompt_tokens_details":{"audio_tokens":370}}}"#;
    mistral_audio_streamed OpenAi "Mistral" {
        usage: Some(Usage::new(380, 20).cache_read(0).input_audio(370)),
    }
    concat!(
        r#"data: {"model":"m-1","choices":[{"delta":{"role":"assistant","content":""}}]}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[{"delta":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"total_tokens":400,"completion_tokens":20,"num_cached_tokens":0,"prompt_tokens_details":{"audio_tokens":370}}}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    mistral_audio_in_seconds OpenAi "Mistral" { usage: Some(Usage::new(375, 25).input_audio(371)) }
    r#"{"object":"chat.completion","model":"m-1","choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_audio_seconds":29,"prompt_tokens":4,"completion_tokens":25,"total_tokens":400}}"#;
    mistral_no_audio OpenAi "Mistral" { usage: Some(Usage::new(4, 25)) }
    r#"{"object":"chat.completion","model":"m-1","choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_audio_seconds":null,"prompt_tokens":4,"completion_tokens":25,"total_tokens":29}}"#;
    mistral_cache OpenAi "Mistral" { usage: Some(Usage::new(64, 6).cache_read(32)) }
    r#"{"object":"chat.completion","model":"m-1","choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":64,"completion_tokens":6,"total_tokens":70,"num_cached_tokens":32}}"#;
    mistral_cache_streamed OpenAi "Mistral" { usage: Some(Usage::new(64, 6).cache_read(32)) }
    concat!(
        r#"data: {"model":"m-1","choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[{"delta":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":64,"total_tokens":70,"completion_tokens":6,"num_cached_tokens":32}}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    moonshot_cache_not_streamed OpenAi "Moonshot" { usage: Some(Usage::new(64, 6).cache_read(32)) }
    r#"{"object":"chat.completion","model":"m-1","choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":64,"completion_tokens":6,"total_tokens":70,"cached_tokens":32}}"#;
    moonshot_cache OpenAi "Moonshot" { usage: Some(Usage::new(64, 6).cache_read(32)) }
    concat!(
        r#"data: {"model":"m-1","choices":[{"delta":{"content":"a"},"finish_reason":"stop"}],"usage":null}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[],"usage":{"prompt_tokens":64,"completion_tokens":6,"total_tokens":70,"cached_tokens":32}}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    groq_usage_of_its_own OpenAi "Groq" { usage: Some(Usage::new(64, 6).cache_read(32)) }
    concat!(
        r#"data: {"model":"m-1","choices":[{"delta":{"role":"assistant","content":"a"}}],"x_groq":{"id":"r"}}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[{"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"r","usage":{"queue_time":0.1,"prompt_tokens":64,"completion_tokens":6,"total_tokens":70,"prompt_tokens_details":{"cached_tokens":32}}}}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    groq_usage_twice OpenAi "Groq" { usage: Some(Usage::new(64, 6)) }
    concat!(
        r#"data: {"model":"m-1","choices":[{"delta":{"content":"a"}}]}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[{"delta":{},"finish_reason":"stop"}],"x_groq":{"usage":{"prompt_tokens":64,"completion_tokens":6}}}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[],"usage":{"prompt_tokens":64,"completion_tokens":6,"total_tokens":70}}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    total_beyond_a_complete_output_streamed OpenAi { usage: Some(Usage::new(80, 20).reasoning(5)) }
    concat!(
        r#"data: {"model":"m-1","choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":100,"completion_tokens_details":{"reasoning_tokens":5}}}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    total_beyond_a_complete_output OpenAi { usage: Some(Usage::new(80, 20).reasoning(5)) }
    r#"{"object":"chat.completion","model":"m-1","choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":100,"completion_tokens_details":{"reasoning_tokens":5}}}"#;
    perplexity OpenAi "Perplexity" { ended: false, usage: Some(Usage::new(33, 70).reasoning(60)) }
    concat!(
        r#"data: {"model":"m-1","object":"chat.completion.chunk","choices":[{"index":0,"message":{"role":"assistant","content":"a"},"delta":{"role":"assistant","content":"a"},"finish_reason":null}],"usage":{"prompt_tokens":33,"completion_tokens":1,"total_tokens":34}}"#, "\n\n",
        r#"data: {"model":"m-1","object":"chat.completion.done","choices":[{"index":0,"message":{"role":"assistant","content":"ab"},"delta":{"content":""},"finish_reason":"stop"}],"usage":{"prompt_tokens":33,"completion_tokens":70,"total_tokens":103,"search_context_size":"low","citation_tokens":50,"num_search_queries":3,"reasoning_tokens":60}}"#, "\n\n",
    );
    perplexity_reasoning_beside_the_output OpenAi "Perplexity" { usage: Some(Usage::new(33, 70)) }
    r#"{"model":"m-1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"ab"},"finish_reason":"stop"}],"usage":{"prompt_tokens":33,"completion_tokens":70,"total_tokens":103,"citation_tokens":2000,"num_search_queries":30,"reasoning_tokens":7000}}"#;
    together_eos OpenAi "Together" { usage: Some(Usage::new(3, 4)) }
    r#"{"object":"chat.completion","model":"m-1","choices":[{"message":{"content":"a","tool_calls":[]},"finish_reason":"eos"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#;
    together_eos_streamed OpenAi "Together" { usage: Some(Usage::new(3, 4)) }
    concat!(
        r#"data: {"object":"chat.completion.chunk","model":"m-1","choices":[{"delta":{"content":"a"},"finish_reason":null}],"usage":null}"#, "\n\n",
        r#"data: {"object":"chat.completion.chunk","model":"m-1","choices":[{"delta":{"content":""},"finish_reason":"eos"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    writer_without_the_marker OpenAi "Writer" { ended: false, usage: Some(Usage::new(3, 4)) }
    concat!(
        r#"data: {"object":"chat.completion.chunk","model":"m-1","choices":[{"delta":{"content":"a"},"finish_reason":null}]}"#, "\n\n",
        r#"data: {"object":"chat.completion.chunk","model":"m-1","choices":[{"delta":{"content":""},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#, "\n\n",
    );
    openrouter_comments OpenAi "OpenRouter" { usage: Some(Usage::new(3, 4)) }
    concat!(
        ": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n",
        r#"data: {"model":"m-1","choices":[{"delta":{"content":"a"},"finish_reason":null}]}"#, "\n\n: OPENROUTER PROCESSING\n\n",
        r#"data: {"model":"m-1","choices":[{"delta":{"content":""},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    forced_tool_call OpenAi {
        finish_reason: FinishReason::ToolCalls,
        usage: Some(Usage::new(3, 4)),
    }
    r#"{"object":"chat.completion","model":"m-1","choices":[{"message":{"content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"usage\":{\"prompt_tokens\":999}}"}}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#;
    forced_function_call OpenAi { finish_reason: FinishReason::ToolCalls }
    r#"{"object":"chat.completion","model":"m-1","choices":[{"message":{"content":null,"function_call":{"name":"f","arguments":"{}"}},"finish_reason":"stop"}]}"#;
    empty_function_call OpenAi {}
    r#"{"object":"chat.completion","model":"m-1","choices":[{"message":{"content":"a","function_call":{"name":"","arguments":""},"tool_calls":null},"finish_reason":"stop"}]}"#;
    forced_tool_call_streamed OpenAi { finish_reason: FinishReason::ToolCalls }
    concat!(
        r#"data: {"model":"m-1","choices":[{"delta":{"role":"assistant","content":"a"}}]}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[{"delta":{"content":"b"}}]}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[{"delta":{"content":"c","tool_calls":[{"index":0,"function":{"name":"f","arguments":"{}"}}]}}]}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[{"delta":{},"finish_reason":"stop"}]}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    forced_function_call_streamed OpenAi { finish_reason: FinishReason::ToolCalls }
    concat!(
        r#"data: {"model":"m-1","choices":[{"delta":{"content":"a"}}]}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[{"delta":{"content":"b","function_call":{"name":"f","arguments":""}}}]}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[{"delta":{"function_call":{"arguments":"{}"}}}]}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[{"delta":{},"finish_reason":"stop"}]}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    responses_audio OpenAi {
        usage: Some(
            Usage::new(120, 80).cache_read(50).input_audio(60).input_image(7).output_audio(60),
        ),
    }
    r#"{"object":"response","model":"m-1","status":"completed","output":[{"type":"message"}],"usage":{"input_tokens":120,"output_tokens":80,"total_tokens":200,"input_token_details":{"text_tokens":23,"audio_tokens":90,"image_tokens":7,"cached_tokens":50,"cached_tokens_details":{"text_tokens":20,"audio_tokens":30}},"output_token_details":{"text_tokens":20,"audio_tokens":60}}}"#;
    responses_audio_streamed OpenAi {
        usage: Some(Usage::new(120, 80).cache_read(50).input_audio(60).output_audio(60)),
    }
    concat!(
        r#"data: {"type":"response.output_text.delta","delta":"a"}"#, "\n\n",
        r#"data: {"type":"response.completed","response":{"object":"response","model":"m-1","status":"completed","output":[],"usage":{"input_tokens":120,"output_tokens":80,"total_tokens":200,"input_tokens_details":{"audio_tokens":90,"cached_tokens":50,"cached_tokens_details":{"audio_tokens":30}},"output_tokens_details":{"audio_tokens":60}}}}"#, "\n\n",
    );
    responses_client_acts OpenAi {
        finish_reason: FinishReason::ToolCalls,
        usage: Some(Usage::new(3, 4)),
    }
    r#"{"object":"response","model":"m-1","status":"completed","output":[{"type":"reasoning"},{"type":"mcp_approval_request","arguments":"{\"usage\":{\"input_tokens\":999}}"}],"usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}}"#;
    responses_error_and_failed OpenAi {
        content: false,
        error: Some("server_error"),
        finish_reason: FinishReason::Error,
        usage: Some(Usage::new(3, 0)),
    }
    concat!(
        "event: error\n",
        r#"data: {"type":"error","code":"server_error","message":"no","param":null}"#, "\n\n",
        "event: response.failed\n",
        r#"data: {"type":"response.failed","response":{"object":"response","model":"m-1","status":"failed","error":{"code":"server_error","message":"no"},"usage":{"input_tokens":3,"output_tokens":0}}}"#, "\n\n",
    );
    responses_client_acts_streamed OpenAi {
        finish_reason: FinishReason::ToolCalls,
        usage: Some(Usage::new(3, 4)),
    }
    concat!(
        r#"data: {"type":"response.created","response":{"object":"response","model":"m-1","status":"in_progress","usage":null}}"#, "\n\n",
        r#"data: {"type":"response.output_text.delta","delta":"a"}"#, "\n\n",
        r#"data: {"type":"response.output_item.added","item":{"type":"apply_patch_call","status":"in_progress","operation":{"usage":{"input_tokens":999}}}}"#, "\n\n",
        r#"data: {"type":"response.completed","response":{"object":"response","model":"m-1","status":"completed","output":[],"usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}}}"#, "\n\n",
    );
}

#[test]
fn stream_without_the_marker_is_complete_after_its_finish_reason() {
    let perplexity = samples().into_iter().find(|sample| sample.name == "perplexity");
    let bytes = perplexity.map(|sample| sample.bytes).unwrap_or_default();
    let reader = read(Protocol::OpenAi, bytes);
    assert_eq!(reader.completion(true), Some(Completion::Complete));
    let first = bytes.split_inclusive("\n\n").next().unwrap_or_default();
    let cut_off = read(Protocol::OpenAi, first);
    assert_eq!(cut_off.completion(true), Some(Completion::Truncated));
}

#[test]
fn output_items_that_ask_the_client_to_act_are_tool_calls() {
    for (item, reason) in [
        ("function_call", FinishReason::ToolCalls),
        ("custom_tool_call", FinishReason::ToolCalls),
        ("computer_call", FinishReason::ToolCalls),
        ("shell_call", FinishReason::ToolCalls),
        ("local_shell_call", FinishReason::ToolCalls),
        ("apply_patch_call", FinishReason::ToolCalls),
        ("mcp_approval_request", FinishReason::ToolCalls),
        // The server runs these tools.
        ("web_search_call", FinishReason::Stop),
        ("file_search_call", FinishReason::Stop),
        ("code_interpreter_call", FinishReason::Stop),
        ("image_generation_call", FinishReason::Stop),
        ("mcp_call", FinishReason::Stop),
        ("message", FinishReason::Stop),
    ] {
        let whole = format!(
            r#"{{"object":"response","status":"completed","output":[{{"type":"{item}"}}]}}"#
        );
        assert_eq!(read(Protocol::Auto, &whole).finish_reason(), reason, "{item}");
        let value: Value = serde_json::from_str(&whole).expect("the reply is JSON");
        assert_eq!(read_value(&value).finish_reason, reason, "{item}");
        for event in ["added", "done"] {
            let stream = format!(
                "data: {{\"type\":\"response.output_item.{event}\",\"item\":{{\"type\":\"{item}\"}}}}\n\n\
                 data: {{\"type\":\"response.completed\",\"response\":{{\"status\":\"completed\"}}}}\n\n"
            );
            let reader = read(Protocol::Auto, &stream);
            assert_eq!(reader.finish_reason(), reason, "{event} {item}");
        }
    }
}

#[test]
fn total_beyond_the_sum_belongs_to_the_side_whose_details_explain_it() {
    for (details, input, output) in [
        // The caches, or the reasoning, are as large as the gap.
        (r#""prompt_tokens_details":{"cached_tokens":70}"#, 80, 20),
        (r#""completion_tokens_details":{"reasoning_tokens":70}"#, 10, 90),
        (
            r#""prompt_tokens_details":{"cached_tokens":6,"audio_tokens":70},"completion_tokens_details":{"reasoning_tokens":5}"#,
            80,
            20,
        ),
        (
            r#""prompt_tokens_details":{"audio_tokens":5},"completion_tokens_details":{"reasoning_tokens":70}"#,
            10,
            90,
        ),
        (r#""prompt_tokens_details":{"audio_tokens":60,"image_tokens":20}"#, 80, 20),
        // The reasoning is known, so the output is complete.
        (r#""completion_tokens_details":{"reasoning_tokens":0}"#, 80, 20),
        // The server does not state its reasoning.
        (r#""prompt_tokens_details":{"cached_tokens":0}"#, 10, 90),
        (r#""prompt_tokens_details":null"#, 10, 90),
    ] {
        let reply = format!(
            r#"{{"choices":[],"usage":{{"prompt_tokens":10,"completion_tokens":20,"total_tokens":100,{details}}}}}"#
        );
        let usage = read(Protocol::OpenAi, &reply).usage().unwrap_or_default();
        let sides = (usage.input_tokens(), usage.output_tokens());
        assert_eq!(sides, (Some(input), Some(output)), "{details}");
    }
}

#[test]
fn usage_in_other_places_is_not_counted() {
    for reply in [
        r#"{"choices":[{"x_groq":{"usage":{"prompt_tokens":9}}}]}"#,
        r#"{"choices":[],"x_groq":{"x_groq":{"usage":{"prompt_tokens":9}},"usage":null}}"#,
        r#"{"choices":[],"body":{"usage":{"prompt_tokens":9}},"metadata":{"x_groq":{"usage":{"prompt_tokens":9}}}}"#,
        r#"{"choices":[{"message":{"content":[{"type":"text","text":"a","usage":{"prompt_tokens":9}}],"tool_calls":[{"function":{"arguments":{"usage":{"prompt_tokens":9}}}}]}}]}"#,
        r#"{"object":"response","output":[{"type":"shell_call","action":{"usage":{"input_tokens":9}}}],"metadata":{"usage":{"input_tokens":9}}}"#,
    ] {
        let reader = read(Protocol::OpenAi, reply);
        assert_eq!((reader.usage(), reader.unparsed()), (None, false), "{reply}");
    }
}

#[test]
fn usage_in_an_unknown_shape_is_unparsed_and_keeps_its_model() {
    let reply = r#"{"model":"m-1","usage":{"words":{"in":5,"out":6}},"answer":"a"}"#;
    for text in [reply.to_owned(), format!("data: {reply}\n\n"), format!("{reply}\n{reply}\n")] {
        let reader = read(Protocol::Auto, &text);
        assert_eq!((reader.usage(), reader.unparsed()), (None, true), "{text}");
        assert_eq!(reader.model(), Some("m-1"), "{text}");
    }
    let value: Value = serde_json::from_str(reply).expect("the reply is JSON");
    let findings = read_value(&value);
    assert_eq!((findings.usage, findings.unparsed), (None, true));
}

#[test]
fn earlier_count_does_not_stand_in_for_one_that_cannot_be_read() {
    for (protocol, first, second) in [
        (
            Protocol::Anthropic,
            r#"{"type":"message_start","message":{"model":"m-1","usage":{"input_tokens":5,"output_tokens":1}}}"#,
            r#"{"type":"message_delta","usage":{"output_tokens":"9"}}"#,
        ),
        (
            Protocol::OpenAi,
            r#"{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}"#,
            r#"{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":5,"completion_tokens":-2}}"#,
        ),
        (
            Protocol::Gemini,
            r#"{"candidates":[],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":1}}"#,
            r#"{"candidates":[],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":"9"}}"#,
        ),
    ] {
        let reader = read(protocol, &format!("data: {first}\n\ndata: {second}\n\n"));
        let usage = reader.usage().unwrap_or_default();
        assert_eq!((usage.input_tokens(), usage.output_tokens()), (Some(5), None), "{protocol:?}");
        assert!(reader.is_partly_unread(), "{protocol:?}");
    }
}
