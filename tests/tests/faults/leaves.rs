//! Clients that leave before the answer is whole.

use streamgauge_test_support::Scrape;

use crate::server::{Client, Server, ended, get};

/// How a client leaves.
async fn leave(mut client: Client, reset: bool) {
    if reset {
        client.reset();
    } else {
        client.finish().await;
        client.rest().await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_before_the_head_is_cancelled_with_499() {
    for reset in [true, false] {
        let server = Server::start().await;
        let client = server.send(&get("/slow?ms=3600000", "")).await;
        server.serving("/slow", 1).await;
        leave(client, reset).await;
        let scrape = server.at_rest(1).await;
        assert_eq!(ended(&scrape, "/slow", "499", "cancelled"), 1, "reset: {reset}");
        assert_eq!(scrape.sum("app_errors_total", &[]), 0);
    }
}

fn assert_left(scrape: &Scrape, endpoint: &str) {
    assert_eq!(ended(scrape, endpoint, "200", "cancelled"), 1, "{endpoint}");
    assert_eq!(scrape.sum("app_errors_total", &[]), 0, "{endpoint}");
    assert_eq!(scrape.sum("app_stream_errors_total", &[]), 0, "{endpoint}");
    let left = [("endpoint", endpoint), ("outcome", "client_disconnect")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &left), 1, "{endpoint}");
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 1, "{endpoint}");
}

#[tokio::test]
async fn a_client_that_leaves_in_mid_stream_is_a_disconnect() {
    for reset in [true, false] {
        for (endpoint, first) in
            [("/sse", "data: 1"), ("/stream", "line 1"), ("/tokens-stream", "token 1")]
        {
            let server = Server::start().await;
            let path = format!("{endpoint}?n=1000000&ms=1");
            let mut client = server.send(&get(&path, "")).await;
            client.read_to(first).await;
            leave(client, reset).await;
            let scrape = server.at_rest(1).await;
            assert_left(&scrape, endpoint);
            let labels = [("endpoint", endpoint)];
            let sent = scrape.sum("app_stream_bytes_total", &labels);
            assert_eq!(scrape.sum("app_response_size_bytes_sum", &labels), sent);
            let chunks = scrape.sum("app_stream_chunks_total", &labels);
            assert!(chunks >= 1);
            let tokens = if endpoint == "/tokens-stream" { chunks } else { 0 };
            assert_eq!(scrape.sum("app_token_usage_total", &[]), tokens);
        }
    }
}

/// The stream waits for its next item when the client leaves: nobody but the connection tells.
#[tokio::test]
async fn a_client_that_leaves_a_stream_that_waits_is_noticed() {
    let server = Server::start().await;
    let client = server.send(&get("/sse?n=2&ms=3600000", "")).await;
    server.serving("/sse", 1).await;
    client.reset();
    assert_left(&server.at_rest(1).await, "/sse");
}
