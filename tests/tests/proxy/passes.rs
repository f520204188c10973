//! What passes a proxy as it is, in both directions and at once.

use std::net::SocketAddr;

use hyper::header::{HeaderName, HeaderValue};
use streamgauge_examples::llm_gateway::proxy::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{next, post, rest, send};
use crate::peer::{Gateway, Script, soon, whole};
use crate::samples::{
    CHAT, CHAT_OPENING, CHAT_REPLY, CHAT_TOKEN, DONE, END, JSON, QUESTION, STREAM_HEAD,
};

async fn proxy(script: &Script) -> Gateway {
    Gateway::proxy(Settings::new(script.url())).await
}

/// Sends bytes on a connection that is not ended.
async fn raw(to: SocketAddr, request: &str) -> TcpStream {
    let mut socket = TcpStream::connect(to).await.expect("the gateway listens");
    soon(socket.write_all(request.as_bytes())).await.expect("it takes the request");
    socket
}

async fn read_to_end(mut socket: TcpStream) -> String {
    let mut answer = String::new();
    soon(socket.read_to_string(&mut answer)).await.expect("it is text");
    answer
}

#[tokio::test]
async fn each_event_is_there_before_the_next_is_sent() {
    let script = Script::new().await;
    let proxy = proxy(&script).await;
    let upstream = async {
        let mut peer = script.accept().await;
        peer.request().await;
        peer.say(STREAM_HEAD).await;
        peer
    };
    let (mut peer, mut response) =
        tokio::join!(upstream, send(proxy.address, post(CHAT, QUESTION)));
    for event in [CHAT_OPENING, CHAT_TOKEN, CHAT_TOKEN, DONE] {
        peer.chunk(event).await;
        assert_eq!(next(&mut response).await.expect("it goes on").expect("it is whole"), event);
    }
    peer.say(END).await;
    assert!(next(&mut response).await.is_none());
    let scrape = proxy.at_rest(1).await;
    assert_eq!(scrape.sum("app_stream_chunks_total", &[]), 4);
}

#[tokio::test]
async fn a_request_is_passed_on_but_for_what_is_between_neighbours() {
    let script = Script::new().await;
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
    let mut peer = script.accept().await;
    let head = peer.head().await;
    assert_eq!(peer.until(b"[]}").await, QUESTION);
    peer.say(whole("200 OK", JSON, CHAT_REPLY)).await;
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
async fn a_reply_is_passed_on_but_for_what_is_between_neighbours() {
    let script = Script::new().await;
    let proxy = proxy(&script).await;
    let headers = "connection: close, x-mine\r\nx-mine: 1\r\nkeep-alive: timeout=5\r\n\
                   proxy-authenticate: Basic\r\ncontent-type: text/plain\r\nx-request-id: 7\r\n\
                   set-cookie: a=1\r\nset-cookie: b=2\r\n";
    let reply = whole("203 Somehow", headers, "text");
    let (_, response) =
        tokio::join!(script.answer(reply), send(proxy.address, post(CHAT, QUESTION)));
    assert_eq!(response.status(), 203);
    let mut names: Vec<&str> = response.headers().keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "content-type", "date", "set-cookie", "x-request-id"]);
    let cookies: Vec<&HeaderValue> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(rest(response).await, "text");
}

#[tokio::test]
async fn an_upload_arrives_as_it_is_sent() {
    let script = Script::new().await;
    let proxy = proxy(&script).await;
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: here\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let mut client = raw(proxy.address, &format!("{head}5\r\nfirst\r\n")).await;
    let mut peer = script.accept().await;
    let head = peer.head().await;
    assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
    assert_eq!(peer.until(b"first\r\n").await, "5\r\nfirst\r\n");
    client.write_all(b"6\r\nsecond\r\n").await.expect("it is taken");
    assert_eq!(peer.until(b"second\r\n").await, "6\r\nsecond\r\n");
    client.write_all(b"0\r\n\r\n").await.expect("it is taken");
    assert_eq!(peer.until(b"0\r\n\r\n").await, "0\r\n\r\n");
    peer.say(whole("200 OK", JSON, CHAT_REPLY)).await;
    assert!(read_to_end(client).await.ends_with(CHAT_REPLY));
}

#[tokio::test]
async fn an_upload_larger_than_the_demonstrations_is_taken() {
    let script = Script::new().await;
    let proxy = proxy(&script).await;
    let body: &'static str = "x".repeat(3_000_000).leak();
    let reply = whole("200 OK", JSON, CHAT_REPLY);
    let (head, response) =
        tokio::join!(script.answer(reply), send(proxy.address, post(CHAT, body)));
    assert!(head.contains("content-length: 3000000\r\n"), "{head}");
    assert_eq!(response.status(), 200);
    rest(response).await;
    assert_eq!(proxy.at_rest(1).await.sum("app_request_size_bytes_sum", &[]), 3_000_000);
}

#[tokio::test]
async fn a_redirect_is_the_clients_to_follow() {
    let script = Script::new().await;
    let proxy = proxy(&script).await;
    let reply = whole("303 See Other", "location: http://127.0.0.1:9/v1\r\n", "");
    let (_, response) =
        tokio::join!(script.answer(reply), send(proxy.address, post(CHAT, QUESTION)));
    assert_eq!(response.status(), 303);
    assert_eq!(response.headers()["location"], "http://127.0.0.1:9/v1");
}

#[tokio::test]
async fn the_list_of_models_is_no_call_of_one() {
    let script = Script::new().await;
    let proxy = proxy(&script).await;
    let list = "{\"object\":\"list\",\"data\":[]}";
    let request = "GET /v1/models HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n";
    let client = raw(proxy.address, request).await;
    let head = script.answer(whole("200 OK", JSON, list)).await;
    assert!(head.starts_with("GET /v1/models HTTP/1.1\r\n"), "{head}");
    assert!(!head.contains("content-length") && !head.contains("transfer-encoding"), "{head}");
    assert!(read_to_end(client).await.ends_with(list));
    let scrape = proxy.at_rest(1).await;
    assert_eq!(scrape.count("app_llm_calls_total", &[]), 0);
}

#[tokio::test]
async fn what_is_nobodys_is_answered_here() {
    let script = Script::new().await;
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
