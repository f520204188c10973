//! Clients that leave: the upstream is left at once, and one call is counted.

use std::io::ErrorKind;

use streamgauge_examples::llm_gateway::proxy::Settings;
use streamgauge_test_support::Scrape;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::client::{next, post, send};
use crate::peer::{Gateway, Script};
use crate::samples::{
    CHAT, CHAT_OPENING, CHAT_TOKEN, JSON, MESSAGE_BLOCK, MESSAGE_START, MESSAGES, QUESTION,
    STREAM_HEAD,
};

#[track_caller]
fn assert_left(scrape: &Scrape, path: &str, model: &str, status: &str) {
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

/// Leaves after these events have come.
async fn within(path: &str, events: &[&str]) -> Scrape {
    let script = Script::new().await;
    let proxy = Gateway::proxy(Settings::new(script.url())).await;
    let upstream = async {
        let mut peer = script.accept().await;
        peer.request().await;
        peer.say(STREAM_HEAD).await;
        for event in events {
            peer.chunk(event).await;
        }
        peer
    };
    let (mut peer, mut response) =
        tokio::join!(upstream, send(proxy.address, post(path, QUESTION)));
    let mut passed = String::new();
    while passed != events.concat() {
        passed += &next(&mut response).await.expect("it goes on").expect("it is whole");
    }
    drop(response);
    peer.left().await;
    let scrape = proxy.at_rest(1).await;
    let stream = [("endpoint", path), ("outcome", "client_disconnect")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &stream), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_stream_errors_total", &[]), 0);
    scrape
}

#[tokio::test]
async fn within_a_stream_that_has_not_told_its_usage() {
    let scrape = within(CHAT, &[CHAT_OPENING, CHAT_TOKEN]).await;
    assert_left(&scrape, CHAT, "m-1", "200");
    assert_eq!(scrape.sum("app_token_usage_total", &[]), 0);
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "disconnected")]), 1);
}

#[tokio::test]
async fn within_a_stream_that_has_told_some() {
    let scrape = within(MESSAGES, &[MESSAGE_START, MESSAGE_BLOCK]).await;
    assert_left(&scrape, MESSAGES, "m-2", "200");
    assert_eq!(scrape.sum("app_token_usage_total", &[("token_type", "input")]), 35);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}

#[tokio::test]
async fn within_a_plain_reply() {
    let script = Script::new().await;
    let proxy = Gateway::proxy(Settings::new(script.url())).await;
    let upstream = async {
        let mut peer = script.accept().await;
        peer.request().await;
        peer.say(format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 1000\r\n\r\n{{")).await;
        peer
    };
    let (mut peer, mut response) =
        tokio::join!(upstream, send(proxy.address, post(CHAT, QUESTION)));
    next(&mut response).await.expect("it goes on").expect("it is whole");
    drop(response);
    peer.left().await;
    let scrape = proxy.at_rest(1).await;
    assert_left(&scrape, CHAT, "", "200");
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "disconnected")]), 1);
}

#[tokio::test]
async fn before_there_is_an_answer() {
    for path in [CHAT, MESSAGES] {
        let script = Script::new().await;
        let proxy = Gateway::proxy(Settings::new(script.url())).await;
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: here\r\ncontent-length: {}\r\n\r\n{QUESTION}",
            QUESTION.len()
        );
        let mut client = TcpStream::connect(proxy.address).await.expect("the gateway listens");
        client.write_all(request.as_bytes()).await.expect("it is taken");
        let mut peer = script.accept().await;
        peer.request().await;
        drop(client);
        peer.left().await;
        let scrape = proxy.at_rest(1).await;
        assert_left(&scrape, path, "", "499");
        assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "disconnected")]), 1);
    }
}

#[tokio::test]
async fn within_its_own_upload() {
    let script = Script::new().await;
    let proxy = Gateway::proxy(Settings::new(script.url())).await;
    let request = format!("POST {CHAT} HTTP/1.1\r\nhost: here\r\ncontent-length: 100\r\n\r\n{{");
    let mut client = TcpStream::connect(proxy.address).await.expect("the gateway listens");
    client.write_all(request.as_bytes()).await.expect("it is taken");
    let mut peer = script.accept().await;
    peer.until(b"\r\n\r\n{").await;
    match client.shutdown().await {
        Err(error) if error.kind() != ErrorKind::NotConnected => panic!("{error}"),
        _ => drop(client),
    }
    peer.left().await;
    let scrape = proxy.at_rest(1).await;
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{scrape:#?}");
}
