//! Clients that read or write slowly.

use crate::server::{Server, ended, get};

const SIZE: i64 = 32 * 1024 * 1024;

/// Requests more bytes than socket buffers hold, so that the server has to wait for the client.
fn large_request() -> String {
    get(&format!("/bytes?n={SIZE}&chunks=512"), "connection: close\r\n")
}

#[tokio::test]
async fn slow_reader_receives_all_bytes_and_stays_active_until_the_end() {
    let server = Server::start().await;
    let mut client = server.send(&large_request()).await;
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
async fn client_disconnect_of_a_slow_reader_records_the_bytes_sent() {
    let server = Server::start().await;
    let mut client = server.send(&large_request()).await;
    client.read(4096).await;
    client.reset();
    let scrape = server.at_rest(1).await;
    assert_eq!(ended(&scrape, "/bytes", "200", "cancelled"), 1);
    let sent = scrape.sum("app_response_size_bytes_sum", &[]);
    assert!((4096..SIZE).contains(&sent), "{sent}");
}

#[tokio::test]
async fn request_head_without_an_end_is_not_counted() {
    let server = Server::start().await;
    let client = server.send("GET /ok HTTP/1.1\r\nhost: he").await;
    server.get("/ok").await;
    client.reset();
    server.at_rest(1).await;
}
