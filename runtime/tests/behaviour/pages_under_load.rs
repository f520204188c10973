//! Pages that are encoded while four threads record without pause.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use axum::Router;
use axum::routing::get as route_get;
use futures_util::FutureExt;
use streamgauge::Metrics;
use streamgauge_test_support::client::get;

/// Returns the number in the only line of a page that begins with this text.
fn number(page: &str, start: &str) -> u64 {
    let line = page.lines().find(|line| line.starts_with(start));
    let number = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("{start} has a whole number: {page}"))
}

/// Ends the threads also if the test fails.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Encodes pages while four threads serve requests, and checks that each page is consistent.
fn check_pages(pages: usize) {
    let metrics = Metrics::builder().build().expect("the settings are valid");
    let app = Router::new().route("/", route_get(|| async { "seven b" })).layer(metrics.layer());
    let app: Router = app.with_state(());
    let serve = || {
        let served = get(&app, "/").now_or_never();
        assert!(served.is_some(), "the handler does not wait");
    };
    serve();
    let is_over = AtomicBool::new(false);
    thread::scope(|threads| {
        let _stop = StopOnDrop(&is_over);
        for _ in 0..4 {
            threads.spawn(|| {
                while !is_over.load(Relaxed) {
                    serve();
                }
            });
        }
        let mut last = 0;
        for _ in 0..pages {
            let page = metrics.encode_text().expect("our own families encode");
            let [count, sum, all] =
                ["_count{", "_sum{", "_bucket{method=\"GET\",endpoint=\"/\",le=\"+Inf\"}"]
                    .map(|rest| number(&page, &format!("app_response_size_bytes{rest}")));
            assert_eq!((sum, all), (7 * count, count));
            assert!(count >= last, "{count} after {last}");
            last = count;
            // A request is active from its arrival to its end, and each thread serves one.
            assert!(number(&page, "app_active_requests{") <= 4);
        }
    });
}

#[test]
fn histograms_on_a_page_are_consistent_while_four_threads_serve_requests() {
    check_pages(500);
}

/// The stage `models` of `.ci/run` runs it.
#[test]
#[ignore = "takes half a minute"]
fn histograms_on_ten_thousand_pages_are_consistent_while_four_threads_serve_requests() {
    check_pages(10_000);
}
