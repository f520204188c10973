//! Upstream failures: the responses of the proxy and the recorded calls.

use std::time::Duration;

use serde_json::{Value, json};
use streamgauge_examples::llm_gateway::proxy::Settings;
use streamgauge_test_support::Scrape;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{next_chunk, post, read_body, send};
use crate::samples::{
    CHAT, CHAT_OPENING, CHAT_REPLY, CHAT_TOKEN, JSON, MESSAGES, QUESTION, STREAM_HEAD,
};
use crate::scripted_upstream::{Gateway, ScriptedUpstream, fixed_reply, within_deadline};

/// Asserts that one failed call without usage is recorded, in a request with this status and
/// outcome.
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

/// Sends a request to both APIs and asserts the error response, which each API formats differently.
async fn assert_error_responses(
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
    for (requests, (path, error)) in (1..).zip(errors) {
        let response = send(proxy.address, post(path, QUESTION)).await;
        assert_eq!(response.status().as_str(), status);
        let body: Value =
            serde_json::from_str(&read_body(response).await).expect("the body is JSON");
        assert_eq!(body, error);
        let scrape = proxy.at_rest(requests).await;
        assert_failed(&scrape, path, status, "server_error");
        assert_exception(&scrape, path, status, kind);
    }
}

#[tokio::test]
async fn unreachable_upstream_is_answered_with_502() {
    let script = ScriptedUpstream::new().await;
    let settings = Settings::new(script.url());
    drop(script);
    let message = "the upstream cannot be reached";
    assert_error_responses(settings, "502", message, ["server_error", "api_error"], "Unreachable")
        .await;
}

#[tokio::test]
async fn connect_timeout_is_answered_with_504() {
    // The upstream accepts the connection but never starts the TLS handshake.
    let script = ScriptedUpstream::new().await;
    let settings = Settings {
        connect_timeout: Duration::from_millis(20),
        ..Settings::new(script.url().replace("http:", "https:"))
    };
    let message = "the upstream took too long to answer";
    assert_error_responses(settings, "504", message, ["server_error", "timeout_error"], "TimedOut")
        .await;
}

#[tokio::test]
async fn read_timeout_is_answered_with_504() {
    let script = ScriptedUpstream::new().await;
    let settings =
        Settings { read_timeout: Duration::from_millis(20), ..Settings::new(script.url()) };
    let message = "the upstream took too long to answer";
    assert_error_responses(settings, "504", message, ["server_error", "timeout_error"], "TimedOut")
        .await;
}

#[tokio::test]
async fn upstream_that_does_not_speak_http_is_answered_with_502() {
    let script = ScriptedUpstream::new().await;
    let settings = Settings::new(script.url());
    tokio::spawn(async move {
        loop {
            script.answer("SSH-2.0-OpenSSH_9.2\r\n\r\n").await;
        }
    });
    let message = "the upstream broke off before it answered";
    assert_error_responses(settings, "502", message, ["server_error", "api_error"], "BrokenOff")
        .await;
}

/// A switch of protocols that no client has asked for, and a status without a meaning.
#[tokio::test]
async fn upstream_status_that_cannot_be_forwarded_is_answered_with_502() {
    for reply in [
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\nbytes",
        "HTTP/1.1 600 Unassigned\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 999 Unassigned\r\ncontent-length: 2\r\n\r\n{}",
    ] {
        let script = ScriptedUpstream::new().await;
        let settings = Settings::new(script.url());
        tokio::spawn(async move {
            loop {
                script.answer(reply).await;
            }
        });
        let message = "the upstream answered with a status that cannot be forwarded";
        let types = ["server_error", "api_error"];
        assert_error_responses(settings, "502", message, types, "InvalidStatus").await;
    }
}

/// Early hints precede the reply and are not it.
#[tokio::test]
async fn upstream_informational_response_is_not_forwarded() {
    let script = ScriptedUpstream::new().await;
    let proxy = Gateway::proxy(Settings::new(script.url())).await;
    let hints = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    let reply = format!("{hints}{}", fixed_reply("200 OK", JSON, CHAT_REPLY));
    let (_, response) =
        tokio::join!(script.answer(reply), send(proxy.address, post(CHAT, QUESTION)));
    assert_eq!(response.status(), 200);
    assert_eq!(read_body(response).await, CHAT_REPLY);
    let scrape = proxy.at_rest(1).await;
    assert_eq!(scrape.sum("app_llm_calls_total", &[("finish_reason", "stop")]), 1);
}

#[tokio::test]
async fn malformed_upload_is_answered_with_400() {
    let script = ScriptedUpstream::new().await;
    let proxy = Gateway::proxy(Settings::new(script.url())).await;
    let request = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: here\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
         5\r\nfirst\r\nnot a length\r\n"
    );
    let mut client = TcpStream::connect(proxy.address).await.expect("the gateway listens");
    client.write_all(request.as_bytes()).await.expect("the gateway accepts the bytes");
    script.accept().await.closed().await;
    let mut answer = String::new();
    within_deadline(client.read_to_string(&mut answer)).await.expect("the response is UTF-8");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("\"message\":\"the request's body broke off\""), "{answer}");
    let scrape = proxy.at_rest(1).await;
    assert_failed(&scrape, CHAT, "400", "client_error");
    assert_exception(&scrape, CHAT, "400", "Upload");
}

/// An error response of the upstream is forwarded unchanged, with its headers.
#[tokio::test]
async fn error_response_of_the_upstream_is_forwarded() {
    for (status, outcome) in
        [("401", "client_error"), ("429", "client_error"), ("503", "server_error")]
    {
        let script = ScriptedUpstream::new().await;
        let proxy = Gateway::proxy(Settings::new(script.url())).await;
        let body = "{\"error\":{\"message\":\"no\",\"type\":\"some_error\"},\"usage\":{\"prompt_tokens\":1}}";
        let reply =
            fixed_reply(&format!("{status} No"), &format!("{JSON}retry-after: 7\r\n"), body);
        let (_, response) =
            tokio::join!(script.answer(reply), send(proxy.address, post(CHAT, QUESTION)));
        assert_eq!(response.status().as_str(), status);
        assert_eq!(response.headers()["retry-after"], "7");
        assert_eq!(read_body(response).await, body);
        let scrape = proxy.at_rest(1).await;
        assert_failed(&scrape, CHAT, status, outcome);
        assert_eq!(
            scrape.count("app_exceptions_total", &[]),
            0,
            "an error response is not an exception"
        );
        assert_eq!(scrape.count("app_stream_duration_seconds_count", &[]), 0);
    }
}

/// Starts a stream that the upstream does not end: it disconnects (`hang_up`) or stays silent.
async fn interrupted_stream(settings: impl FnOnce(String) -> Settings, hang_up: bool) -> Scrape {
    let script = ScriptedUpstream::new().await;
    let proxy = Gateway::proxy(settings(script.url())).await;
    let upstream = async {
        let mut connection = script.accept().await;
        connection.request().await;
        connection.write(STREAM_HEAD).await;
        connection.chunk(CHAT_OPENING).await;
        connection.chunk(CHAT_TOKEN).await;
        connection
    };
    let (connection, mut response) =
        tokio::join!(upstream, send(proxy.address, post(CHAT, QUESTION)));
    let _open_connection = (!hang_up).then_some(connection);
    let mut received = String::new();
    while let Ok(data) = next_chunk(&mut response).await.expect("the stream ends with an error") {
        received += &data;
    }
    assert_eq!(received, [CHAT_OPENING, CHAT_TOKEN].concat());
    proxy.at_rest(1).await
}

#[track_caller]
fn assert_stream_error(scrape: &Scrape, error_type: &str) {
    assert_failed(scrape, CHAT, "200", "server_error");
    let stream = [("endpoint", CHAT), ("outcome", "stream_error")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &stream), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_stream_errors_total", &[("endpoint", CHAT)]), 1);
    assert_eq!(scrape.sum("app_llm_calls_total", &[("error_type", error_type)]), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0, "a failed call misses no usage");
}

#[tokio::test]
async fn upstream_disconnect_within_a_stream_is_a_stream_error() {
    assert_stream_error(&interrupted_stream(Settings::new, true).await, "connect");
}

#[tokio::test]
async fn read_timeout_within_a_stream_is_a_stream_error() {
    let short_timeout =
        |url| Settings { read_timeout: Duration::from_millis(50), ..Settings::new(url) };
    assert_stream_error(&interrupted_stream(short_timeout, false).await, "timeout");
}

#[tokio::test]
async fn upstream_disconnect_within_a_whole_reply_is_a_server_error() {
    let script = ScriptedUpstream::new().await;
    let proxy = Gateway::proxy(Settings::new(script.url())).await;
    let reply = fixed_reply("200 OK", JSON, CHAT_REPLY);
    let cut = &reply[..reply.len() - 20];
    let (_, mut response) =
        tokio::join!(script.answer(cut), send(proxy.address, post(CHAT, QUESTION)));
    while let Some(Ok(_)) = next_chunk(&mut response).await {}
    let scrape = proxy.at_rest(1).await;
    let request = [("endpoint", CHAT), ("status", "200"), ("outcome", "server_error")];
    assert_eq!(scrape.sum("app_http_requests_total", &request), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1);
}
