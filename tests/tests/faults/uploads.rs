//! Uploads that are complete, cut off, or of another length than declared.

use crate::server::{Server, ended};

fn post(headers: &str) -> String {
    format!("POST /echo HTTP/1.1\r\nhost: here\r\n{headers}\r\n")
}

#[tokio::test]
async fn upload_with_chunked_encoding_is_measured_by_its_chunks() {
    let server = Server::start().await;
    let head = post("transfer-encoding: chunked\r\nconnection: close\r\n");
    let body = "5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nx-sum: 7\r\n\r\n";
    let answer = server.send(&format!("{head}{body}")).await.rest().await;
    assert!(answer.ends_with("hello world"), "{answer}");
    let scrape = server.at_rest(1).await;
    assert_eq!(scrape.sum("app_request_size_bytes_sum", &[("endpoint", "/echo")]), 11);
    assert_eq!(scrape.sum("app_response_size_bytes_sum", &[("endpoint", "/echo")]), 11);
}

#[tokio::test]
async fn upload_of_declared_length_is_measured_by_that_length() {
    let server = Server::start().await;
    let body = "x".repeat(1_000_000);
    let head = post("content-length: 1000000\r\nconnection: close\r\n");
    let answer = server.send(&format!("{head}{body}")).await.rest().await;
    assert!(answer.ends_with(&body));
    let scrape = server.at_rest(1).await;
    assert_eq!(scrape.sum("app_request_size_bytes_sum", &[]), 1_000_000);
    assert_eq!(scrape.sum("app_response_size_bytes_sum", &[]), 1_000_000);
}

#[tokio::test]
async fn upload_that_is_cut_off_is_counted_as_one_failed_request() {
    for (headers, body, size) in [
        ("content-length: 100\r\n", "only this", 100),
        ("transfer-encoding: chunked\r\n", "9\r\nonly this\r\n", 9),
    ] {
        for reset in [true, false] {
            let server = Server::start().await;
            let mut client = server.send(&format!("{}{body}", post(headers))).await;
            server.serving("/echo", 1).await;
            if reset {
                client.reset();
            } else {
                client.finish().await;
                client.rest().await;
            }
            let scrape = server.at_rest(1).await;
            let refused = ended(&scrape, "/echo", "400", "client_error");
            let cancelled = ended(&scrape, "/echo", "499", "cancelled");
            assert_eq!(refused + cancelled, 1, "{headers} reset: {reset}");
            assert_eq!(scrape.sum("app_request_size_bytes_count", &[]), 1);
            let observed = scrape.sum("app_request_size_bytes_sum", &[]);
            assert!(observed == size || reset && observed == 0, "{headers} {observed}");
        }
    }
}

#[tokio::test]
async fn upload_longer_than_declared_is_cut_at_the_declared_length() {
    let server = Server::start().await;
    let head = post("content-length: 2\r\n");
    let answer = server.send(&format!("{head}okGARBAGE / HTTP/9\r\n\r\n")).await.rest().await;
    assert!(answer.contains("\r\n\r\nok"), "{answer}");
    let scrape = server.at_rest(1).await;
    assert_eq!(scrape.sum("app_request_size_bytes_sum", &[]), 2);
    assert_eq!(ended(&scrape, "/echo", "200", "success"), 1);
}

#[tokio::test]
async fn upload_with_an_invalid_length_is_refused_and_not_counted() {
    let server = Server::start().await;
    for length in ["-1", "two", "99999999999999999999", "1\r\ncontent-length: 2"] {
        let head = post(&format!("content-length: {length}\r\n"));
        let mut client = server.send("").await;
        client.try_write(head.as_bytes()).await;
        assert!(client.rest().await.starts_with("HTTP/1.1 400 "), "{length}");
    }
    server.at_rest(0).await;
}
