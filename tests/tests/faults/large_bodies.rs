//! Large response bodies in memory: one frame, which the layer hands to the transport in pieces.

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{StatusCode, header};
use axum::routing::get as get_route;
use http_body_util::BodyExt;
use streamgauge::{Metrics, streaming_metrics};
use tower::ServiceExt;

use crate::server::{Server, ended, get, serve};

const SIZE: usize = 32 * 1024 * 1024;

/// More than the buffers of the transport and of two sockets hold, and far less than the body.
const MOST_BUFFERED: i64 = 16 * 1024 * 1024;

fn content() -> Vec<u8> {
    (0..SIZE).map(|index| u8::try_from(index % 251).expect("at most 250")).collect()
}

fn router(metrics: &Metrics) -> Router {
    #[streaming_metrics]
    async fn metered() -> Body {
        let halves = content();
        let halves: Vec<_> = halves.chunks(SIZE / 2).map(<[u8]>::to_vec).collect();
        let frames = halves.into_iter().map(Ok::<_, std::convert::Infallible>);
        Body::from_stream(futures_util::stream::iter(frames))
    }
    #[streaming_metrics]
    async fn in_memory() -> Body {
        Body::from(content())
    }
    #[streaming_metrics]
    async fn in_memory_and_sent() -> (StatusCode, Vec<u8>) {
        (StatusCode::OK, content())
    }
    Router::new()
        .route("/named", get_route(in_memory))
        .route("/opaque", get_route(in_memory_and_sent))
        .route("/bytes", get_route(|| async { content() }))
        .route("/stream", get_route(metered))
        .layer(metrics.layer())
}

async fn start() -> Server {
    let metrics = Metrics::builder().build().expect("the settings are valid");
    Server { address: serve(router(&metrics)).await, metrics }
}

#[tokio::test]
async fn large_body_of_which_the_client_took_a_part_is_cancelled() {
    for path in ["/bytes", "/stream", "/named", "/opaque"] {
        let server = start().await;
        let mut client = server.send(&get(path, "")).await;
        client.read(1024).await;
        client.reset();
        let scrape = server.at_rest(1).await;
        assert_eq!(ended(&scrape, path, "200", "cancelled"), 1, "{path} {scrape:#?}");
        let sent = scrape.sum("app_response_size_bytes_sum", &[]);
        assert!((512..MOST_BUFFERED).contains(&sent), "{path}: {sent} bytes");
        let streams = scrape.sum("app_stream_duration_seconds_count", &[]);
        let left = [("outcome", "client_disconnect")];
        let left = scrape.sum("app_stream_duration_seconds_count", &left);
        assert_eq!((streams, left), (i64::from(path != "/bytes"), streams), "{path}");
    }
}

#[tokio::test]
async fn large_body_reaches_the_client_unchanged() {
    let server = start().await;
    let mut request = server.send(&get("/bytes", "connection: close\r\n")).await;
    let head = format!("content-length: {SIZE}\r\n");
    let read = request.read_to("\r\n\r\n").await;
    assert!(read.contains(&head), "{read}");
    request.rest().await;
    let scrape = server.at_rest(1).await;
    assert_eq!(ended(&scrape, "/bytes", "200", "success"), 1);
    let size = i64::try_from(SIZE).expect("the size fits");
    assert_eq!(scrape.sum("app_response_size_bytes_sum", &[]), size);
}

#[tokio::test]
async fn large_body_has_an_exact_size_and_an_end_until_its_last_piece() {
    let metrics = Metrics::builder().build().expect("the settings are valid");
    let request = axum::http::Request::get("/bytes").body(Body::empty()).expect("well formed");
    let response = router(&metrics).oneshot(request).await.expect("a router does not fail");
    assert!(!response.headers().contains_key(header::TRANSFER_ENCODING));
    let mut body = response.into_body();
    let mut read: Vec<u8> = Vec::new();
    let mut largest = 0;
    while !body.is_end_stream() {
        let left = u64::try_from(SIZE - read.len()).expect("the size fits");
        assert_eq!(body.size_hint().exact(), Some(left));
        let frame = body.frame().await.expect("the body has not ended");
        let data: Bytes = frame.expect("no error").into_data().expect("a frame of data");
        largest = largest.max(data.len());
        read.extend_from_slice(&data);
    }
    assert!(read == content(), "the content is unchanged");
    assert!(largest <= 1024 * 1024, "{largest} bytes in one piece");
}

#[tokio::test]
async fn large_chunks_of_a_stream_count_as_its_source_yields_them() {
    let server = start().await;
    server.get("/stream").await;
    let scrape = server.at_rest(1).await;
    assert_eq!(ended(&scrape, "/stream", "200", "success"), 1);
    assert_eq!(scrape.sum("app_stream_chunks_total", &[]), 2);
    let size = i64::try_from(SIZE).expect("the size fits");
    assert_eq!(scrape.sum("app_stream_bytes_total", &[]), size);
    assert_eq!(scrape.sum("app_response_size_bytes_sum", &[]), size);
}
