//! Compares what a chapter shows with what a program does.

use axum::Router;
use axum::http::Method;
use streamgauge::Metrics;
use streamgauge_test_support::client::send;
use streamgauge_test_support::page_of;

/// Builds an instance with a prefix.
pub(crate) fn instance(prefix: &str) -> Metrics {
    Metrics::builder().prefix(prefix).build().expect("the prefix is valid")
}

/// Sends requests and reads each response to its end, also if its body fails.
pub(crate) async fn request(app: &Router, requests: &[(Method, &str)]) {
    for (method, path) in requests {
        let response = send(app, method.clone(), path).await;
        let _ = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    }
}

/// Checks that a chapter has a program, as one block of code.
pub(crate) fn assert_has_program(chapter: &str, program: &str) {
    let is_shown = ["rust", "rust,no_run"].iter().any(|language| {
        let block = format!("```{language}\n{program}");
        chapter.contains(&block)
    });
    assert!(is_shown, "the chapter does not have this program:\n{program}");
}

/// Checks that the page which a chapter shows after `marker` has only lines of the instance's page.
pub(crate) fn assert_shows_page(chapter: &str, marker: &str, metrics: &Metrics) {
    let (_, after) = chapter.split_once(marker).expect("the chapter has the marker");
    let (_, block) = after.split_once("```text\n").expect("a page follows the marker");
    let (shown, _) = block.split_once("```").expect("the page ends");
    let page = page_of(metrics);
    assert!(shown.lines().count() > 0, "no page follows {marker}");
    for line in shown.lines() {
        assert!(page.lines().any(|candidate| candidate == line), "{line} is not in\n{page}");
    }
}
