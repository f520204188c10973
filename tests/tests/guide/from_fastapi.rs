//! The chapter about the `FastAPI` middleware.

use axum::Router;
use axum::http::Method;
use streamgauge::Metrics;
use streamgauge_test_support::client::send;
use streamgauge_test_support::page_of;

/// The program of the chapter.
#[expect(dead_code, reason = "the test does not call `main`")]
#[expect(unreachable_pub, reason = "the chapter's program is a crate of its own")]
mod port;

const CHAPTER: &str = include_str!("../../../docs/from-fastapi.md");

async fn request(app: &Router, method: Method, path: &str) {
    let response = send(app, method, path).await;
    axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("the response is whole");
}

#[test]
fn from_fastapi_program_is_the_tested_one() {
    let program = include_str!("from_fastapi/port.rs");
    assert!(CHAPTER.contains(&format!("```rust,no_run\n{program}```\n")));
}

#[tokio::test(start_paused = true)]
async fn from_fastapi_page_matches_the_metrics_of_the_program() {
    let metrics = Metrics::builder().prefix("advanced").skip_paths(["/health"]).build();
    let metrics = metrics.expect("the settings are valid");
    let app = port::app(&metrics);
    request(&app, Method::GET, "/").await;
    request(&app, Method::POST, "/generate?prompt=Tell%20me%20a%20story").await;
    request(&app, Method::GET, "/risky").await;
    request(&app, Method::GET, "/stream").await;
    request(&app, Method::GET, "/stream2").await;
    request(&app, Method::GET, "/health").await;
    request(&app, Method::GET, "/no/such/page").await;

    let page = page_of(&metrics);
    let (_, shown) = CHAPTER.split_once("```text\n").expect("the chapter shows a page");
    let (shown, _) = shown.split_once("```").expect("the page ends");
    for line in shown.lines() {
        assert!(page.lines().any(|real| real == line), "{line} is not on this page:\n{page}");
    }
    assert!(!page.contains("/health"));
}
