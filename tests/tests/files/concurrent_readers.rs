//! Concurrent readers of the file always see a complete page.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use streamgauge::Metrics;
use streamgauge_test_support::Scrape;
use tempfile::tempdir;
use tower::ServiceExt;

use crate::probe::metrics;

const READERS: usize = 8;
/// The number of distinct pages that each reader waits for.
const PAGES: usize = 40;
const INTERVAL: Duration = Duration::from_millis(10);
const DEADLINE: Duration = Duration::from_secs(120);

/// Sends requests with two outcomes, without end.
async fn traffic(metrics: Metrics) {
    let app = Router::new().route("/x", get(|| async { "x" })).layer(metrics.layer());
    for path in ["/x", "/unknown"].into_iter().cycle() {
        let request = Request::get(path).body(Body::empty()).expect("the request is well formed");
        app.clone().oneshot(request).await.expect("a router does not fail");
        tokio::task::yield_now().await;
    }
}

/// Asserts that the last bucket of every histogram equals its count.
fn assert_buckets_match_counts(scrape: &Scrape) {
    for name in ["app_http_request_duration_seconds", "app_response_size_bytes"] {
        let (buckets, counts) = (format!("{name}_bucket"), format!("{name}_count"));
        for endpoint in ["/x", "unmatched"] {
            let label = ("endpoint", endpoint);
            let last = scrape.sum(&buckets, &[label, ("le", "+Inf")]);
            let count = scrape.sum(&counts, &[label]);
            assert_eq!(last, count, "{name} of {endpoint}");
        }
    }
}

/// Reads until enough distinct pages were seen, and returns the number of reads.
fn read_pages(path: &Path) -> usize {
    let start = Instant::now();
    let (mut last, mut pages, mut requests) = (String::new(), 0, 0);
    for reads in 1.. {
        let text = fs::read_to_string(path).expect("the file always exists");
        assert!(text.ends_with('\n'), "incomplete page, ends with {:?}", text.lines().last());
        if text != last {
            let scrape = Scrape::parse(&text);
            assert_buckets_match_counts(&scrape);
            let seen = scrape.sum("app_http_requests_total", &[]);
            assert!(seen >= requests, "the count falls from {requests} to {seen}");
            (last, pages, requests) = (text, pages + 1, seen);
        }
        if pages == PAGES {
            assert!(requests > 0, "requests are counted");
            return reads;
        }
        assert!(start.elapsed() < DEADLINE, "only {pages} pages before the deadline");
    }
    unreachable!("the loop has no end")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_readers_never_see_an_incomplete_page() {
    let directory = tempdir().expect("a temporary directory can be created");
    let path = directory.path().join("shop.prom");
    let metrics = metrics();
    metrics.write_to_file(&path).await.expect("the file is written");
    let file = metrics.spawn_file_writer(&path, INTERVAL).expect("the writer starts");
    let traffic = tokio::spawn(traffic(metrics.clone()));
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let path = path.clone();
            thread::spawn(move || read_pages(&path))
        })
        .collect();
    let reads = tokio::task::spawn_blocking(move || {
        readers
            .into_iter()
            .map(|reader| reader.join().expect("the reader saw complete pages only"))
            .sum::<usize>()
    });
    assert!(reads.await.expect("no thread panicked") >= READERS * PAGES);
    traffic.abort();
    assert!(traffic.await.is_err_and(|ended| ended.is_cancelled()));
    assert_eq!(file.failures(), 0, "{:?}", file.last_error());
    file.stop().await.expect("the file is written");
    let last = Scrape::parse(&fs::read_to_string(&path).expect("the file exists"));
    assert_eq!(last, Scrape::of(&metrics));
}
