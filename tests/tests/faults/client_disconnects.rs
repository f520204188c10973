//! Clients that disconnect before the response is complete.

use streamgauge_test_support::Scrape;

use crate::server::{Client, Server, ended, get};

/// Disconnects with a TCP reset, or with an orderly shutdown.
async fn disconnect(mut client: Client, reset: bool) {
    if reset {
        client.reset();
    } else {
        client.finish().await;
        client.rest().await;
    }
}

#[tokio::test]
async fn client_disconnect_before_the_head_is_cancelled_with_status_499() {
    for reset in [true, false] {
        let server = Server::start().await;
        let client = server.send(&get("/slow?ms=3600000", "")).await;
        server.serving("/slow", 1).await;
        disconnect(client, reset).await;
        let scrape = server.at_rest(1).await;
        assert_eq!(ended(&scrape, "/slow", "499", "cancelled"), 1, "reset: {reset}");
        assert_eq!(scrape.sum("app_errors_total", &[]), 0);
    }
}

fn assert_client_disconnect(scrape: &Scrape, endpoint: &str) {
    assert_eq!(ended(scrape, endpoint, "200", "cancelled"), 1, "{endpoint}");
    assert_eq!(scrape.sum("app_errors_total", &[]), 0, "{endpoint}");
    assert_eq!(scrape.sum("app_stream_errors_total", &[]), 0, "{endpoint}");
    let disconnected = [("endpoint", endpoint), ("outcome", "client_disconnect")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &disconnected), 1, "{endpoint}");
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 1, "{endpoint}");
}

#[tokio::test]
async fn client_disconnect_within_a_stream_is_counted() {
    for reset in [true, false] {
        for (endpoint, first) in
            [("/sse", "data: 1"), ("/stream", "line 1"), ("/tokens-stream", "token 1")]
        {
            let server = Server::start().await;
            let path = format!("{endpoint}?n=1000000&ms=1");
            let mut client = server.send(&get(&path, "")).await;
            client.read_to(first).await;
            disconnect(client, reset).await;
            let scrape = server.at_rest(1).await;
            assert_client_disconnect(&scrape, endpoint);
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

/// No write fails here, because the stream has no item to send when the client disconnects.
#[tokio::test]
async fn client_disconnect_is_detected_while_the_stream_waits_for_its_next_item() {
    let server = Server::start().await;
    let client = server.send(&get("/sse?n=2&ms=3600000", "")).await;
    server.serving("/sse", 1).await;
    client.reset();
    assert_client_disconnect(&server.at_rest(1).await, "/sse");
}
