//! Several requests on one HTTP/1.1 keep-alive connection.

use crate::server::{Server, ended, get};

#[tokio::test]
async fn keep_alive_requests_are_counted_separately() {
    let server = Server::start().await;
    let mut client = server.send(&get("/ok", "")).await;
    client.read_to("\r\n\r\nok").await;
    for sent in 1..4 {
        let scrape = server.at_rest(sent).await;
        assert_eq!(ended(&scrape, "/ok", "200", "success"), sent);
        client.write(get("/ok", "").as_bytes()).await;
        client.read_to("\r\n\r\nok").await;
    }
    server.at_rest(4).await;
}

#[tokio::test]
async fn pipelined_requests_are_counted_separately() {
    let server = Server::start().await;
    let requests = [
        get("/ok", ""),
        get("/stream?n=2", ""),
        get("/err?status=404", ""),
        get("/bytes?n=10&chunks=2", ""),
        get("/items/last", "connection: close\r\n"),
    ];
    let answer = server.send(&requests.concat()).await.rest().await;
    assert!(answer.ends_with("item last"), "{answer}");
    let scrape = server.at_rest(5).await;
    assert_eq!(ended(&scrape, "/ok", "200", "success"), 1);
    assert_eq!(ended(&scrape, "/stream", "200", "success"), 1);
    assert_eq!(ended(&scrape, "/err", "404", "client_error"), 1);
    assert_eq!(ended(&scrape, "/bytes", "200", "success"), 1);
    assert_eq!(ended(&scrape, "/items/{id}", "200", "success"), 1);
}

#[tokio::test]
async fn client_disconnect_after_a_complete_response_is_a_success() {
    let server = Server::start().await;
    let mut client = server.send(&get("/bytes?n=10&chunks=2", "")).await;
    client.read_to("\r\n0\r\n\r\n").await;
    client.reset();
    assert_eq!(ended(&server.at_rest(1).await, "/bytes", "200", "success"), 1);
}
