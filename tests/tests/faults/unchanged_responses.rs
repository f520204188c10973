//! Responses are the same, byte for byte, with and without the layer.

use streamgauge_tests::fault_server;

use crate::server::{Client, Server, get, serve};

/// Removes the `date` header from a raw response.
fn without_date(answer: &str) -> String {
    let lines = answer.split("\r\n").filter(|line| !line.starts_with("date: "));
    lines.collect::<Vec<_>>().join("\r\n")
}

#[tokio::test]
async fn responses_are_the_same_byte_for_byte() {
    let server = Server::start().await;
    let bare = serve(fault_server::bare()).await;
    let upload = "5\r\nhello\r\n0\r\n\r\n";
    let chunked = "POST /echo HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\
                   transfer-encoding: chunked\r\n\r\n";
    let mut requests = vec![format!("{chunked}{upload}")];
    for path in [
        "/ok",
        "/plain",
        "/items/1",
        "/files/a/b",
        "/slow?ms=1",
        "/err?status=204",
        "/err?status=304",
        "/err?status=503",
        "/fail?kind=b",
        "/bytes?n=1000&chunks=3",
        "/bytes?n=0&chunks=1",
        "/sse?n=3",
        "/stream?n=3",
        "/tokens?input=1&output=2&model=m",
        "/tokens-stream?n=3",
        "/api/v1/users/1/orders/2",
        "/svc/n/1",
        "/svc/nope",
        "/nope",
    ] {
        let close = "connection: close\r\n";
        for method in ["GET", "HEAD", "OPTIONS", "BREW"] {
            requests.push(get(path, close).replacen("GET", method, 1));
        }
        requests.push(get(path, "").replace("HTTP/1.1", "HTTP/1.0"));
    }
    for request in requests {
        let with = Client::send(server.address, request.as_bytes()).await.rest().await;
        let without = Client::send(bare, request.as_bytes()).await.rest().await;
        assert!(with.starts_with("HTTP/1."), "{request}: {with}");
        assert_eq!(without_date(&with), without_date(&without), "{request}");
    }
}

#[tokio::test]
async fn responses_that_fail_are_cut_off_with_and_without_the_layer() {
    let server = Server::start().await;
    let bare = serve(fault_server::bare()).await;
    for path in ["/stream-err?at=3", "/stream-panic?at=3", "/panic"] {
        // The response head may or may not be sent before the body fails. Either way the chunked
        // body has no end.
        for address in [server.address, bare] {
            let answer = Client::send(address, get(path, "").as_bytes()).await.rest().await;
            assert!(!answer.ends_with("0\r\n\r\n"), "{path}: {answer}");
        }
    }
    server.at_rest(3).await;
}
