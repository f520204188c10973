//! A page that is too large to be written at once.

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

use crate::formats::{body, request, scrape};

/// More than is written at once.
pub(crate) const ENDPOINTS: usize = 300;

pub(crate) async fn streams(metrics: &Metrics, endpoints: impl IntoIterator<Item = usize>) {
    let handler = |Path(id): Path<String>| async move {
        Body::from_stream(wrap_streaming_response(stream::iter([Ok::<_, String>("a")]), &id))
    };
    let app = Router::new().route("/{id}", route_get(handler)).layer(metrics.layer());
    for endpoint in endpoints {
        get(&app, &format!("/{endpoint:05}")).await;
    }
}

async fn next(response: &mut Response<Body>) -> Option<String> {
    let frame = response.body_mut().frame().await?.expect("it does not fail");
    let data = frame.into_data().expect("a page has no trailers");
    Some(String::from_utf8(data.to_vec()).expect("a piece ends with a line"))
}

#[tokio::test]
async fn a_large_page_comes_in_pieces_that_are_the_page() {
    let metrics = metrics();
    streams(&metrics, 0..ENDPOINTS).await;
    let others = IntCounter::new("app_zz_last_total", "Behind all of ours.").expect("it is valid");
    metrics.registry().register(Box::new(others)).expect("nobody has its name");
    let open = [(header::ACCEPT, "application/openmetrics-text")];
    let whole = metrics.encode_openmetrics().expect("it encodes");
    strict::check(&whole, Format::OpenMetrics);
    for (headers, whole) in
        [(&[][..], metrics.encode_text().expect("it encodes")), (&open[..], whole)]
    {
        let mut response = scrape(&metrics, request(headers)).await;
        assert!(!response.headers().contains_key(header::CONTENT_LENGTH), "nobody knows it yet");
        let mut pieces = Vec::new();
        while let Some(piece) = next(&mut response).await {
            assert!(piece.len() < 80 * 1024, "{} bytes are no piece", piece.len());
            assert!(piece.ends_with('\n'));
            pieces.push(piece);
        }
        assert!(pieces.len() > 5, "{} pieces", pieces.len());
        assert_eq!(pieces.concat(), whole);
    }
}

#[tokio::test]
async fn of_a_large_page_head_is_no_more_than_the_head() {
    let metrics = metrics();
    streams(&metrics, 0..ENDPOINTS).await;
    let mut head = request(&[]);
    *head.method_mut() = Method::HEAD;
    let (headers, page) = body(scrape(&metrics, head).await).await;
    assert_eq!(headers[header::CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
    assert!(page.is_empty());
}

#[tokio::test]
async fn between_two_pieces_nothing_is_locked_and_what_is_new_finds_its_place() {
    let metrics = metrics();
    streams(&metrics, (0..ENDPOINTS).map(|place| place * 2)).await;
    let mut response = scrape(&metrics, request(&[])).await;
    let mut page = String::new();
    let mut more = (0..ENDPOINTS).map(|place| place * 2 + 1);
    while let Some(piece) = next(&mut response).await {
        page.push_str(&piece);
        // New series before and behind the place where the page is.
        streams(&metrics, more.by_ref().take(20)).await;
        metrics.encode_text().expect("another page is written meanwhile");
    }
    let page = Scrape::parse(&page);
    for place in 0..ENDPOINTS {
        let endpoint = format!("{:05}", place * 2);
        assert_eq!(page.count("app_stream_bytes_total", &[("endpoint", &endpoint)]), 1);
    }
}

#[tokio::test]
async fn a_page_counts_as_a_scrape_until_it_is_read_or_left() {
    let metrics = Metrics::builder().max_scrapes(1).build().expect("valid");
    streams(&metrics, 0..ENDPOINTS).await;
    for read in [0, 1, 3] {
        let mut response = scrape(&metrics, request(&[])).await;
        for _ in 0..read {
            assert!(next(&mut response).await.is_some());
        }
        assert_eq!(scrape(&metrics, request(&[])).await.status(), 503);
        drop(response);
        assert_eq!(scrape(&metrics, request(&[])).await.status(), 200);
    }
}
