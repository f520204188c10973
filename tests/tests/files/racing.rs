//! Readers who look at the file at any time see a whole page.

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
/// Distinct pages that each reader wants to see.
const PAGES: usize = 40;
const EVERY: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(120);

/// Requests without end, of two outcomes.
async fn traffic(metrics: Metrics) {
    let app = Router::new().route("/x", get(|| async { "x" })).layer(metrics.layer());
    for path in ["/x", "/unknown"].into_iter().cycle() {
        let request = Request::get(path).body(Body::empty()).expect("it is well formed");
        app.clone().oneshot(request).await.expect("a router does not fail");
        tokio::task::yield_now().await;
    }
}

/// Every histogram has counted in its last bucket what it has counted.
fn assert_adds_up(scrape: &Scrape) {
    for name in ["app_http_request_duration_seconds", "app_response_size_bytes"] {
        let (buckets, counts) = (format!("{name}_bucket"), format!("{name}_count"));
        for endpoint in ["/x", "unmatched"] {
            let of = ("endpoint", endpoint);
            let last = scrape.sum(&buckets, &[of, ("le", "+Inf")]);
            let count = scrape.sum(&counts, &[of]);
            assert_eq!(last, count, "{name} of {endpoint}");
        }
    }
}

/// Reads until there were enough pages; gives how often it read.
fn reads(path: &Path) -> usize {
    let begun = Instant::now();
    let (mut last, mut pages, mut requests) = (String::new(), 0, 0);
    for reads in 1.. {
        let text = fs::read_to_string(path).expect("the file is always there");
        assert!(text.ends_with('\n'), "torn: it ends with {:?}", text.lines().last());
        if text != last {
            let scrape = Scrape::parse(&text);
            assert_adds_up(&scrape);
            let seen = scrape.sum("app_http_requests_total", &[]);
            assert!(seen >= requests, "it goes back from {requests} to {seen}");
            (last, pages, requests) = (text, pages + 1, seen);
        }
        if pages == PAGES {
            assert!(requests > 0, "there is traffic");
            return reads;
        }
        assert!(begun.elapsed() < PATIENCE, "{pages} pages only");
    }
    unreachable!("it reads without end")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_readers_never_see_a_part_of_a_page() {
    let directory = tempdir().expect("there is room");
    let path = directory.path().join("shop.prom");
    let metrics = metrics();
    metrics.write_to_file(&path).await.expect("it is written");
    let file = metrics.spawn_file_writer(&path, EVERY).expect("it starts");
    let traffic = tokio::spawn(traffic(metrics.clone()));
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let path = path.clone();
            thread::spawn(move || reads(&path))
        })
        .collect();
    let reads = tokio::task::spawn_blocking(move || {
        readers.into_iter().map(|reader| reader.join().expect("it saw whole pages")).sum::<usize>()
    });
    assert!(reads.await.expect("no panic") >= READERS * PAGES);
    traffic.abort();
    assert!(traffic.await.is_err_and(|ended| ended.is_cancelled()));
    assert_eq!(file.failures(), 0, "{:?}", file.last_error());
    file.stop().await.expect("it is written");
    let last = Scrape::parse(&fs::read_to_string(&path).expect("it is there"));
    assert_eq!(last, Scrape::of(&metrics));
}
