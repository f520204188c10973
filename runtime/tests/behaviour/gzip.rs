//! Compressed scrapes.

use std::io::Read;

use axum::http::header;
use flate2::read::GzDecoder;
use streamgauge_test_support::client::metrics;
use streamgauge_test_support::page_of;

use crate::formats::{body, request, scrape, served};
use crate::pieces::{ENDPOINTS, streams};

#[tokio::test]
async fn gzip_is_for_scrapers_that_accept_it() {
    let metrics = metrics();
    served(&metrics, &["m"]).await;
    let plain = page_of(&metrics);
    for (asks, gets) in [
        ("gzip", true),
        ("deflate, GZIP;q=0.5", true),
        ("*", true),
        ("gzip;q=0", false),
        ("identity", false),
        ("*;q=0", false),
        ("", false),
    ] {
        let request = request(&[(header::ACCEPT_ENCODING, asks)]);
        let (headers, page) = body(scrape(&metrics, request).await).await;
        assert_eq!(headers.get(header::CONTENT_ENCODING).is_some(), gets, "{asks}");
        assert_eq!(headers[header::CONTENT_LENGTH], page.len().to_string());
        let text = if gets {
            let mut text = String::new();
            GzDecoder::new(&*page).read_to_string(&mut text).expect("it is gzip");
            text
        } else {
            String::from_utf8(page).expect("it is text")
        };
        assert_eq!(text, plain, "{asks}");
    }
}

#[tokio::test]
async fn gzip_of_a_page_in_pieces_is_one_stream() {
    let metrics = metrics();
    streams(&metrics, 0..ENDPOINTS).await;
    let gzip = request(&[(header::ACCEPT_ENCODING, "gzip")]);
    let (headers, page) = body(scrape(&metrics, gzip).await).await;
    assert_eq!(headers[header::CONTENT_ENCODING], "gzip");
    let mut text = String::new();
    GzDecoder::new(&*page).read_to_string(&mut text).expect("it is gzip, to its end");
    assert_eq!(text, metrics.encode_text().expect("it encodes"));
}
