//! Calls that the proxy records from the replies that it forwards unchanged.

use streamgauge_examples::llm_gateway::proxy::Settings;
use streamgauge_test_support::Scrape;

use crate::client::{post, read_body, send};
use crate::samples::{
    CHAT, CHAT_CALL, CHAT_CALLED, CHAT_COMMENT, CHAT_OPENING, CHAT_REPLY, CHAT_STOP, CHAT_TOKEN,
    CHAT_TOKENS, CHAT_USAGE, DONE, END, JSON, MESSAGE_BLOCK, MESSAGE_END, MESSAGE_REPLY,
    MESSAGE_START, MESSAGE_TOKENS, MESSAGES, QUESTION, RESPONSES, STREAM_HEAD,
};
use crate::scripted_upstream::{Gateway, ScriptedUpstream, chunk, fixed_reply};

/// Sends a request through a proxy whose upstream replies with these bytes, and returns the metrics
/// and the response body.
async fn exchange(path: &str, reply: String) -> (Scrape, String) {
    let script = ScriptedUpstream::new().await;
    let proxy = Gateway::proxy(Settings::new(script.url())).await;
    let (_, response) =
        tokio::join!(script.answer(reply), send(proxy.address, post(path, QUESTION)));
    assert_eq!(response.status(), 200);
    let body = read_body(response).await;
    (proxy.at_rest(1).await, body)
}

/// Forwards a whole reply and asserts that it arrives unchanged and is not recorded as a stream.
async fn forward_whole(path: &str, body: &str) -> Scrape {
    let (scrape, received) = exchange(path, fixed_reply("200 OK", JSON, body)).await;
    assert_eq!(received, body);
    for family in ["stream_duration_seconds_count", "stream_chunks_total", "active_streams"] {
        assert_eq!(
            scrape.count(&format!("app_{family}"), &[]),
            0,
            "a whole reply is not a stream: {scrape:#?}"
        );
    }
    scrape
}

/// Forwards a streamed reply and asserts that it arrives unchanged and is recorded as one stream.
async fn forward_stream(path: &str, events: &[&str]) -> Scrape {
    let chunks: String = events.iter().map(|event| chunk(event)).collect();
    let (scrape, received) = exchange(path, format!("{STREAM_HEAD}{chunks}{END}")).await;
    assert_eq!(received, events.concat());
    let stream = [("endpoint", path), ("outcome", "complete")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &stream), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 1);
    // Keep-alive comments are not counted as part of the stream.
    let counted: usize =
        events.iter().filter(|event| **event != CHAT_COMMENT).map(|event| event.len()).sum();
    let bytes = i64::try_from(counted).expect("the length fits");
    assert_eq!(scrape.sum("app_stream_bytes_total", &[("endpoint", path)]), bytes);
    scrape
}

/// Asserts that one request with one call is recorded.
#[track_caller]
fn assert_call(scrape: &Scrape, path: &str, model: &str, finish: &str) {
    let request =
        [("method", "POST"), ("endpoint", path), ("status", "200"), ("outcome", "success")];
    assert_eq!(scrape.sum("app_http_requests_total", &request), 1, "{scrape:#?}");
    let call =
        [("endpoint", path), ("provider", "house"), ("model", model), ("finish_reason", finish)];
    assert_eq!(scrape.sum("app_llm_calls_total", &call), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{scrape:#?}");
    assert!(
        !scrape.all_values("model").contains("whatever"),
        "the model of the request must not become a label"
    );
}

#[track_caller]
fn assert_tokens(scrape: &Scrape, tokens: &[(&str, &str, i64)]) {
    for (token_type, detail, amount) in tokens {
        let labels = [("provider", "house"), ("token_type", token_type), ("detail", detail)];
        assert_eq!(scrape.sum("app_token_usage_total", &labels), *amount, "{scrape:#?}");
    }
    let total: i64 = tokens.iter().map(|(.., amount)| amount).sum();
    assert_eq!(scrape.sum("app_token_usage_total", &[]), total, "{scrape:#?}");
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0, "{scrape:#?}");
}

#[tokio::test]
async fn whole_chat_reply_is_recorded() {
    let scrape = forward_whole(CHAT, CHAT_REPLY).await;
    assert_call(&scrape, CHAT, "m-1", "stop");
    assert_tokens(&scrape, &CHAT_TOKENS);
}

#[tokio::test]
async fn streamed_chat_reply_is_recorded() {
    let events = [CHAT_OPENING, CHAT_COMMENT, CHAT_TOKEN, CHAT_TOKEN, CHAT_STOP, CHAT_USAGE, DONE];
    let scrape = forward_stream(CHAT, &events).await;
    assert_call(&scrape, CHAT, "m-1", "stop");
    assert_tokens(&scrape, &CHAT_TOKENS);
    for family in ["time_to_first_token_seconds", "time_per_output_token_seconds"] {
        let labels = [("endpoint", CHAT), ("model", "m-1")];
        assert_eq!(scrape.sum(&format!("app_{family}_count"), &labels), 1, "{family}");
    }
}

#[tokio::test]
async fn usage_missing_is_counted_for_a_streamed_chat_without_usage() {
    let scrape = forward_stream(CHAT, &[CHAT_OPENING, CHAT_TOKEN, CHAT_STOP, DONE]).await;
    assert_call(&scrape, CHAT, "m-1", "stop");
    assert_eq!(scrape.sum("app_token_usage_total", &[]), 0);
    let missing = [("endpoint", CHAT), ("model", "m-1"), ("reason", "not_sent")];
    assert_eq!(scrape.sum("app_usage_missing_total", &missing), 1);
}

#[tokio::test]
async fn streamed_tool_call_is_recorded() {
    let scrape =
        forward_stream(CHAT, &[CHAT_OPENING, CHAT_CALL, CHAT_CALLED, CHAT_USAGE, DONE]).await;
    assert_call(&scrape, CHAT, "m-1", "tool_calls");
    assert_tokens(&scrape, &CHAT_TOKENS);
    assert_eq!(scrape.sum("app_time_to_first_token_seconds_count", &[]), 1);
}

#[tokio::test]
async fn events_split_across_chunks_are_recorded() {
    let events = [CHAT_OPENING, CHAT_TOKEN, CHAT_STOP, CHAT_USAGE, DONE].concat();
    let pieces: Vec<&str> = events.split_inclusive(['"', ':', '\n']).collect();
    let scrape = forward_stream(CHAT, &pieces).await;
    assert_call(&scrape, CHAT, "m-1", "stop");
    assert_tokens(&scrape, &CHAT_TOKENS);
}

const RESPONSE: &str = "{\"id\":\"r\",\"object\":\"response\",\"status\":\"completed\",\"model\":\"m-1\",\"output\":\
    [{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"Hi\"}]}],\"usage\":{\"input_tokens\":10,\
    \"input_tokens_details\":{\"cached_tokens\":3},\"output_tokens\":6,\"output_tokens_details\":\
    {\"reasoning_tokens\":2},\"total_tokens\":16}}";

#[tokio::test]
async fn responses_api_replies_are_recorded() {
    let scrape = forward_whole(RESPONSES, RESPONSE).await;
    assert_call(&scrape, RESPONSES, "m-1", "stop");
    assert_tokens(&scrape, &CHAT_TOKENS);

    let delta = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}\n\n";
    let end = format!(
        "event: response.completed\ndata: {{\"type\":\"response.completed\",\"response\":{RESPONSE}}}\n\n"
    );
    let scrape = forward_stream(RESPONSES, &[delta, &end]).await;
    assert_call(&scrape, RESPONSES, "m-1", "stop");
    assert_tokens(&scrape, &CHAT_TOKENS);
}

#[tokio::test]
async fn completions_and_embeddings_are_recorded() {
    let completion = "{\"object\":\"text_completion\",\"model\":\"m-1\",\"choices\":[{\"text\":\"Hi\",\"index\":0,\
                      \"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\
                      \"total_tokens\":7}}";
    let scrape = forward_whole("/v1/completions", completion).await;
    assert_call(&scrape, "/v1/completions", "m-1", "length");
    assert_tokens(&scrape, &[("input", "unspecified", 3), ("output", "unspecified", 4)]);

    let embedding = "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":[0.1,0.2]}],\
                     \"model\":\"m-1\",\"usage\":{\"prompt_tokens\":8,\"total_tokens\":8}}";
    let scrape = forward_whole("/v1/embeddings", embedding).await;
    assert_call(&scrape, "/v1/embeddings", "m-1", "");
    assert_tokens(&scrape, &[("input", "unspecified", 8)]);
}

#[tokio::test]
async fn messages_api_replies_are_recorded() {
    let scrape = forward_whole(MESSAGES, MESSAGE_REPLY).await;
    assert_call(&scrape, MESSAGES, "m-2", "tool_calls");
    assert_tokens(&scrape, &MESSAGE_TOKENS);

    let scrape = forward_stream(MESSAGES, &[MESSAGE_START, MESSAGE_BLOCK, MESSAGE_END]).await;
    assert_call(&scrape, MESSAGES, "m-2", "tool_calls");
    assert_tokens(&scrape, &MESSAGE_TOKENS);
    assert_eq!(scrape.sum("app_time_to_first_token_seconds_count", &[("model", "m-2")]), 1);
}

/// A compressed reply is forwarded but not parsed.
#[tokio::test]
async fn compressed_reply_is_forwarded_and_not_parsed() {
    // Only the header says gzip: the body is plain JSON, so it would be parsed if the header were
    // ignored.
    let headers = format!("{JSON}content-encoding: gzip\r\n");
    let (scrape, received) = exchange(CHAT, fixed_reply("200 OK", &headers, CHAT_REPLY)).await;
    assert_eq!(received, CHAT_REPLY);
    assert_call(&scrape, CHAT, "", "");
    assert_eq!(scrape.sum("app_token_usage_total", &[]), 0);
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "unparsed")]), 1);
}
