//! Pages too large for one chunk: they are encoded and sent in several.

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{Method, Response, header};
use axum::routing::get as route_get;
use futures_util::stream;
use http_body_util::BodyExt;
use prometheus::IntCounter;
use streamgauge::{Metrics, wrap_streaming_response};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics};
use streamgauge_test_support::strict::{self, Format};

use crate::scrapes::{body, request, scrape};

/// So many endpoints that their page does not fit in one chunk.
pub(crate) const ENDPOINTS: usize = 300;

/// Serves one stream of one chunk per endpoint.
pub(crate) async fn record_streams(metrics: &Metrics, endpoints: impl IntoIterator<Item = usize>) {
    let handler = |Path(id): Path<String>| async move {
        Body::from_stream(wrap_streaming_response(stream::iter([Ok::<_, String>("a")]), &id))
    };
    let app = Router::new().route("/{id}", route_get(handler)).layer(metrics.layer());
    for endpoint in endpoints {
        get(&app, &format!("/{endpoint:05}")).await;
    }
}

async fn next_chunk(response: &mut Response<Body>) -> Option<String> {
    let frame = response.body_mut().frame().await?.expect("the body does not fail");
    let data = frame.into_data().expect("the page has no trailers");
    Some(String::from_utf8(data.to_vec()).expect("a chunk is UTF-8 text"))
}

#[tokio::test]
async fn large_page_is_sent_in_chunks() {
    let metrics = metrics();
    record_streams(&metrics, 0..ENDPOINTS).await;
    let last = IntCounter::new("app_zz_last_total", "Sorted after all families.")
        .expect("the name is valid");
    metrics.registry().register(Box::new(last)).expect("the name is free");
    let openmetrics = [(header::ACCEPT, "application/openmetrics-text")];
    let expected = metrics.encode_openmetrics().expect("the page encodes");
    strict::check(&expected, Format::OpenMetrics);
    for (headers, expected) in
        [(&[][..], metrics.encode_text().expect("the page encodes")), (&openmetrics[..], expected)]
    {
        let mut response = scrape(&metrics, request(headers)).await;
        assert!(
            !response.headers().contains_key(header::CONTENT_LENGTH),
            "the length is not known yet"
        );
        let mut chunks = Vec::new();
        while let Some(chunk) = next_chunk(&mut response).await {
            assert!(chunk.len() < 80 * 1024, "a chunk of {} bytes", chunk.len());
            assert!(chunk.ends_with('\n'));
            chunks.push(chunk);
        }
        assert!(chunks.len() > 5, "{} chunks", chunks.len());
        assert_eq!(chunks.concat(), expected);
    }
}

#[tokio::test]
async fn large_page_has_no_body_for_a_head_request() {
    let metrics = metrics();
    record_streams(&metrics, 0..ENDPOINTS).await;
    let mut head = request(&[]);
    *head.method_mut() = Method::HEAD;
    let (headers, page) = body(scrape(&metrics, head).await).await;
    assert_eq!(headers[header::CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
    assert!(page.is_empty());
}

#[tokio::test]
async fn large_page_holds_no_lock_between_chunks() {
    let metrics = metrics();
    record_streams(&metrics, (0..ENDPOINTS).map(|index| index * 2)).await;
    let mut response = scrape(&metrics, request(&[])).await;
    let mut page = String::new();
    let mut new_endpoints = (0..ENDPOINTS).map(|index| index * 2 + 1);
    while let Some(chunk) = next_chunk(&mut response).await {
        page.push_str(&chunk);
        // New series sort before and after the endpoint that the encoder has reached.
        record_streams(&metrics, new_endpoints.by_ref().take(20)).await;
        metrics.encode_text().expect("another page can be encoded meanwhile");
    }
    let page = Scrape::parse(&page);
    for index in 0..ENDPOINTS {
        let endpoint = format!("{:05}", index * 2);
        assert_eq!(page.count("app_stream_bytes_total", &[("endpoint", &endpoint)]), 1);
    }
}
