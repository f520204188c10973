//! Upstreams that fail, and what becomes of it.

use std::time::Duration;

use serde_json::{Value, json};
use streamgauge_examples::llm_gateway::proxy::Settings;
use streamgauge_test_support::Scrape;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{next, post, rest, send};
use crate::peer::{Gateway, Script, soon, whole};
use crate::samples::{
    CHAT, CHAT_OPENING, CHAT_REPLY, CHAT_TOKEN, JSON, MESSAGES, QUESTION, STREAM_HEAD,
};

/// One call that failed and has no usage, in a request that ended so.
#[track_caller]
fn assert_failed(scrape: &Scrape, path: &str, status: &str, outcome: &str) {
    let request = [("endpoint", path), ("status", status), ("outcome", outcome)];
    assert_eq!(scrape.sum("app_http_requests_total", &request), 1, "{scrape:#?}");
    let call = [("endpoint", path), ("provider", "house"), ("finish_reason", "error")];
    assert_eq!(scrape.sum("app_llm_calls_total", &call), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_llm_calls_total", &[("endpoint", path)]), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_token_usage_total", &[]), 0, "{scrape:#?}");
}

#[track_caller]
fn assert_exception(scrape: &Scrape, path: &str, status: &str, kind: &str) {
    let exception = [("endpoint", path), ("status", status), ("exception_type", kind)];
    assert_eq!(scrape.sum("app_exceptions_total", &exception), 1, "{scrape:#?}");
}

/// Asks in both APIs; each says it in its own words.
async fn assert_no_answer(
    settings: Settings,
    status: &str,
    message: &str,
    types: [&str; 2],
    kind: &str,
) {
    let proxy = Gateway::proxy(settings).await;
    let errors = [
        (
            CHAT,
            json!({"error": {"message": message, "type": types[0], "param": null, "code": null}}),
        ),
        (MESSAGES, json!({"type": "error", "error": {"type": types[1], "message": message}})),
    ];
    for (asked, (path, error)) in (1..).zip(errors) {
        let response = send(proxy.address, post(path, QUESTION)).await;
        assert_eq!(response.status().as_str(), status);
        let body: Value = serde_json::from_str(&rest(response).await).expect("it is JSON");
        assert_eq!(body, error);
        let scrape = proxy.at_rest(asked).await;
        assert_failed(&scrape, path, status, "server_error");
        assert_exception(&scrape, path, status, kind);
    }
}

#[tokio::test]
async fn an_upstream_that_is_not_there() {
    let script = Script::new().await;
    let settings = Settings::new(script.url());
    drop(script);
    let message = "the upstream cannot be reached";
    assert_no_answer(settings, "502", message, ["server_error", "api_error"], "Unreachable").await;
}

#[tokio::test]
async fn an_upstream_that_takes_too_long_to_be_connected_to() {
    // It takes the connection, and never says a word of TLS.
    let script = Script::new().await;
    let settings = Settings {
        connect_timeout: Duration::from_millis(20),
        ..Settings::new(script.url().replace("http:", "https:"))
    };
    let message = "the upstream took too long to answer";
    assert_no_answer(settings, "504", message, ["server_error", "timeout_error"], "TimedOut").await;
}

#[tokio::test]
async fn an_upstream_that_does_not_answer() {
    let script = Script::new().await;
    let settings =
        Settings { read_timeout: Duration::from_millis(20), ..Settings::new(script.url()) };
    let message = "the upstream took too long to answer";
    assert_no_answer(settings, "504", message, ["server_error", "timeout_error"], "TimedOut").await;
}

#[tokio::test]
async fn an_upstream_that_speaks_something_else() {
    let script = Script::new().await;
    let settings = Settings::new(script.url());
    tokio::spawn(async move {
        loop {
            script.answer("SSH-2.0-OpenSSH_9.2\r\n\r\n").await;
        }
    });
    let message = "the upstream broke off before it answered";
    assert_no_answer(settings, "502", message, ["server_error", "api_error"], "BrokenOff").await;
}

#[tokio::test]
async fn an_upload_that_is_no_http() {
    let script = Script::new().await;
    let proxy = Gateway::proxy(Settings::new(script.url())).await;
    let request = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: here\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
         5\r\nfirst\r\nnot a length\r\n"
    );
    let mut client = TcpStream::connect(proxy.address).await.expect("the gateway listens");
    client.write_all(request.as_bytes()).await.expect("it is taken");
    script.accept().await.left().await;
    let mut answer = String::new();
    soon(client.read_to_string(&mut answer)).await.expect("it is text");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("\"message\":\"the request's body broke off\""), "{answer}");
    let scrape = proxy.at_rest(1).await;
    assert_failed(&scrape, CHAT, "400", "client_error");
    assert_exception(&scrape, CHAT, "400", "Upload");
}

/// What an upstream says of errors is the client's to read, whole and with its headers.
#[tokio::test]
async fn an_error_of_the_upstreams_own() {
    for (status, outcome) in
        [("401", "client_error"), ("429", "client_error"), ("503", "server_error")]
    {
        let script = Script::new().await;
        let proxy = Gateway::proxy(Settings::new(script.url())).await;
        let body = "{\"error\":{\"message\":\"no\",\"type\":\"some_error\"},\"usage\":{\"prompt_tokens\":1}}";
        let reply = whole(&format!("{status} No"), &format!("{JSON}retry-after: 7\r\n"), body);
        let (_, response) =
            tokio::join!(script.answer(reply), send(proxy.address, post(CHAT, QUESTION)));
        assert_eq!(response.status().as_str(), status);
        assert_eq!(response.headers()["retry-after"], "7");
        assert_eq!(rest(response).await, body);
        let scrape = proxy.at_rest(1).await;
        assert_failed(&scrape, CHAT, status, outcome);
        assert_eq!(scrape.count("app_exceptions_total", &[]), 0, "it was no failure to answer");
        assert_eq!(scrape.count("app_stream_duration_seconds_count", &[]), 0);
    }
}

/// Begins a stream, and lets the upstream do something else than to end it.
async fn broken_off(settings: impl FnOnce(String) -> Settings, hang_up: bool) -> Scrape {
    let script = Script::new().await;
    let proxy = Gateway::proxy(settings(script.url())).await;
    let upstream = async {
        let mut peer = script.accept().await;
        peer.request().await;
        peer.say(STREAM_HEAD).await;
        peer.chunk(CHAT_OPENING).await;
        peer.chunk(CHAT_TOKEN).await;
        peer
    };
    let (peer, mut response) = tokio::join!(upstream, send(proxy.address, post(CHAT, QUESTION)));
    let _silent = (!hang_up).then_some(peer);
    let mut passed = String::new();
    while let Ok(data) = next(&mut response).await.expect("it does not end well") {
        passed += &data;
    }
    assert_eq!(passed, [CHAT_OPENING, CHAT_TOKEN].concat());
    proxy.at_rest(1).await
}

#[track_caller]
fn assert_broken(scrape: &Scrape) {
    assert_failed(scrape, CHAT, "200", "server_error");
    let stream = [("endpoint", CHAT), ("outcome", "stream_error")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &stream), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_stream_errors_total", &[("endpoint", CHAT)]), 1);
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "not_sent")]), 1);
}

#[tokio::test]
async fn an_upstream_that_breaks_off_within_a_stream() {
    assert_broken(&broken_off(Settings::new, true).await);
}

#[tokio::test]
async fn an_upstream_that_falls_silent_within_a_stream() {
    let hasty = |url| Settings { read_timeout: Duration::from_millis(50), ..Settings::new(url) };
    assert_broken(&broken_off(hasty, false).await);
}

#[tokio::test]
async fn an_upstream_that_breaks_off_within_a_plain_reply() {
    let script = Script::new().await;
    let proxy = Gateway::proxy(Settings::new(script.url())).await;
    let reply = whole("200 OK", JSON, CHAT_REPLY);
    let cut = &reply[..reply.len() - 20];
    let (_, mut response) =
        tokio::join!(script.answer(cut), send(proxy.address, post(CHAT, QUESTION)));
    while let Some(Ok(_)) = next(&mut response).await {}
    let scrape = proxy.at_rest(1).await;
    let request = [("endpoint", CHAT), ("status", "200"), ("outcome", "server_error")];
    assert_eq!(scrape.sum("app_http_requests_total", &request), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1);
}
