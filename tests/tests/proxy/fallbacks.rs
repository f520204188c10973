//! Fallbacks: a request goes to the next upstream if one fails, and each attempt is one call.

use std::time::Duration;

use streamgauge_examples::llm_gateway::proxy::Settings;
use streamgauge_test_support::Scrape;

use crate::client::{next_chunk, post, read_body, send};
use crate::samples::{
    CHAT, CHAT_OPENING, CHAT_REPLY, CHAT_STOP, CHAT_TOKEN, CHAT_TOKENS, CHAT_USAGE, DONE, END,
    JSON, MESSAGE_REPLY, MESSAGES, QUESTION, STREAM_HEAD,
};
use crate::scripted_upstream::{Gateway, ScriptedUpstream, chunk, fixed_reply};

const BUSY: &str = "{\"error\":{\"message\":\"later\",\"type\":\"rate_limit_error\"}}";

fn refusal(status: &str) -> String {
    fixed_reply(status, JSON, BUSY)
}

/// Asserts the calls of one request: the provider and error type of each.
#[track_caller]
pub(crate) fn assert_attempts(scrape: &Scrape, attempts: &[(&str, &str)]) {
    for (provider, error_type) in attempts {
        let like_this = attempts.iter().filter(|other| *other == &(*provider, *error_type));
        let expected = i64::try_from(like_this.count()).expect("the count fits");
        let call = [("provider", *provider), ("error_type", *error_type)];
        assert_eq!(scrape.sum("app_llm_calls_total", &call), expected, "{call:?} {scrape:#?}");
        let of_provider = attempts.iter().filter(|(other, _)| other == provider).count();
        assert_eq!(
            scrape.sum("app_llm_call_duration_seconds_count", &[("provider", provider)]),
            i64::try_from(of_provider).expect("the count fits")
        );
    }
    let calls = i64::try_from(attempts.len()).expect("the count fits");
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), calls, "{scrape:#?}");
    assert_eq!(scrape.sum("app_llm_calls_per_request_sum", &[]), calls, "{scrape:#?}");
    assert_eq!(scrape.sum("app_llm_calls_per_request_count", &[]), 1, "{scrape:#?}");
}

#[tokio::test]
async fn fallback_replies_after_an_error_status() {
    for (status, error_type) in [
        ("429 Too Many Requests", "rate_limited"),
        ("500 Internal Server Error", "server_error"),
        ("529 Overloaded", "overloaded"),
    ] {
        let [first, second] = [ScriptedUpstream::new().await, ScriptedUpstream::new().await];
        let fallback = Settings::new(second.url());
        let proxy = Gateway::proxy_with_fallbacks(Settings::new(first.url()), [fallback]).await;
        let upstreams = async {
            first.answer(refusal(status)).await;
            let mut connection = second.accept().await;
            assert!(connection.head().await.starts_with(&format!("POST {CHAT} HTTP/1.1")));
            assert_eq!(connection.until(b"}").await, QUESTION, "the body is sent again");
            connection.write(fixed_reply("200 OK", JSON, CHAT_REPLY)).await;
        };
        let ((), response) = tokio::join!(upstreams, send(proxy.address, post(CHAT, QUESTION)));
        assert_eq!(response.status(), 200);
        assert_eq!(read_body(response).await, CHAT_REPLY);
        let scrape = proxy.at_rest(1).await;
        assert_attempts(&scrape, &[("house", error_type), ("fallback-1", "")]);
        let of_chat = [("operation", "chat"), ("endpoint", CHAT)];
        assert_eq!(scrape.sum("app_llm_calls_total", &of_chat), 2, "{scrape:#?}");
        let tokens: i64 = CHAT_TOKENS.iter().map(|(.., amount)| amount).sum();
        let of_fallback = [("provider", "fallback-1"), ("model", "m-1")];
        assert_eq!(scrape.sum("app_token_usage_total", &of_fallback), tokens);
        assert_eq!(scrape.sum("app_token_usage_total", &[]), tokens);
        assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
    }
}

#[tokio::test]
async fn fallback_streams_after_an_unreachable_and_a_silent_upstream() {
    let [gone, silent, third] = [
        ScriptedUpstream::new().await,
        ScriptedUpstream::new().await,
        ScriptedUpstream::new().await,
    ];
    let short = Settings { read_timeout: Duration::from_millis(20), ..Settings::new(silent.url()) };
    let settings = Settings::new(gone.url());
    drop(gone);
    let fallbacks = [short, Settings::new(third.url())];
    let proxy = Gateway::proxy_with_fallbacks(settings, fallbacks).await;
    let events = [CHAT_OPENING, CHAT_TOKEN, CHAT_STOP, CHAT_USAGE, DONE];
    let chunks: String = events.iter().map(|event| chunk(event)).collect();
    let upstreams = async {
        silent.accept().await.closed().await;
        third.answer(format!("{STREAM_HEAD}{chunks}{END}")).await;
    };
    let ((), response) = tokio::join!(upstreams, send(proxy.address, post(CHAT, QUESTION)));
    assert_eq!(read_body(response).await, events.concat());
    let scrape = proxy.at_rest(1).await;
    let attempts = [("house", "connect"), ("fallback-1", "timeout"), ("fallback-2", "")];
    assert_attempts(&scrape, &attempts);
    let request = [("status", "200"), ("outcome", "success")];
    assert_eq!(scrape.sum("app_http_requests_total", &request), 1, "{scrape:#?}");
    let streams = [("outcome", "complete")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &streams), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}

#[tokio::test]
async fn last_upstream_decides_the_response_if_all_fail() {
    let [first, second] = [ScriptedUpstream::new().await, ScriptedUpstream::new().await];
    let fallback = Settings::new(second.url());
    let proxy = Gateway::proxy_with_fallbacks(Settings::new(first.url()), [fallback]).await;
    let upstreams = async {
        first.answer(refusal("503 Service Unavailable")).await;
        second.answer(refusal("429 Too Many Requests")).await;
    };
    let ((), response) = tokio::join!(upstreams, send(proxy.address, post(MESSAGES, QUESTION)));
    assert_eq!(response.status(), 429);
    assert_eq!(read_body(response).await, BUSY);
    let scrape = proxy.at_rest(1).await;
    assert_attempts(&scrape, &[("house", "overloaded"), ("fallback-1", "rate_limited")]);
    let request = [("endpoint", MESSAGES), ("status", "429"), ("outcome", "client_error")];
    assert_eq!(scrape.sum("app_http_requests_total", &request), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
    assert_eq!(scrape.count("app_stream_duration_seconds_count", &[]), 0);
}

#[tokio::test]
async fn fallback_is_not_asked_after_an_error_of_the_client() {
    let [first, second] = [ScriptedUpstream::new().await, ScriptedUpstream::new().await];
    let fallback = Settings::new(second.url());
    let proxy = Gateway::proxy_with_fallbacks(Settings::new(first.url()), [fallback]).await;
    let (_, response) = tokio::join!(
        first.answer(refusal("400 Bad Request")),
        send(proxy.address, post(CHAT, QUESTION))
    );
    assert_eq!(response.status(), 400);
    assert_attempts(&proxy.at_rest(1).await, &[("house", "invalid_request")]);
}

#[tokio::test]
async fn fallback_is_not_asked_once_a_stream_has_begun() {
    let [first, second] = [ScriptedUpstream::new().await, ScriptedUpstream::new().await];
    let fallback = Settings::new(second.url());
    let proxy = Gateway::proxy_with_fallbacks(Settings::new(first.url()), [fallback]).await;
    let begun = format!("{STREAM_HEAD}{}", chunk(CHAT_OPENING));
    let (_, mut response) =
        tokio::join!(first.answer(begun), send(proxy.address, post(CHAT, QUESTION)));
    while let Some(Ok(_)) = next_chunk(&mut response).await {}
    let scrape = proxy.at_rest(1).await;
    assert_attempts(&scrape, &[("house", "connect")]);
    let streams = [("outcome", "stream_error")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &streams), 1, "{scrape:#?}");
}

#[tokio::test]
async fn fallback_of_a_message_is_read_in_the_protocol_of_anthropic() {
    let [first, second] = [ScriptedUpstream::new().await, ScriptedUpstream::new().await];
    let fallback = Settings::new(second.url());
    let proxy = Gateway::proxy_with_fallbacks(Settings::new(first.url()), [fallback]).await;
    let upstreams = async {
        first.answer(refusal("429 Too Many Requests")).await;
        second.answer(fixed_reply("200 OK", JSON, MESSAGE_REPLY)).await;
    };
    let ((), response) = tokio::join!(upstreams, send(proxy.address, post(MESSAGES, QUESTION)));
    assert_eq!(read_body(response).await, MESSAGE_REPLY);
    let scrape = proxy.at_rest(1).await;
    assert_attempts(&scrape, &[("house", "rate_limited"), ("fallback-1", "")]);
    assert_eq!(scrape.sum("app_token_usage_total", &[("model", "m-2")]), 44, "{scrape:#?}");
}

#[tokio::test]
async fn client_disconnect_closes_the_connection_to_the_fallback() {
    let [first, second] = [ScriptedUpstream::new().await, ScriptedUpstream::new().await];
    let fallback = Settings::new(second.url());
    let proxy = Gateway::proxy_with_fallbacks(Settings::new(first.url()), [fallback]).await;
    let upstreams = async {
        first.answer(refusal("429 Too Many Requests")).await;
        let mut connection = second.accept().await;
        connection.request().await;
        connection
    };
    let mut connection = tokio::select! {
        connection = upstreams => connection,
        _ = send(proxy.address, post(CHAT, QUESTION)) => panic!("no upstream has replied"),
    };
    connection.closed().await;
    let scrape = proxy.at_rest(1).await;
    assert_attempts(&scrape, &[("house", "rate_limited"), ("fallback-1", "")]);
    let cancelled = [("provider", "fallback-1"), ("finish_reason", "cancelled")];
    assert_eq!(scrape.sum("app_llm_calls_total", &cancelled), 1, "{scrape:#?}");
}
