//! Usage from the reply types of client crates: async-openai and the AWS SDK for Bedrock.

use std::sync::Arc;

use async_openai::types::chat::{
    CompletionUsage, CreateChatCompletionResponse, CreateChatCompletionStreamResponse,
};
use async_openai::types::responses::{Response, ResponseUsage};
use aws_sdk_bedrockruntime::operation::converse::ConverseOutput;
use aws_sdk_bedrockruntime::types::{
    ConverseStreamMetadataEvent, ConverseStreamOutput, MessageStopEvent, StopReason,
    TokenUsage as Counts,
};
use axum::http::{HeaderName, StatusCode, header};
use axum::routing::{MethodRouter, get as route_get};
use axum::{Json, Router};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, from_value, json};
use streamgauge::{TokenUsage, Usage, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, settled};

fn chat_usage() -> Value {
    json!({
        "prompt_tokens": 1_200, "completion_tokens": 300, "total_tokens": 1_500,
        "prompt_tokens_details": {"cached_tokens": 1_000, "cache_write_tokens": 100},
        "completion_tokens_details": {"reasoning_tokens": 250},
    })
}

fn response_usage() -> Value {
    json!({
        "input_tokens": 1_200, "output_tokens": 300, "total_tokens": 1_500,
        "input_tokens_details": {"cached_tokens": 1_000, "cache_write_tokens": 100},
        "output_tokens_details": {"reasoning_tokens": 250},
    })
}

fn chat(object: &str, finish: &str, usage: &Value) -> Value {
    json!({
        "id": "c", "object": object, "created": 1, "model": "m-1", "usage": usage,
        "choices": [{
            "index": 0, "finish_reason": finish, "delta": {},
            "message": {"role": "assistant", "content": "Hi"},
        }],
    })
}

fn response(status: &str, reason: Option<&str>, output: &Value) -> Value {
    json!({
        "id": "r", "object": "response", "created_at": 1, "model": "m-1", "status": status,
        "incomplete_details": reason.map(|reason| json!({"reason": reason})),
        "output": output, "usage": response_usage(),
    })
}

fn tool_calls() -> Value {
    let function = json!({"name": "f", "arguments": "{}"});
    json!([{"index": 0, "id": "t", "type": "function", "function": function}])
}

/// The output items that ask the client to act.
fn calls_for_the_client() -> [Value; 7] {
    [
        json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}),
        json!({
            "type": "apply_patch_call", "id": "i", "call_id": "c", "status": "completed",
            "operation": {"type": "delete_file", "path": "a"},
        }),
        json!({
            "type": "shell_call", "id": "i", "call_id": "c", "status": "completed",
            "action": {"commands": ["ls"]},
        }),
        json!({
            "type": "local_shell_call", "id": "i", "call_id": "c", "status": "completed",
            "action": {"type": "exec", "command": ["ls"], "env": {}},
        }),
        json!({
            "type": "mcp_approval_request", "id": "i", "name": "f", "server_label": "s",
            "arguments": "{}",
        }),
        json!({
            "type": "computer_call", "id": "i", "call_id": "c", "status": "completed",
            "pending_safety_checks": [],
        }),
        json!({"type": "custom_tool_call", "id": "i", "call_id": "c", "name": "f", "input": "a"}),
    ]
}

/// The output items that the server has made or executed itself.
fn items_of_the_server() -> [Value; 6] {
    [
        json!({
            "type": "message", "id": "i", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
        }),
        json!({"type": "reasoning", "id": "i", "summary": []}),
        json!({"type": "web_search_call", "id": "i", "status": "completed"}),
        json!({"type": "file_search_call", "id": "i", "queries": [], "status": "completed"}),
        json!({
            "type": "code_interpreter_call", "id": "i", "container_id": "c", "status": "completed",
        }),
        json!({
            "type": "mcp_call", "id": "i", "name": "f", "server_label": "s", "arguments": "{}",
        }),
    ]
}

/// The usage in all replies.
fn expected_usage() -> Usage {
    Usage::new(1_200, 300).cache_read(1_000).cache_write(100).reasoning(250)
}

fn parsed<T: DeserializeOwned>(value: Value) -> T {
    from_value(value).expect("the JSON is a valid reply")
}

#[test]
fn usage_of_reply_types_equals_usage_of_their_json() {
    assert_eq!(parsed::<CompletionUsage>(chat_usage()).token_usage(), Some(expected_usage()));
    assert_eq!(parsed::<ResponseUsage>(response_usage()).token_usage(), Some(expected_usage()));
    let chats = ["chat.completion", "chat.completion.chunk"]
        .map(|object| chat(object, "stop", &chat_usage()));
    let [plain, chunk] = chats.clone();
    let plain = parsed::<CreateChatCompletionResponse>(plain);
    let chunk = parsed::<CreateChatCompletionStreamResponse>(chunk);
    assert_eq!((plain.token_usage(), plain.model()), (Some(expected_usage()), Some("m-1")));
    assert_eq!((chunk.token_usage(), chunk.model()), (Some(expected_usage()), Some("m-1")));
    for json in chats {
        assert_eq!((json.token_usage(), json.model()), (Some(expected_usage()), Some("m-1")));
    }
    let json = response("completed", None, &json!([]));
    assert_eq!(json.token_usage(), Some(expected_usage()));
    let reply = parsed::<Response>(json);
    assert_eq!((reply.token_usage(), reply.model()), (Some(expected_usage()), Some("m-1")));
}

#[test]
fn usage_is_none_for_a_frame_without_usage() {
    let plain =
        parsed::<CreateChatCompletionResponse>(chat("chat.completion", "stop", &json!(null)));
    assert_eq!(plain.token_usage(), None);
}

/// Asserts that a reply of a client crate is recorded as the same reply in JSON.
#[track_caller]
fn assert_recorded_as(typed: &impl TokenUsage, json: &Value) {
    let typed = (typed.token_usage(), typed.model(), typed.__details());
    assert_eq!(typed, (json.token_usage(), json.model(), json.__details()), "{json}");
}

#[test]
fn chat_completions_of_async_openai_are_recorded_as_their_json() {
    fn assert_alike<T: TokenUsage + Serialize + DeserializeOwned>(reply: Value) {
        let typed = parsed::<T>(reply);
        let json = serde_json::to_value(&typed).expect("a reply becomes JSON");
        assert_recorded_as(&typed, &json);
    }
    let reasons = ["stop", "length", "tool_calls", "content_filter", "function_call"];
    let reasons = reasons.map(Value::from).into_iter().chain([Value::Null]);
    for (reason, has_tool_calls) in
        reasons.flat_map(|reason| [(reason.clone(), false), (reason, true)])
    {
        for object in ["chat.completion", "chat.completion.chunk"] {
            let mut reply = chat(object, "", &chat_usage());
            let choice = &mut reply["choices"][0];
            choice["finish_reason"] = reason.clone();
            if has_tool_calls {
                choice["message"]["tool_calls"] = tool_calls();
                choice["delta"]["tool_calls"] = tool_calls();
            }
            if object == "chat.completion" {
                assert_alike::<CreateChatCompletionResponse>(reply);
            } else {
                assert_alike::<CreateChatCompletionStreamResponse>(reply);
            }
        }
    }
}

#[test]
fn responses_of_async_openai_are_recorded_as_their_json() {
    let statuses = ["completed", "failed", "in_progress", "cancelled", "queued", "incomplete"];
    let reasons = [None, Some("max_output_tokens"), Some("content_filter"), Some("something_new")];
    let items = calls_for_the_client().into_iter().chain(items_of_the_server());
    let outputs: Vec<_> = [json!([])].into_iter().chain(items.map(|item| json!([item]))).collect();
    for status in statuses {
        for reason in
            reasons.into_iter().filter(|reason| reason.is_none() || status == "incomplete")
        {
            for output in &outputs {
                let typed = parsed::<Response>(response(status, reason, output));
                let json = serde_json::to_value(&typed).expect("a reply becomes JSON");
                assert_recorded_as(&typed, &json);
            }
        }
    }
}

#[test]
fn converse_outputs_are_recorded_as_their_json() {
    let newer = ["malformed_model_output", "malformed_tool_use", "model_context_window_exceeded"];
    let words = StopReason::values().iter().chain(&newer).chain(&["something_new"]);
    for word in words {
        let reply = ConverseOutput::builder().usage(counts(1_500, Some(200)));
        let reply = reply.stop_reason(StopReason::from(*word)).build();
        let json = json!({
            "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
            "stopReason": word,
            "usage": {
                "inputTokens": 1_000, "outputTokens": 300, "totalTokens": 1_500,
                "cacheReadInputTokens": 200,
            },
        });
        assert_recorded_as(&reply.expect("all required fields are set"), &json);
    }
}

async fn scrape_after(handler: MethodRouter) -> Scrape {
    let metrics = metrics();
    get(&Router::new().route("/chat", handler).layer(metrics.layer()), "/chat").await;
    settled(&metrics)
}

#[track_caller]
fn assert_one_call(scrape: &Scrape, finish: &str) {
    assert_eq!(scrape.sum("app_token_usage_total", &[("model", "m-1")]), 1_500, "{scrape:#?}");
    let labels = [("model", "m-1"), ("finish_reason", finish)];
    assert_eq!(scrape.sum("app_llm_calls_total", &labels), 1, "{finish}: {scrape:#?}");
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}

#[tokio::test]
async fn tracked_function_may_return_a_chat_completion_of_async_openai() {
    #[track_tokens]
    async fn asked(reply: Value) -> Result<Json<CreateChatCompletionResponse>, StatusCode> {
        from_value(reply).map(Json).map_err(|_| StatusCode::BAD_GATEWAY)
    }
    for (reported, finish) in [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("content_filter", "content_filter"),
    ] {
        let reply = chat("chat.completion", reported, &chat_usage());
        assert_one_call(&scrape_after(route_get(move || asked(reply.clone()))).await, finish);
    }
    let mut reply = chat("chat.completion", "stop", &chat_usage());
    reply["choices"][0]["message"]["tool_calls"] = tool_calls();
    assert_one_call(&scrape_after(route_get(move || asked(reply.clone()))).await, "tool_calls");
}

#[tokio::test]
async fn finish_reason_of_a_response_follows_from_its_status() {
    #[track_tokens]
    async fn responded(reply: Value) -> Json<Response> {
        Json(parsed(reply))
    }
    let none = json!([]);
    let call = json!([calls_for_the_client()[0]]);
    for item in calls_for_the_client() {
        let reply = response("completed", None, &json!([item]));
        let handler = route_get(move || responded(reply.clone()));
        assert_one_call(&scrape_after(handler).await, "tool_calls");
    }
    for (status, reason, output, finish) in [
        ("completed", None, &none, "stop"),
        ("completed", None, &call, "tool_calls"),
        ("incomplete", Some("max_output_tokens"), &none, "length"),
        ("incomplete", Some("content_filter"), &none, "content_filter"),
        ("failed", None, &none, "error"),
        ("cancelled", None, &none, "cancelled"),
    ] {
        let reply = response(status, reason, output);
        assert_one_call(&scrape_after(route_get(move || responded(reply.clone()))).await, finish);
    }
}

#[tokio::test]
async fn usage_in_json_is_found_behind_status_headers_and_pointers() {
    type Headers = [(HeaderName, &'static str); 1];
    #[track_tokens]
    async fn with_all() -> (StatusCode, Headers, Json<Value>) {
        let headers = [(header::CACHE_CONTROL, "no-store")];
        (StatusCode::CREATED, headers, Json(chat("chat.completion", "stop", &chat_usage())))
    }
    #[track_tokens]
    async fn pointed() -> Option<Result<Arc<Value>, Box<StatusCode>>> {
        Some(Ok(Arc::new(chat("chat.completion", "stop", &chat_usage()))))
    }
    assert_one_call(&scrape_after(route_get(with_all)).await, "stop");
    assert_one_call(&scrape_after(route_get(|| async { drop(pointed().await) })).await, "stop");
}

fn counts(total: i32, cached: Option<i32>) -> Counts {
    Counts::builder()
        .input_tokens(1_000)
        .output_tokens(300)
        .total_tokens(total)
        .set_cache_read_input_tokens(cached)
        .build()
        .expect("all required fields are set")
}

#[test]
fn usage_of_converse_adds_cached_tokens_if_its_total_includes_them() {
    for (total, cached, expected) in [
        (1_300, None, Usage::new(1_000, 300)),
        (1_300, Some(200), Usage::new(1_000, 300).cache_read(200)),
        (1_500, Some(200), Usage::new(1_200, 300).cache_read(200)),
    ] {
        let counts = counts(total, cached);
        assert_eq!(counts.token_usage(), Some(expected));
        assert_eq!(expected.total(), u64::try_from(total).expect("the total is positive"));
        let last = ConverseStreamMetadataEvent::builder().usage(counts).build();
        assert_eq!(last.token_usage(), Some(expected));
        assert_eq!(ConverseStreamOutput::Metadata(last).token_usage(), Some(expected));
    }
    let stop = MessageStopEvent::builder().stop_reason(StopReason::EndTurn).build();
    let stop = ConverseStreamOutput::MessageStop(stop.expect("all required fields are set"));
    assert_eq!(stop.token_usage(), None);
}

#[tokio::test]
async fn tracked_function_may_return_a_converse_output() {
    #[track_tokens(model = "m-1")]
    async fn asked(stop: StopReason) -> Result<ConverseOutput, StatusCode> {
        let reply = ConverseOutput::builder().usage(counts(1_500, Some(200))).stop_reason(stop);
        reply.build().map_err(|_| StatusCode::BAD_GATEWAY)
    }
    for (reported, finish) in [
        (StopReason::EndTurn, "stop"),
        (StopReason::MaxTokens, "length"),
        (StopReason::ToolUse, "tool_calls"),
        (StopReason::GuardrailIntervened, "content_filter"),
        (StopReason::from("malformed_tool_use"), "error"),
        (StopReason::from("something_new"), "other"),
    ] {
        let handler = route_get(move || async move { drop(asked(reported.clone()).await) });
        assert_one_call(&scrape_after(handler).await, finish);
    }
}
