//! Clients that take their time.

use crate::server::{Server, ended, get};

const SIZE: i64 = 32 * 1024 * 1024;

/// More than the sockets' buffers hold, so the server has to wait for its client.
fn large() -> String {
    get(&format!("/bytes?n={SIZE}&chunks=512"), "connection: close\r\n")
}

#[tokio::test]
async fn a_slow_reader_gets_all_and_is_open_until_then() {
    let server = Server::start().await;
    let mut client = server.send(&large()).await;
    for _ in 0..20 {
        client.read(4096).await;
        server.serving("/bytes", 1).await;
    }
    let rest = client.rest().await.len();
    assert!(rest > 31 * 1024 * 1024, "{rest} bytes");
    let scrape = server.at_rest(1).await;
    assert_eq!(ended(&scrape, "/bytes", "200", "success"), 1);
    assert_eq!(scrape.sum("app_response_size_bytes_sum", &[]), SIZE);
}

#[tokio::test]
async fn a_slow_reader_that_leaves_is_cancelled_with_what_it_was_sent() {
    let server = Server::start().await;
    let mut client = server.send(&large()).await;
    client.read(4096).await;
    client.reset();
    let scrape = server.at_rest(1).await;
    assert_eq!(ended(&scrape, "/bytes", "200", "cancelled"), 1);
    let sent = scrape.sum("app_response_size_bytes_sum", &[]);
    assert!((4096..SIZE).contains(&sent), "{sent}");
}

#[tokio::test]
async fn a_request_head_that_never_ends_is_no_request() {
    let server = Server::start().await;
    let client = server.send("GET /ok HTTP/1.1\r\nhost: he").await;
    server.get("/ok").await;
    client.reset();
    server.at_rest(1).await;
}
