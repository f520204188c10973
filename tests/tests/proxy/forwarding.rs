//! The proxy forwards requests and responses unchanged and without delay.

use std::net::SocketAddr;

use hyper::header::{HeaderName, HeaderValue};
use streamgauge_examples::llm_gateway::proxy::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{next_chunk, post, read_body, send};
use crate::samples::{
    CHAT, CHAT_OPENING, CHAT_REPLY, CHAT_TOKEN, DONE, END, JSON, QUESTION, STREAM_HEAD,
};
use crate::scripted_upstream::{Gateway, ScriptedUpstream, fixed_reply, within_deadline};

async fn proxy(script: &ScriptedUpstream) -> Gateway {
    Gateway::proxy(Settings::new(script.url())).await
}

/// Sends raw bytes on a new connection, which stays open.
async fn raw(to: SocketAddr, request: &str) -> TcpStream {
    let mut socket = TcpStream::connect(to).await.expect("the gateway listens");
    within_deadline(socket.write_all(request.as_bytes()))
        .await
        .expect("the gateway accepts the request");
    socket
}

async fn read_to_end(mut socket: TcpStream) -> String {
    let mut answer = String::new();
    within_deadline(socket.read_to_string(&mut answer)).await.expect("the response is UTF-8");
    answer
}

#[tokio::test]
async fn events_are_forwarded_without_delay() {
    let script = ScriptedUpstream::new().await;
    let proxy = proxy(&script).await;
    let upstream = async {
        let mut connection = script.accept().await;
        connection.request().await;
        connection.write(STREAM_HEAD).await;
        connection
    };
    let (mut connection, mut response) =
        tokio::join!(upstream, send(proxy.address, post(CHAT, QUESTION)));
    for event in [CHAT_OPENING, CHAT_TOKEN, CHAT_TOKEN, DONE] {
        connection.chunk(event).await;
        assert_eq!(
            next_chunk(&mut response)
                .await
                .expect("the response continues")
                .expect("the chunk is intact"),
            event
        );
    }
    connection.write(END).await;
    assert!(next_chunk(&mut response).await.is_none());
    let scrape = proxy.at_rest(1).await;
    assert_eq!(scrape.sum("app_stream_chunks_total", &[]), 4);
}

#[tokio::test]
async fn request_is_forwarded_without_hop_by_hop_headers() {
    let script = ScriptedUpstream::new().await;
    let proxy = proxy(&script).await;
    let request = format!(
        "POST {CHAT}?beta=true HTTP/1.1\r\nhost: here\r\nconnection: close, x-mine\r\nx-mine: 1\r\n\
         keep-alive: timeout=5\r\nproxy-authorization: Basic eDp5\r\nte: trailers\r\n\
         accept-encoding: gzip\r\nauthorization: Bearer client\r\nx-api-key: client\r\naccept: text/*\r\n\
         user-agent: a test\r\nx-request-id: 7\r\nx-twice: 1\r\nx-twice: 2\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{QUESTION}",
        QUESTION.len()
    );
    let client = raw(proxy.address, &request).await;
    let mut connection = script.accept().await;
    let head = connection.head().await;
    assert_eq!(connection.until(b"[]}").await, QUESTION);
    connection.write(fixed_reply("200 OK", JSON, CHAT_REPLY)).await;
    assert!(read_to_end(client).await.ends_with(CHAT_REPLY));

    let mut lines: Vec<&str> = head.trim_end().lines().collect();
    assert_eq!(lines.remove(0), format!("POST {CHAT}?beta=true HTTP/1.1"));
    lines.sort_unstable();
    let length = format!("content-length: {}", QUESTION.len());
    let host = format!("host: {}", &script.url()["http://".len()..].trim_end_matches("/v1"));
    let expected = [
        "accept-encoding: identity",
        "accept: text/*",
        "authorization: Bearer client",
        &length,
        "content-type: application/json",
        &host,
        "user-agent: a test",
        "x-api-key: client",
        "x-request-id: 7",
        "x-twice: 1",
        "x-twice: 2",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn response_is_forwarded_without_hop_by_hop_headers() {
    let script = ScriptedUpstream::new().await;
    let proxy = proxy(&script).await;
    let headers = "connection: close, x-mine\r\nx-mine: 1\r\nkeep-alive: timeout=5\r\n\
                   proxy-authenticate: Basic\r\ncontent-type: text/plain\r\nx-request-id: 7\r\n\
                   set-cookie: a=1\r\nset-cookie: b=2\r\n";
    let reply = fixed_reply("203 Somehow", headers, "text");
    let (_, response) =
        tokio::join!(script.answer(reply), send(proxy.address, post(CHAT, QUESTION)));
    assert_eq!(response.status(), 203);
    let mut names: Vec<&str> = response.headers().keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "content-type", "date", "set-cookie", "x-request-id"]);
    let cookies: Vec<&HeaderValue> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(read_body(response).await, "text");
}

#[tokio::test]
async fn upload_is_forwarded_chunk_by_chunk() {
    let script = ScriptedUpstream::new().await;
    let proxy = proxy(&script).await;
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: here\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let mut client = raw(proxy.address, &format!("{head}5\r\nfirst\r\n")).await;
    let mut connection = script.accept().await;
    let head = connection.head().await;
    assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
    assert_eq!(connection.until(b"first\r\n").await, "5\r\nfirst\r\n");
    client.write_all(b"6\r\nsecond\r\n").await.expect("the gateway accepts the bytes");
    assert_eq!(connection.until(b"second\r\n").await, "6\r\nsecond\r\n");
    client.write_all(b"0\r\n\r\n").await.expect("the gateway accepts the bytes");
    assert_eq!(connection.until(b"0\r\n\r\n").await, "0\r\n\r\n");
    connection.write(fixed_reply("200 OK", JSON, CHAT_REPLY)).await;
    assert!(read_to_end(client).await.ends_with(CHAT_REPLY));
}

#[tokio::test]
async fn upload_limit_of_the_demonstration_does_not_apply() {
    let script = ScriptedUpstream::new().await;
    let proxy = proxy(&script).await;
    let body: &'static str = "x".repeat(3_000_000).leak();
    let reply = fixed_reply("200 OK", JSON, CHAT_REPLY);
    let (head, response) =
        tokio::join!(script.answer(reply), send(proxy.address, post(CHAT, body)));
    assert!(head.contains("content-length: 3000000\r\n"), "{head}");
    assert_eq!(response.status(), 200);
    read_body(response).await;
    assert_eq!(proxy.at_rest(1).await.sum("app_request_size_bytes_sum", &[]), 3_000_000);
}

#[tokio::test]
async fn redirect_is_forwarded_to_the_client() {
    let script = ScriptedUpstream::new().await;
    let proxy = proxy(&script).await;
    let reply = fixed_reply("303 See Other", "location: http://127.0.0.1:9/v1\r\n", "");
    let (_, response) =
        tokio::join!(script.answer(reply), send(proxy.address, post(CHAT, QUESTION)));
    assert_eq!(response.status(), 303);
    assert_eq!(response.headers()["location"], "http://127.0.0.1:9/v1");
}

#[tokio::test]
async fn models_request_is_not_recorded_as_a_call() {
    let script = ScriptedUpstream::new().await;
    let proxy = proxy(&script).await;
    let list = "{\"object\":\"list\",\"data\":[]}";
    let request = "GET /v1/models HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n";
    let client = raw(proxy.address, request).await;
    let head = script.answer(fixed_reply("200 OK", JSON, list)).await;
    assert!(head.starts_with("GET /v1/models HTTP/1.1\r\n"), "{head}");
    assert!(!head.contains("content-length") && !head.contains("transfer-encoding"), "{head}");
    assert!(read_to_end(client).await.ends_with(list));
    let scrape = proxy.at_rest(1).await;
    assert_eq!(scrape.count("app_llm_calls_total", &[]), 0);
}

#[tokio::test]
async fn unknown_routes_are_not_forwarded() {
    let script = ScriptedUpstream::new().await;
    let proxy = proxy(&script).await;
    for (request, status) in [
        (format!("GET {CHAT}"), "405"),
        ("DELETE /v1/messages".to_owned(), "405"),
        ("GET /v1/files".to_owned(), "404"),
        ("GET /health".to_owned(), "200"),
        ("GET /metrics".to_owned(), "200"),
    ] {
        let request = format!("{request} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n");
        let answer = read_to_end(raw(proxy.address, &request).await).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
    }
}
