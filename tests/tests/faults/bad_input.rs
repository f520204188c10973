//! Invalid and unusual input adds no label values, breaks no page, and gets the same response as
//! without the layer.

use std::collections::BTreeSet;

use streamgauge::{Metrics, RequestLabel};
use streamgauge_test_support::Scrape;
use streamgauge_tests::fault_server;

use crate::server::{Client, Server, get, serve};

/// A server with the layer and one without, to compare their responses.
struct ServerPair {
    server: Server,
    bare: std::net::SocketAddr,
}

impl ServerPair {
    async fn start() -> Self {
        Self { server: Server::start().await, bare: serve(fault_server::bare()).await }
    }

    /// Sends a request to both servers, compares the responses and returns their status line.
    async fn send(&self, request: &[u8]) -> String {
        let mut answers = Vec::new();
        for address in [self.server.address, self.bare] {
            let mut client = Client::send(address, b"").await;
            // A server that refuses a request head may close before all of the head is written.
            client.try_write(request).await;
            let answer = client.rest().await;
            let lines = answer.split("\r\n").filter(|line| !line.starts_with("date: "));
            answers.push(lines.collect::<Vec<_>>().join("\r\n"));
        }
        assert_eq!(answers[0], answers[1], "{:?}", String::from_utf8_lossy(request));
        answers[0].split("\r\n").next().unwrap_or_default().to_owned()
    }

    fn scrape(&self) -> Scrape {
        Scrape::of(&self.server.metrics)
    }
}

fn request(method: &str, path: &str, headers: &[u8]) -> Vec<u8> {
    let start = format!("{method} {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n");
    [start.as_bytes(), headers, b"\r\n"].concat()
}

#[tokio::test]
async fn unmatched_paths_share_one_series_per_family() {
    let server = Server::start().await;
    let all: String = (0..2_000)
        .map(|number| format!("GET /nope/{number}/%22%0A{number} HTTP/1.1\r\nhost: here\r\n\r\n"))
        .chain([get("/nope/last", "connection: close\r\n")])
        .collect();
    let first = server.get("/nope").await;
    assert!(first.starts_with("HTTP/1.1 404 "), "{first}");
    let before = server.at_rest(1).await.series();
    server.send(&all).await.rest().await;
    let scrape = server.at_rest(2_002).await;
    assert_eq!(scrape.series(), before);
    assert_eq!(scrape.sum("app_http_requests_total", &[("endpoint", "unmatched")]), 2_002);
}

#[tokio::test]
async fn unknown_methods_share_one_series_per_family() {
    let server = Server::start().await;
    let all: String = (0..200)
        .map(|number| format!("BREW{number} /items/1 HTTP/1.1\r\nhost: here\r\n\r\n"))
        .chain(["LAST /items/1 HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n".to_owned()])
        .collect();
    server.send(&all).await.rest().await;
    let scrape = server.at_rest(201).await;
    let labels = [("method", "_OTHER"), ("endpoint", "/items/{id}"), ("status", "405")];
    assert_eq!(scrape.sum("app_http_requests_total", &labels), 201);
    assert_eq!(scrape.count("app_http_requests_total", &[]), 1);
}

#[tokio::test]
async fn unusual_methods_and_paths_get_the_same_response_as_without_the_layer() {
    let pair = ServerPair::start().await;
    let long = "M".repeat(300);
    for method in ["BREW", "!#$%&'*+", "get", &long] {
        pair.send(&request(method, "/ok", b"")).await;
    }
    let deep = format!("/{}", "a/".repeat(30_000));
    for path in ["/%FF", "/items/%FF", "/items/%00", "//ok", "/ok/", "*", "/%", &deep] {
        pair.send(&request("GET", path, b"")).await;
    }
    for path in ["/\"", "/\u{ff}", "ok", ""] {
        pair.send(&request("GET", path, b"")).await;
    }
    let scrape = pair.scrape();
    let endpoints = scrape.values("app_http_requests_total", "endpoint");
    let endpoints: BTreeSet<_> = endpoints.into_iter().collect();
    assert!(endpoints.len() <= 4, "{endpoints:?}");
}

#[tokio::test]
async fn unusual_header_values_get_the_same_response_as_without_the_layer() {
    let pair = ServerPair::start().await;
    for value in [
        &b"\"quoted\\\" } 1"[..],
        b"\xff\xfe invalid utf-8",
        b"folded\r\n onto a second line",
        b"tab\tand \xc3\xa9",
        b"nul\0",
        b"",
    ] {
        let headers = [b"x-tier: ", value, b"\r\nuser-agent: ", value, b"\r\n"].concat();
        pair.send(&request("GET", "/ok", &headers)).await;
    }
    let scrape = pair.scrape();
    assert_eq!(scrape.values("app_http_requests_total", "endpoint"), ["/ok"]);
}

#[tokio::test]
async fn request_label_header_of_a_megabyte_or_of_invalid_bytes_becomes_other() {
    let tenant = RequestLabel::new("tenant").from_header("x-tenant").at_most(50);
    let server = Server::with(Metrics::builder().request_label(tenant)).await;
    let (large, megabyte) = ("x".repeat(300_000), "x".repeat(1_000_000));
    for value in [b"acme", large.as_bytes(), megabyte.as_bytes(), b"\xff\xfe", b"\"}\t1"] {
        let headers = [b"x-tenant: ", value, b"\r\n"].concat();
        let mut client = Client::send(server.address, b"").await;
        // The server refuses a head of a megabyte, and may close before all of it is written.
        client.try_write(&request("GET", "/ok", &headers)).await;
        client.rest().await;
    }
    let scrape = server.at_rest(4).await;
    let tenants = scrape.values("app_http_requests_total", "tenant");
    assert_eq!(tenants, ["\"}\t1", "acme", "other"]);
    assert_eq!(scrape.sum("app_http_requests_total", &[("tenant", "other")]), 2);
}

#[tokio::test]
async fn request_label_header_of_ten_thousand_values_stays_bounded() {
    let tenant = RequestLabel::new("tenant").from_header("x-tenant").at_most(50);
    let server = Server::with(Metrics::builder().request_label(tenant)).await;
    let all: String = (0..10_000)
        .map(|number| get("/ok", &format!("x-tenant: tenant-{number}\r\n")))
        .chain([get("/ok", "connection: close\r\n")])
        .collect();
    server.send(&all).await.rest().await;
    let scrape = server.at_rest(10_001).await;
    let family = "app_http_requests_total";
    assert_eq!(scrape.count(family, &[]), 52, "fifty values, the empty one and `other`");
    assert_eq!(scrape.sum(family, &[("tenant", "other")]), 9_950);
    let overflow = [("family", family), ("label", "tenant")];
    assert_eq!(scrape.sum("app_metrics_overflow_total", &overflow), 9_950);
}

#[tokio::test]
async fn query_of_a_megabyte_gets_the_same_response_as_without_the_layer() {
    let pair = ServerPair::start().await;
    for (bytes, status) in [(1_000, "200"), (60_000, "200"), (1_000_000, "4")] {
        let path = format!("/ok?q={}", "x".repeat(bytes));
        let answer = pair.send(&request("GET", &path, b"")).await;
        let answered = answer.starts_with(&format!("HTTP/1.1 {status}"));
        // A client that writes after the server has refused may receive a reset and no response.
        assert!(answered || (bytes == 1_000_000 && answer.is_empty()), "{bytes}: {answer}");
    }
    let scrape = pair.scrape();
    assert_eq!(scrape.sum("app_http_requests_total", &[]), 2);
}

#[tokio::test]
async fn status_labels_have_three_digits() {
    let server = Server::start().await;
    let statuses = [200, 299, 400, 499, 500, 599, 600, 999];
    for status in statuses {
        server.get(&format!("/err?status={status}")).await;
    }
    for status in ["1000", "0", "-1", "abc", "%22"] {
        server.get(&format!("/err?status={status}")).await;
    }
    server.at_rest(13).await;
}
