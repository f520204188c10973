//! Uploads that are complete, cut off, or of another length than declared.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::post as post_route;
use streamgauge::Metrics;
use tower_http::limit::RequestBodyLimitLayer;

use crate::server::{Server, ended, serve};

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

/// Sends the head and a part of the body of an upload, and disconnects while the handler reads it.
async fn cut_off(server: &Server, head: &str, body: &str, reset: bool) {
    let mut client = server.send(&format!("{head}{body}")).await;
    server.serving("/echo", 1).await;
    if reset {
        client.reset();
    } else {
        client.finish().await;
        client.rest().await;
    }
}

#[tokio::test]
async fn upload_that_is_cut_off_is_cancelled_and_measured_by_what_arrived() {
    for (headers, body) in [
        ("content-length: 100\r\n", "only this"),
        ("transfer-encoding: chunked\r\n", "9\r\nonly this\r\n"),
        ("transfer-encoding: chunked\r\n", "9\r\nonly this\r\n5"),
    ] {
        for reset in [true, false] {
            let server = Server::start().await;
            cut_off(&server, &post(headers), body, reset).await;
            let scrape = server.at_rest(1).await;
            let answered = ended(&scrape, "/echo", "400", "cancelled");
            let unanswered = ended(&scrape, "/echo", "499", "cancelled");
            assert_eq!(answered + unanswered, 1, "{headers} reset: {reset} {scrape:#?}");
            assert_eq!(scrape.sum("app_errors_total", &[]), 0);
            assert_eq!(scrape.sum("app_request_size_bytes_count", &[]), 1);
            let observed = scrape.sum("app_request_size_bytes_sum", &[]);
            assert!(observed == 9 || reset && observed == 0, "{headers} {observed}");
        }
    }
}

#[tokio::test]
async fn upload_of_an_absurd_declared_length_is_measured_by_what_arrived() {
    let server = Server::start().await;
    for requests in 1..=3 {
        let head = post("content-length: 18446744073709551613\r\n");
        cut_off(&server, &head, "abc", false).await;
        let scrape = server.at_rest(requests).await;
        assert_eq!(scrape.sum("app_request_size_bytes_sum", &[]), 3 * requests);
    }
}

#[tokio::test]
async fn upload_with_a_malformed_chunk_is_a_client_error() {
    let server = Server::start().await;
    let head = post("transfer-encoding: chunked\r\n");
    let answer = server.send(&format!("{head}5\r\nhello\r\nnot a size\r\n")).await.rest().await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let scrape = server.at_rest(1).await;
    assert_eq!(ended(&scrape, "/echo", "400", "client_error"), 1);
    assert_eq!(scrape.sum("app_request_size_bytes_sum", &[]), 5);
}

#[tokio::test]
async fn upload_above_the_body_limit_is_a_client_error_and_measured_by_what_was_read() {
    for outside in [true, false] {
        let metrics = Metrics::builder().build().expect("the settings are valid");
        let limit = RequestBodyLimitLayer::new(8);
        let router = Router::new().route("/echo", post_route(|body: Bytes| async { body }));
        let router = if outside {
            router.layer(metrics.layer()).layer(limit)
        } else {
            router.layer(limit).layer(metrics.layer())
        };
        let server = Server { address: serve(router).await, metrics };
        let head = post("transfer-encoding: chunked\r\nconnection: close\r\n");
        let answer = server.send(&format!("{head}5\r\nhello\r\n6\r\n world\r\n")).await;
        let answer = answer.rest().await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        let scrape = server.at_rest(1).await;
        assert_eq!(ended(&scrape, "/echo", "413", "client_error"), 1, "outside: {outside}");
    }
}

#[tokio::test]
async fn upload_that_the_handler_ignores_is_not_measured_by_its_declared_length() {
    let metrics = Metrics::builder().build().expect("the settings are valid");
    let router = Router::new()
        .route("/echo", post_route(|| async { StatusCode::UNAUTHORIZED }))
        .layer(metrics.layer());
    let server = Server { address: serve(router).await, metrics };
    let head = post("content-length: 5000000\r\nconnection: close\r\n");
    let answer = server.send(&format!("{head}abc")).await.rest().await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    let scrape = server.at_rest(1).await;
    assert_eq!(ended(&scrape, "/echo", "401", "client_error"), 1);
    assert_eq!(scrape.sum("app_request_size_bytes_count", &[]), 1);
    assert_eq!(scrape.sum("app_request_size_bytes_sum", &[]), 0);
}

#[tokio::test]
async fn upload_that_is_cut_off_while_the_response_reads_it_is_a_disconnect() {
    #[streamgauge::streaming_metrics]
    async fn metered(request: Request) -> Body {
        request.into_body()
    }

    let plain = post_route(async |request: Request| request.into_body());
    for (handler, streams) in [(plain, 0), (post_route(metered), 1)] {
        let metrics = Metrics::builder().build().expect("the settings are valid");
        let router = Router::new().route("/echo", handler).layer(metrics.layer());
        let server = Server { address: serve(router).await, metrics };
        let head = post("content-length: 90\r\n");
        let mut client = server.send(&format!("{head}hel")).await;
        client.read_to("hel").await;
        client.reset();
        let scrape = server.at_rest(1).await;
        assert_eq!(ended(&scrape, "/echo", "200", "cancelled"), 1);
        assert_eq!(scrape.sum("app_errors_total", &[]), 0);
        assert_eq!(scrape.sum("app_global_exceptions_total", &[]), 0);
        assert_eq!(scrape.sum("app_stream_errors_total", &[]), 0);
        let left = [("outcome", "client_disconnect")];
        assert_eq!(scrape.sum("app_stream_duration_seconds_count", &left), streams);
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

#[tokio::test]
async fn upload_that_the_response_body_passes_on_is_measured_as_it_is_read() {
    let metrics = Metrics::builder().build().expect("the settings are valid");
    let pass_on = |request: Request| async { request.into_body() };
    let router = Router::new().route("/echo", post_route(pass_on)).layer(metrics.layer());
    let server = Server { address: serve(router).await, metrics };
    let head = post("content-length: 5\r\nconnection: close\r\n");
    let answer = server.send(&format!("{head}hello")).await.rest().await;
    assert!(answer.ends_with("hello"), "{answer}");
    let scrape = server.at_rest(1).await;
    assert_eq!(ended(&scrape, "/echo", "200", "success"), 1);
    assert_eq!(scrape.sum("app_request_size_bytes_sum", &[]), 5);
    assert_eq!(scrape.sum("app_response_size_bytes_sum", &[]), 5);
}

#[tokio::test]
async fn upload_that_waits_for_a_100_is_measured_and_cut_off_as_any_other() {
    let server = Server::start().await;
    let head = post("content-length: 5\r\nexpect: 100-continue\r\nconnection: close\r\n");
    let mut client = server.send(&head).await;
    client.read_to("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.write(b"hello").await;
    assert!(client.rest().await.ends_with("hello"));
    let scrape = server.at_rest(1).await;
    assert_eq!(scrape.sum("app_request_size_bytes_sum", &[]), 5);
    let mut client = server.send(&head).await;
    client.read_to("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.finish().await;
    client.rest().await;
    let scrape = server.at_rest(2).await;
    assert_eq!(ended(&scrape, "/echo", "400", "cancelled"), 1, "{scrape:#?}");
}

#[tokio::test]
async fn upload_that_a_task_reads_after_the_response_does_not_hold_its_request_open() {
    let metrics = Metrics::builder().build().expect("the settings are valid");
    let hand_on = |body: Body| async {
        tokio::spawn(axum::body::to_bytes(body, usize::MAX));
        StatusCode::ACCEPTED
    };
    let router = Router::new().route("/echo", post_route(hand_on)).layer(metrics.layer());
    let server = Server { address: serve(router).await, metrics };
    let mut client = server.send(&post("content-length: 5\r\n")).await;
    client.read_to("202 Accepted").await;
    let scrape = server.at_rest(1).await;
    assert_eq!(ended(&scrape, "/echo", "202", "success"), 1, "{scrape:#?}");
}
