//! Concurrent clients.

use crate::server::{Server, ended, get};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_clients_have_every_request_counted() {
    let server = std::sync::Arc::new(Server::start().await);
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let server = std::sync::Arc::clone(&server);
            tokio::spawn(async move {
                let mut client = server.send("").await;
                for number in 0..200 {
                    let (path, end) = match number % 4 {
                        0 => ("/ok", "\r\n\r\nok"),
                        1 => ("/items/1", "item 1"),
                        2 => ("/bytes?n=9&chunks=3", "\r\n0\r\n\r\n"),
                        _ => ("/stream?n=2", "\r\n0\r\n\r\n"),
                    };
                    client.write(get(path, "").as_bytes()).await;
                    client.read_to(end).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("every request gets a response");
    }
    let scrape = server.at_rest(12_800).await;
    for endpoint in ["/ok", "/items/{id}", "/bytes", "/stream"] {
        assert_eq!(ended(&scrape, endpoint, "200", "success"), 3_200, "{endpoint}");
    }
    assert_eq!(scrape.sum("app_response_size_bytes_sum", &[("endpoint", "/bytes")]), 28_800);
    assert_eq!(scrape.sum("app_stream_chunks_total", &[]), 6_400);
    let complete = [("outcome", "complete")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &complete), 3_200);
}
