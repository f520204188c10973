//! Requests of every kind that run to completion.

use streamgauge_test_support::Scrape;

use crate::server::{Server, ended, get};

#[tokio::test]
async fn request_to_each_route_is_counted_under_its_template() {
    let server = Server::start().await;
    let requests = [
        ("/ok", "/ok", "200", "success"),
        ("/plain", "/plain", "200", "success"),
        ("/items/7?x=%22", "/items/{id}", "200", "success"),
        ("/files/a/b/c", "/files/{*rest}", "200", "success"),
        ("/slow?ms=1", "/slow", "200", "success"),
        ("/err?status=204", "/err", "204", "success"),
        ("/err?status=304", "/err", "304", "success"),
        ("/err?status=404", "/err", "404", "client_error"),
        ("/err?status=503", "/err", "503", "server_error"),
        ("/err?status=none", "/err", "400", "client_error"),
        ("/fail?kind=a", "/fail", "400", "client_error"),
        ("/fail?kind=b", "/fail", "409", "client_error"),
        ("/fail?kind=c", "/fail", "500", "server_error"),
        ("/panic", "/panic", "500", "panic"),
        ("/bytes?n=100000&chunks=7", "/bytes", "200", "success"),
        ("/sse?n=3", "/sse", "200", "success"),
        ("/stream?n=3", "/stream", "200", "success"),
        ("/stream-err?at=2", "/stream-err", "200", "server_error"),
        ("/stream-panic?at=2", "/stream-panic", "200", "panic"),
        ("/tokens?input=3&output=4&model=m", "/tokens", "200", "success"),
        ("/tokens-spawned?input=3&output=4", "/tokens-spawned", "200", "success"),
        ("/tokens-stream?n=5", "/tokens-stream", "200", "success"),
        ("/api/v1/users/1/orders/2", "/api/v1/users/{user}/orders/{order}", "200", "success"),
        ("/svc/n/1", "/svc/n/{id}", "200", "success"),
        ("/svc/nope", "unmatched", "404", "client_error"),
    ];
    let mut sent = 0;
    for (path, endpoint, status, outcome) in requests {
        server.get(path).await;
        sent += 1;
        let scrape = server.at_rest(sent).await;
        assert_eq!(ended(&scrape, endpoint, status, outcome), 1, "{path}");
    }
    let scrape = server.at_rest(sent).await;
    for (variant, status) in [("A", "400"), ("B", "409"), ("C", "500")] {
        let labels = [("endpoint", "/fail"), ("exception_type", variant), ("status", status)];
        assert_eq!(scrape.sum("app_exceptions_total", &labels), 1, "{variant}");
    }
    assert_eq!(scrape.sum("app_exceptions_total", &[("endpoint", "/err")]), 2);
    assert_eq!(scrape.sum("app_global_exceptions_total", &[("exception_type", "panic")]), 2);
    assert_eq!(scrape.sum("app_global_exceptions_total", &[("exception_type", "BodyError")]), 1);
    assert_eq!(scrape.sum("app_response_size_bytes_sum", &[("endpoint", "/bytes")]), 100_000);
    assert_eq!(scrape.sum("app_token_usage_total", &[]), 7 + 7 + 5);
}

#[tokio::test]
async fn scrape_of_the_metrics_page_is_not_counted() {
    let server = Server::start().await;
    server.get("/ok").await;
    let before = server.at_rest(1).await;
    let answer = server.get("/metrics").await;
    let page = answer.split_once("\r\n\r\n").expect("the response has a body").1;
    assert_eq!(Scrape::parse(page), before);
    assert_eq!(server.at_rest(1).await, before);
}

#[tokio::test]
async fn head_request_has_no_response_bytes() {
    let server = Server::start().await;
    for path in ["/ok", "/bytes?n=100", "/sse", "/stream", "/err?status=204"] {
        let request = get(path, "connection: close\r\n").replacen("GET", "HEAD", 1);
        let answer = server.send(&request).await.rest().await;
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    }
    let scrape = server.at_rest(5).await;
    let head = [("method", "HEAD")];
    assert_eq!(scrape.sum("app_http_requests_total", &[head[0], ("outcome", "success")]), 5);
    assert_eq!(scrape.sum("app_response_size_bytes_sum", &head), 0);
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 0);
}

#[tokio::test]
async fn upgrade_ends_the_request_with_its_head_and_the_websocket_works() {
    let server = Server::start().await;
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let mut socket = server.send(&get("/ws", upgrade)).await;
    let head = socket.read_to("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let scrape = server.at_rest(1).await;
    assert_eq!(ended(&scrape, "/ws", "101", "success"), 1);
    // One masked text frame, with a mask of zeros.
    socket.write(b"\x81\x85\0\0\0\0hello").await;
    assert!(socket.read_to("hello").await.ends_with("hello"));
    socket.reset();
    server.at_rest(1).await;
}

#[tokio::test]
async fn expect_continue_is_answered_with_status_100() {
    let server = Server::start().await;
    let head = "POST /echo HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\
                expect: 100-continue\r\ncontent-length: 5\r\n\r\n";
    let mut client = server.send(head).await;
    assert!(client.read_to("\r\n\r\n").await.starts_with("HTTP/1.1 100 "));
    client.write(b"12345").await;
    assert!(client.rest().await.ends_with("12345"));
    let scrape = server.at_rest(1).await;
    assert_eq!(ended(&scrape, "/echo", "200", "success"), 1);
    assert_eq!(scrape.sum("app_request_size_bytes_sum", &[]), 5);
}

#[tokio::test]
async fn method_not_allowed_is_counted_under_the_route() {
    let server = Server::start().await;
    let request = get("/items/1", "connection: close\r\n").replacen("GET", "DELETE", 1);
    assert!(server.send(&request).await.rest().await.starts_with("HTTP/1.1 405 "));
    assert_eq!(ended(&server.at_rest(1).await, "/items/{id}", "405", "client_error"), 1);
}
