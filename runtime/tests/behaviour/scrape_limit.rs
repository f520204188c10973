//! The limit of scrapes in progress: which page makes room for another scrape.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody};
use axum::http::{Method, Response, StatusCode, header};
use http_body_util::BodyExt;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use streamgauge::Metrics;
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::metrics;

use crate::large_pages::{ENDPOINTS, record_streams};
use crate::scrapes::{body, record_calls, request, scrape};

const OK: StatusCode = StatusCode::OK;

/// An instance with a page of several pieces.
async fn large_page(max_scrapes: usize) -> Metrics {
    let metrics = Metrics::builder().max_scrapes(max_scrapes).build().expect("valid");
    record_streams(&metrics, 0..ENDPOINTS).await;
    metrics
}

async fn start(metrics: &Metrics) -> Response<Body> {
    let response = scrape(metrics, request(&[])).await;
    assert_eq!(response.status(), OK);
    response
}

/// Reads one piece, as a transport does that has sent all pieces before it.
async fn read_piece(response: &mut Response<Body>) {
    response.body_mut().frame().await.expect("the page goes on").expect("the body does not fail");
}

/// Reads the rest of a page. Returns whether no error breaks it off.
async fn reads_to_its_end(response: Response<Body>) -> bool {
    response.into_body().collect().await.is_ok()
}

/// Reads a page to its end. Returns whether it is whole, and not broken off by an error.
///
/// # Panics
///
/// If a page ends early without an error.
async fn is_whole(response: Response<Body>) -> bool {
    let Ok(page) = response.into_body().collect().await else { return false };
    let page = String::from_utf8(page.to_bytes().to_vec()).expect("the text is UTF-8");
    let page = Scrape::parse(&page);
    // Other tests of this program declare endpoints, too.
    assert!(page.count("app_stream_bytes_total", &[]) >= ENDPOINTS, "a short page");
    assert!(page.count("app_time_to_first_chunk_seconds_count", &[]) >= ENDPOINTS, "a short page");
    true
}

#[tokio::test]
async fn stalled_pages_give_their_places_to_new_scrapes() {
    let metrics = large_page(4).await;
    let mut stalled = Vec::new();
    for _ in 0..100 {
        stalled.push(start(&metrics).await);
    }
    assert!(is_whole(start(&metrics).await).await);
    let mut whole = 0;
    for response in stalled {
        whole += usize::from(is_whole(response).await);
    }
    // The last page took the place of one more of the newest four.
    assert_eq!(whole, 3);
    let refused =
        |reason| Scrape::of(&metrics).sum("app_scrapes_refused_total", &[("reason", reason)]);
    assert_eq!(refused("stalled"), 97);
    assert_eq!(refused("too_many"), 0);
}

#[tokio::test]
async fn longest_stalled_page_is_the_one_that_makes_room() {
    let metrics = large_page(3).await;
    let mut progressing = start(&metrics).await;
    let stalled = start(&metrics).await;
    let newer = start(&metrics).await;
    read_piece(&mut progressing).await;
    let newest = start(&metrics).await;
    assert!(!is_whole(stalled).await);
    assert!(reads_to_its_end(progressing).await);
    assert!(is_whole(newer).await);
    assert!(is_whole(newest).await);
}

#[tokio::test]
async fn progressing_page_outlives_any_number_of_stalled_ones() {
    let metrics = large_page(2).await;
    let mut progressing = start(&metrics).await;
    let mut stalled = Vec::new();
    for _ in 0..5 {
        read_piece(&mut progressing).await;
        stalled.push(start(&metrics).await);
    }
    assert!(reads_to_its_end(progressing).await);
}

#[tokio::test]
async fn page_that_lost_its_place_ends_with_an_error_that_names_the_option() {
    let metrics = large_page(1).await;
    let mut stalled = start(&metrics).await;
    let page = start(&metrics).await;
    assert!(!stalled.body().is_end_stream());
    let error = stalled.body_mut().frame().await.expect("not the end").expect_err("no piece");
    assert!(error.to_string().contains("max_scrapes"), "{error}");
    assert!(stalled.body_mut().frame().await.is_none(), "the error comes once");
    assert!(is_whole(page).await);
}

#[tokio::test]
async fn page_that_is_being_sent_keeps_its_place() {
    let metrics = large_page(1).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    // The thread may be suspended between the two calls, for longer than a page counts as being
    // sent.
    let refused = loop {
        let mut sent = start(&metrics).await;
        read_piece(&mut sent).await;
        let refused = scrape(&metrics, request(&[])).await;
        if refused.status() == StatusCode::SERVICE_UNAVAILABLE {
            assert!(reads_to_its_end(sent).await);
            break refused;
        }
        assert!(Instant::now() < deadline, "a page that is being sent was never kept");
    };
    assert_eq!(refused.headers()[header::RETRY_AFTER], "1");
    let refusals = Scrape::of(&metrics);
    assert_eq!(refusals.sum("app_scrapes_refused_total", &[("reason", "too_many")]), 1);
}

#[tokio::test]
async fn page_that_is_written_whole_holds_no_place() {
    let metrics = large_page(1).await;
    let mut sent = start(&metrics).await;
    while !sent.body().is_end_stream() {
        read_piece(&mut sent).await;
    }
    assert!(is_whole(start(&metrics).await).await);
    assert!(sent.body_mut().frame().await.is_none());
}

#[tokio::test]
async fn small_pages_hold_no_place_and_are_all_whole() {
    let metrics = Metrics::builder().max_scrapes(1).build().expect("valid");
    record_calls(&metrics, &["m"]).await;
    let mut responses = Vec::new();
    for _ in 0..10 {
        responses.push(start(&metrics).await);
    }
    for response in responses {
        let (headers, page) = body(response).await;
        assert_eq!(headers[header::CONTENT_LENGTH], page.len().to_string());
    }
    assert_eq!(Scrape::of(&metrics).count("app_scrapes_refused_total", &[]), 0);
}

#[tokio::test]
async fn small_pages_that_nobody_takes_are_bounded() {
    let metrics = Metrics::builder().max_scrapes(2).build().expect("valid");
    record_calls(&metrics, &["m"]).await;
    let mut responses = Vec::new();
    for _ in 0..100 {
        responses.push(start(&metrics).await);
    }
    let mut whole = 0;
    for response in responses {
        whole += usize::from(reads_to_its_end(response).await);
    }
    assert_eq!(whole, 32, "16 for each place");
}

#[tokio::test]
async fn head_scrape_takes_no_place() {
    let metrics = large_page(1).await;
    let page = start(&metrics).await;
    let mut head = request(&[]);
    *head.method_mut() = Method::HEAD;
    assert_eq!(scrape(&metrics, head).await.status(), OK);
    assert!(is_whole(page).await);
}

/// A collector that waits for a permission at each scrape.
struct Waiting {
    desc: Desc,
    started: mpsc::Sender<()>,
    permissions: parking_lot::Mutex<mpsc::Receiver<()>>,
}

impl Collector for Waiting {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.started.send(()).expect("the test waits");
        self.permissions.lock().recv().expect("the test permits it");
        Vec::new()
    }
}

#[test]
fn scrapes_are_refused_while_all_places_gather_other_collectors() {
    let metrics = Metrics::builder().max_scrapes(1).build().expect("valid");
    let (started, start) = mpsc::channel();
    let (permit, permissions) = mpsc::channel();
    let permissions = parking_lot::Mutex::new(permissions);
    let desc = Desc::new("waiting".into(), "Waits.".into(), Vec::new(), [].into());
    let desc = desc.expect("the name is valid");
    let collector = Waiting { desc, started, permissions };
    metrics.registry().register(Box::new(collector)).expect("the name is free");
    let scrape_now =
        || futures_util::FutureExt::now_or_never(scrape(&metrics, request(&[]))).expect("ready");
    thread::scope(|threads| {
        let first = threads.spawn(scrape_now);
        start.recv().expect("the first scrape collects");
        assert_eq!(scrape_now().status(), StatusCode::SERVICE_UNAVAILABLE);
        permit.send(()).expect("the collector waits");
        assert_eq!(first.join().expect("no panic").status(), OK);
    });
    permit.send(()).expect("the collector exists");
    let page = metrics.encode_text().expect("the page encodes");
    assert!(page.contains("app_scrapes_refused_total{reason=\"too_many\"} 1"), "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pages_that_lost_their_place_never_look_whole() {
    let metrics = large_page(2).await;
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let metrics = metrics.clone();
            tokio::spawn(async move {
                let mut whole = 0;
                for _ in 0..20 {
                    let response = scrape(&metrics, request(&[])).await;
                    if response.status() == OK && is_whole(response).await {
                        whole += 1;
                    }
                }
                whole
            })
        })
        .collect();
    let mut whole = 0;
    for task in tasks {
        whole += task.await.expect("no task panics");
    }
    assert!(whole > 0);
    let (_, page) = body(scrape(&metrics, request(&[])).await).await;
    assert!(!page.is_empty(), "all places are free again");
}

#[tokio::test]
async fn refused_scrapes_are_no_family_before_all_places_are_taken() {
    let metrics = metrics();
    record_calls(&metrics, &["m"]).await;
    body(start(&metrics).await).await;
    assert_eq!(Scrape::of(&metrics).count("app_scrapes_refused_total", &[]), 0);
}
