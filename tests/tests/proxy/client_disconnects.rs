//! Client disconnects: the proxy closes the upstream connection immediately and records one call.

use std::io::ErrorKind;

use streamgauge_examples::llm_gateway::proxy::Settings;
use streamgauge_test_support::Scrape;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::client::{next_chunk, post, send};
use crate::samples::{
    CHAT, CHAT_OPENING, CHAT_TOKEN, JSON, MESSAGE_BLOCK, MESSAGE_START, MESSAGES, QUESTION,
    STREAM_HEAD,
};
use crate::scripted_upstream::{Gateway, ScriptedUpstream};

#[track_caller]
fn assert_cancelled_call(scrape: &Scrape, path: &str, model: &str, status: &str) {
    let request = [("endpoint", path), ("status", status), ("outcome", "cancelled")];
    assert_eq!(scrape.sum("app_http_requests_total", &request), 1, "{scrape:#?}");
    let call = [
        ("endpoint", path),
        ("provider", "house"),
        ("model", model),
        ("finish_reason", "cancelled"),
    ];
    assert_eq!(scrape.sum("app_llm_calls_total", &call), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{scrape:#?}");
}

/// Disconnects from a stream after these events have arrived.
async fn disconnect_after(path: &str, events: &[&str]) -> Scrape {
    let script = ScriptedUpstream::new().await;
    let proxy = Gateway::proxy(Settings::new(script.url())).await;
    let upstream = async {
        let mut connection = script.accept().await;
        connection.request().await;
        connection.write(STREAM_HEAD).await;
        for event in events {
            connection.chunk(event).await;
        }
        connection
    };
    let (mut connection, mut response) =
        tokio::join!(upstream, send(proxy.address, post(path, QUESTION)));
    let mut received = String::new();
    while received != events.concat() {
        received += &next_chunk(&mut response)
            .await
            .expect("the response continues")
            .expect("the chunk is intact");
    }
    drop(response);
    connection.closed().await;
    let scrape = proxy.at_rest(1).await;
    let stream = [("endpoint", path), ("outcome", "client_disconnect")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &stream), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_stream_errors_total", &[]), 0);
    scrape
}

#[tokio::test]
async fn client_disconnect_before_usage_counts_usage_missing() {
    let scrape = disconnect_after(CHAT, &[CHAT_OPENING, CHAT_TOKEN]).await;
    assert_cancelled_call(&scrape, CHAT, "m-1", "200");
    assert_eq!(scrape.sum("app_token_usage_total", &[]), 0);
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "disconnected")]), 1);
}

#[tokio::test]
async fn client_disconnect_after_first_usage_keeps_that_usage() {
    let scrape = disconnect_after(MESSAGES, &[MESSAGE_START, MESSAGE_BLOCK]).await;
    assert_cancelled_call(&scrape, MESSAGES, "m-2", "200");
    assert_eq!(scrape.sum("app_token_usage_total", &[("token_type", "input")]), 35);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}

#[tokio::test]
async fn client_disconnect_within_a_whole_reply_is_recorded() {
    let script = ScriptedUpstream::new().await;
    let proxy = Gateway::proxy(Settings::new(script.url())).await;
    let upstream = async {
        let mut connection = script.accept().await;
        connection.request().await;
        connection.write(format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 1000\r\n\r\n{{")).await;
        connection
    };
    let (mut connection, mut response) =
        tokio::join!(upstream, send(proxy.address, post(CHAT, QUESTION)));
    next_chunk(&mut response).await.expect("the response continues").expect("the chunk is intact");
    drop(response);
    connection.closed().await;
    let scrape = proxy.at_rest(1).await;
    assert_cancelled_call(&scrape, CHAT, "", "200");
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "disconnected")]), 1);
}

#[tokio::test]
async fn client_disconnect_before_the_response_is_recorded() {
    for path in [CHAT, MESSAGES] {
        let script = ScriptedUpstream::new().await;
        let proxy = Gateway::proxy(Settings::new(script.url())).await;
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: here\r\ncontent-length: {}\r\n\r\n{QUESTION}",
            QUESTION.len()
        );
        let mut client = TcpStream::connect(proxy.address).await.expect("the gateway listens");
        client.write_all(request.as_bytes()).await.expect("the gateway accepts the bytes");
        let mut connection = script.accept().await;
        connection.request().await;
        drop(client);
        connection.closed().await;
        let scrape = proxy.at_rest(1).await;
        assert_cancelled_call(&scrape, path, "", "499");
        assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "disconnected")]), 1);
    }
}

#[tokio::test]
async fn client_disconnect_within_the_upload_is_recorded() {
    let script = ScriptedUpstream::new().await;
    let proxy = Gateway::proxy(Settings::new(script.url())).await;
    let request = format!("POST {CHAT} HTTP/1.1\r\nhost: here\r\ncontent-length: 100\r\n\r\n{{");
    let mut client = TcpStream::connect(proxy.address).await.expect("the gateway listens");
    client.write_all(request.as_bytes()).await.expect("the gateway accepts the bytes");
    let mut connection = script.accept().await;
    connection.until(b"\r\n\r\n{").await;
    match client.shutdown().await {
        Err(error) if error.kind() != ErrorKind::NotConnected => panic!("{error}"),
        _ => drop(client),
    }
    connection.closed().await;
    let scrape = proxy.at_rest(1).await;
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{scrape:#?}");
}
