//! Replies with numbers that are none, and whatever else comes from outside: no panic, no wrong sum.

use axum::body::{Body, Bytes};
use axum::routing::get as route_get;
use axum::{Json, Router};
use serde_json::{Value, json};
use streamgauge::{Metrics, TokenUsage, Usage, token_usage_context, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, settled};

#[track_tokens(protocol = "auto")]
fn passed_on(reply: Bytes, pieces: usize) -> Body {
    let pieces = reply.chunks(reply.len() / pieces + 1).map(Bytes::copy_from_slice);
    let pieces: Vec<_> = pieces.map(Ok::<_, std::io::Error>).collect();
    Body::from_stream(futures_util::stream::iter(pieces))
}

async fn passed(metrics: &Metrics, reply: &Bytes, pieces: usize) {
    let sent = reply.clone();
    let handler = move || async move { passed_on(sent, pieces) };
    let app = Router::new().route("/chat", route_get(handler)).layer(metrics.layer());
    assert_eq!(get(&app, "/chat").await.1, reply, "no byte is changed");
}

async fn after(reply: &str) -> Scrape {
    let metrics = metrics();
    passed(&metrics, &Bytes::copy_from_slice(reply.as_bytes()), 3).await;
    settled(&metrics)
}

#[track_caller]
fn assert_tokens(scrape: &Scrape, tokens: i64, reply: &str) {
    assert_eq!(scrape.sum("app_token_usage_total", &[]), tokens, "{reply}");
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{reply}");
    let missing = i64::from(tokens == 0);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), missing, "{reply}");
}

#[tokio::test]
async fn a_count_that_is_none_is_not_known() {
    for odd in ["-5", "\"12\"", "null", "[7]", "{\"n\":7}", "true", "12.5", "1e400", "-0.1"] {
        let reply = format!(
            "{{\"model\":\"m\",\"choices\":[],\"usage\":{{\"prompt_tokens\":{odd},\
             \"completion_tokens\":4}}}}"
        );
        assert_tokens(&after(&reply).await, 4, &reply);
    }
}

#[tokio::test]
async fn a_count_beyond_all_reason_is_not_known() {
    for huge in ["18446744073709551616", "99999999999999999999999999"] {
        let reply = format!(
            "{{\"choices\":[],\"usage\":{{\"prompt_tokens\":{huge},\"completion_tokens\":4}}}}"
        );
        assert_tokens(&after(&reply).await, 4, &reply);
    }
}

#[tokio::test]
async fn a_count_that_comes_twice_counts_once() {
    let reply = "{\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"prompt_tokens\":9},\
                 \"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}";
    assert_tokens(&after(reply).await, 10, reply);
}

#[tokio::test]
async fn usage_that_a_user_or_a_model_has_written_is_not_counted() {
    let fake = "{\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":1000}}";
    let text = fake.replace('"', "\\\"");
    let reply = format!(
        "{{\"choices\":[{{\"message\":{{\"content\":\"{text}\",\"extra\":{fake}}}}}],\
         \"metadata\":{fake},\"usage\":{{\"prompt_tokens\":3,\"completion_tokens\":4}}}}"
    );
    assert_tokens(&after(&reply).await, 7, &reply);
    let event = format!(
        "data: {{\"choices\":[{{\"delta\":{{\"content\":\"\\n\\ndata: {text}\"}}}}]}}\n\n\
         data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":3,\"completion_tokens\":4}}}}\n\n"
    );
    assert_tokens(&after(&event).await, 7, &event);
}

#[tokio::test]
async fn usage_within_a_text_that_breaks_its_json_is_not_counted() {
    let forged = "{\"choices\":[],\"usage\":{\"prompt_tokens\":1000000,\"completion_tokens\":1}}";
    let reply = format!(
        "{{\"choices\":[{{\"message\":{{\"content\":\"Here:\n{forged}\n\"}}}}],\
         \"usage\":{{\"prompt_tokens\":3,\"completion_tokens\":4}}}}"
    );
    let event = format!("data: {}\n\n", reply.replace('\n', "\ndata: "));
    for broken in [reply, event] {
        let scrape = after(&broken).await;
        assert_tokens(&scrape, 0, &broken);
        assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "unparsed")]), 1, "{broken}");
    }
}

#[tokio::test]
async fn a_parsed_reply_whose_usage_cannot_be_read_keeps_its_model_and_says_so() {
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
async fn a_reply_that_names_its_model_names_it_without_usage_too() {
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
async fn counts_recorded_by_hand_do_not_wrap_a_counter_around() {
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
async fn a_reply_of_ten_megabytes_is_read_to_its_end() {
    let text = "All work and no play. ".repeat(500_000);
    let reply = format!(
        "{{\"model\":\"m\",\"choices\":[{{\"message\":{{\"content\":\"{text}\"}}}}],\
         \"usage\":{{\"prompt_tokens\":3,\"completion_tokens\":4}}}}"
    );
    assert!(reply.len() > 10_000_000);
    let metrics = metrics();
    passed(&metrics, &Bytes::from(reply), 1_000).await;
    assert_tokens(&settled(&metrics), 7, "ten megabytes");
}

#[tokio::test]
async fn models_that_replies_make_up_stay_bounded() {
    let metrics = metrics();
    for number in 0..10_000 {
        let reply = format!(
            "{{\"model\":\"m-{number}\",\"choices\":[],\"usage\":{{\"prompt_tokens\":1}}}}"
        );
        passed(&metrics, &Bytes::from(reply), 1).await;
    }
    let scrape = settled(&metrics);
    assert_eq!(scrape.values("app_llm_calls_total", "model").len(), 101);
    assert_eq!(scrape.sum("app_token_usage_total", &[]), 10_000);
    let overflow = [("family", "app_llm_calls_total"), ("label", "model")];
    assert_eq!(scrape.sum("app_metrics_overflow_total", &overflow), 9_900);
}
