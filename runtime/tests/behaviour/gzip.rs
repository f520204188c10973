//! Compressed scrapes.

use std::io::Read;

use axum::http::header;
use flate2::read::GzDecoder;
use streamgauge_test_support::client::metrics;
use streamgauge_test_support::page_of;

use crate::large_pages::{ENDPOINTS, record_streams};
use crate::scrapes::{body, record_calls, request, scrape};

#[tokio::test]
async fn gzip_follows_accept_encoding() {
    let metrics = metrics();
    record_calls(&metrics, &["m"]).await;
    let plain = page_of(&metrics);
    for (accept_encoding, compressed) in [
        ("gzip", true),
        ("deflate, GZIP;q=0.5", true),
        ("*", true),
        ("gzip;q=0", false),
        ("identity", false),
        ("*;q=0", false),
        ("", false),
    ] {
        let request = request(&[(header::ACCEPT_ENCODING, accept_encoding)]);
        let (headers, page) = body(scrape(&metrics, request).await).await;
        assert_eq!(
            headers.get(header::CONTENT_ENCODING).is_some(),
            compressed,
            "{accept_encoding}"
        );
        assert_eq!(headers[header::CONTENT_LENGTH], page.len().to_string());
        let text = if compressed {
            let mut text = String::new();
            GzDecoder::new(&*page).read_to_string(&mut text).expect("the page is gzip");
            text
        } else {
            String::from_utf8(page).expect("the text is UTF-8")
        };
        assert_eq!(text, plain, "{accept_encoding}");
    }
}

#[tokio::test]
async fn gzip_of_a_large_page_is_one_gzip_stream() {
    let metrics = metrics();
    record_streams(&metrics, 0..ENDPOINTS).await;
    let gzip = request(&[(header::ACCEPT_ENCODING, "gzip")]);
    let (headers, page) = body(scrape(&metrics, gzip).await).await;
    assert_eq!(headers[header::CONTENT_ENCODING], "gzip");
    let mut text = String::new();
    GzDecoder::new(&*page).read_to_string(&mut text).expect("the whole page is gzip");
    assert_eq!(text, metrics.encode_text().expect("the page encodes"));
}
