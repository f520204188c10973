//! Replies with numbers that are none, and whatever else comes from outside: no panic, no wrong sum.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get as route_get;
use streamgauge::{Metrics, track_tokens};
use streamgauge_tests::Scrape;

use crate::client::{get, metrics, settled};

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
