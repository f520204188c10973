//! Malformed and hostile replies: invalid token counts, forged usage, very large replies. None of
//! them may cause a panic or a wrong sum.

use axum::body::{Body, Bytes};
use axum::routing::get as route_get;
use axum::{Json, Router};
use serde_json::{Value, json};
use streamgauge::{Metrics, TokenUsage, Usage, token_usage_context, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, settled};

#[track_tokens(protocol = "auto")]
fn proxy(reply: Bytes, chunks: usize) -> Body {
    let chunks = reply.chunks(reply.len() / chunks + 1).map(Bytes::copy_from_slice);
    let chunks: Vec<_> = chunks.map(Ok::<_, std::io::Error>).collect();
    Body::from_stream(futures_util::stream::iter(chunks))
}

async fn serve(metrics: &Metrics, reply: &Bytes, chunks: usize) {
    let sent = reply.clone();
    let handler = move || async move { proxy(sent, chunks) };
    let app = Router::new().route("/chat", route_get(handler)).layer(metrics.layer());
    assert_eq!(get(&app, "/chat").await.1, reply, "the reply passes unchanged");
}

async fn scrape_after(reply: &str) -> Scrape {
    let metrics = metrics();
    serve(&metrics, &Bytes::copy_from_slice(reply.as_bytes()), 3).await;
    settled(&metrics)
}

#[track_caller]
fn assert_tokens(scrape: &Scrape, tokens: i64, reply: &str) {
    assert_eq!(scrape.sum("app_token_usage_total", &[]), tokens, "{reply}");
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{reply}");
    let missing = i64::from(tokens == 0);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), missing, "{reply}");
}

/// Checks that one side of the usage was read, and that the call is counted as partly unread if
/// the other side was there.
#[track_caller]
fn assert_partly_read(scrape: &Scrape, tokens: i64, is_there: bool, reply: &str) {
    assert_eq!(scrape.sum("app_token_usage_total", &[]), tokens, "{reply}");
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{reply}");
    let partly = [("reason", "partly")];
    let missing = i64::from(is_there);
    assert_eq!(scrape.sum("app_usage_missing_total", &partly), missing, "{reply}");
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), missing, "{reply}");
}

#[tokio::test]
async fn token_count_of_another_type_is_ignored() {
    for value in ["-5", "\"12\"", "null", "[7]", "{\"n\":7}", "true", "12.5", "1e400", "-0.1"] {
        let reply = format!(
            "{{\"model\":\"m\",\"choices\":[],\"usage\":{{\"prompt_tokens\":{value},\
             \"completion_tokens\":4}}}}"
        );
        assert_partly_read(&scrape_after(&reply).await, 4, value != "null", &reply);
    }
}

#[tokio::test]
async fn token_count_beyond_u64_is_ignored() {
    for count in ["18446744073709551616", "99999999999999999999999999"] {
        let reply = format!(
            "{{\"choices\":[],\"usage\":{{\"prompt_tokens\":{count},\"completion_tokens\":4}}}}"
        );
        assert_partly_read(&scrape_after(&reply).await, 4, true, &reply);
    }
}

#[tokio::test]
async fn token_count_given_twice_is_counted_once() {
    // The larger value counts.
    let reply = "{\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"prompt_tokens\":9},\
                 \"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}";
    assert_tokens(&scrape_after(reply).await, 10, reply);
}

#[tokio::test]
async fn usage_forged_in_message_text_is_not_counted() {
    let usage = "{\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":1000}}";
    let text = usage.replace('"', "\\\"");
    let reply = format!(
        "{{\"choices\":[{{\"message\":{{\"content\":\"{text}\",\"extra\":{usage}}}}}],\
         \"metadata\":{usage},\"usage\":{{\"prompt_tokens\":3,\"completion_tokens\":4}}}}"
    );
    assert_tokens(&scrape_after(&reply).await, 7, &reply);
    let event = format!(
        "data: {{\"choices\":[{{\"delta\":{{\"content\":\"\\n\\ndata: {text}\"}}}}]}}\n\n\
         data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":3,\"completion_tokens\":4}}}}\n\n"
    );
    assert_tokens(&scrape_after(&event).await, 7, &event);
}

#[tokio::test]
async fn usage_forged_in_invalid_json_is_not_counted() {
    let usage = "{\"choices\":[],\"usage\":{\"prompt_tokens\":1000000,\"completion_tokens\":1}}";
    let reply = format!(
        "{{\"choices\":[{{\"message\":{{\"content\":\"Here:\n{usage}\n\"}}}}],\
         \"usage\":{{\"prompt_tokens\":3,\"completion_tokens\":4}}}}"
    );
    let event = format!("data: {}\n\n", reply.replace('\n', "\ndata: "));
    for malformed in [reply, event] {
        let scrape = scrape_after(&malformed).await;
        assert_tokens(&scrape, 0, &malformed);
        assert_eq!(
            scrape.sum("app_usage_missing_total", &[("reason", "unparsed")]),
            1,
            "{malformed}"
        );
    }
}

#[tokio::test]
async fn usage_missing_keeps_the_model_and_finish_reason_of_the_reply() {
    #[track_tokens]
    async fn ask(reply: Value) -> Json<Value> {
        Json(reply)
    }
    for (usage, reason) in
        [(json!({ "prompt_tokens": "12" }), "unparsed"), (json!(null), "not_sent")]
    {
        let reply = json!({
            "model": "gpt",
            "choices": [{ "finish_reason": "length" }],
            "usage": usage,
        });
        let metrics = metrics();
        let handler = move || ask(reply.clone());
        let app = Router::new().route("/chat", route_get(handler)).layer(metrics.layer());
        get(&app, "/chat").await;
        let scrape = settled(&metrics);
        let missing = [("model", "gpt"), ("reason", reason)];
        assert_eq!(scrape.sum("app_usage_missing_total", &missing), 1, "{scrape:#?}");
        assert_eq!(scrape.sum("app_usage_missing_total", &[]), 1);
        let call = [("model", "gpt"), ("finish_reason", "length")];
        assert_eq!(scrape.sum("app_llm_calls_total", &call), 1);
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1);
    }
}

#[tokio::test]
async fn usage_missing_keeps_the_model_of_a_derived_reply() {
    #[derive(TokenUsage)]
    struct Answer {
        #[token_usage(model)]
        model: &'static str,
        #[token_usage(nested)]
        usage: Option<Usage>,
    }
    #[track_tokens]
    async fn ask() -> Answer {
        Answer { model: "own", usage: None }
    }
    let metrics = metrics();
    let handler = || async {
        ask().await;
    };
    let app = Router::new().route("/chat", route_get(handler)).layer(metrics.layer());
    get(&app, "/chat").await;
    let missing = [("model", "own"), ("reason", "not_sent")];
    assert_eq!(settled(&metrics).sum("app_usage_missing_total", &missing), 1);
}

#[tokio::test]
async fn token_counters_do_not_wrap_on_huge_manual_usage() {
    let metrics = metrics();
    let handler = || async {
        for _ in 0..3 {
            token_usage_context::record(Usage::new(u64::MAX / 2, 1).reasoning(u64::MAX));
        }
    };
    let app = Router::new().route("/chat", route_get(handler)).layer(metrics.layer());
    get(&app, "/chat").await;
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_token_usage_total", &[("token_type", "input")]), 3 << 40);
    assert_eq!(scrape.sum("app_token_usage_total", &[("token_type", "output")]), 3);
}

#[tokio::test]
async fn reply_of_ten_megabytes_is_parsed_to_its_end() {
    let text = "All work and no play. ".repeat(500_000);
    let reply = format!(
        "{{\"model\":\"m\",\"choices\":[{{\"message\":{{\"content\":\"{text}\"}}}}],\
         \"usage\":{{\"prompt_tokens\":3,\"completion_tokens\":4}}}}"
    );
    assert!(reply.len() > 10_000_000);
    let metrics = metrics();
    serve(&metrics, &Bytes::from(reply), 1_000).await;
    assert_tokens(&settled(&metrics), 7, "ten megabytes");
}

#[tokio::test]
async fn overflow_bounds_the_models_named_by_replies() {
    let metrics = metrics();
    for number in 0..10_000 {
        let reply = format!(
            "{{\"model\":\"m-{number}\",\"choices\":[],\"usage\":{{\"prompt_tokens\":1}}}}"
        );
        serve(&metrics, &Bytes::from(reply), 1).await;
    }
    let scrape = settled(&metrics);
    assert_eq!(scrape.values("app_llm_calls_total", "model").len(), 101);
    assert_eq!(scrape.sum("app_token_usage_total", &[]), 10_000);
    let overflow = [("family", "app_llm_calls_total"), ("label", "model")];
    assert_eq!(scrape.sum("app_metrics_overflow_total", &overflow), 9_900);
}

/// A name that is longer than a label may be is `other`, as one from an attribute is.
#[tokio::test]
async fn overflow_of_a_long_model_name_becomes_other() {
    #[track_tokens]
    async fn ask(reply: Value) -> Json<Value> {
        Json(reply)
    }
    #[track_tokens(model = model)]
    async fn ask_model(model: String) -> Usage {
        drop(model);
        Usage::new(3, 4)
    }
    let letters = ["m", "\u{e4}", "\u{6a21}", "\u{1f600}", "\\"];
    for (letter, length) in letters.iter().flat_map(|letter| [(letter, 129), (letter, 500)]) {
        let model = letter.repeat(length);
        let reply = json!({
            "model": model,
            "choices": [{ "finish_reason": "stop", "message": { "content": "Hi" } }],
            "usage": { "prompt_tokens": 3, "completion_tokens": 4 },
        });
        let bytes = Bytes::from(reply.to_string());
        for chunks in [0, 1, 2, 50, bytes.len()] {
            let metrics = metrics();
            if chunks == 0 {
                let (reply, model) = (reply.clone(), model.clone());
                let handler = async move || {
                    drop(ask(reply).await);
                    ask_model(model).await;
                };
                let app = Router::new().route("/chat", route_get(handler));
                get(&app.layer(metrics.layer()), "/chat").await;
            } else {
                serve(&metrics, &bytes, chunks).await;
                serve(&metrics, &bytes, chunks).await;
            }
            let scrape = settled(&metrics);
            let other = [("model", "other")];
            let case = format!("{length} of {letter} in {chunks}: {scrape:#?}");
            assert_eq!(scrape.sum("app_llm_calls_total", &other), 2, "{case}");
            assert_eq!(scrape.sum("app_llm_calls_total", &[]), 2, "{case}");
            assert_eq!(scrape.sum("app_token_usage_total", &other), 14, "{case}");
            let overflow = [("family", "app_llm_calls_total"), ("label", "model")];
            assert_eq!(scrape.sum("app_metrics_overflow_total", &overflow), 2, "{case}");
        }
    }
}
