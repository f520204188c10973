//! Compares what a chapter shows with what a program does.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use streamgauge::Metrics;
use streamgauge_test_support::client::{get, send};
use streamgauge_test_support::page_of;
use streamgauge_test_support::strict::{self, Format};
use tower::ServiceExt;

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
#[track_caller]
pub(crate) fn assert_shows_page(chapter: &str, marker: &str, metrics: &Metrics) {
    let (_, after) = chapter.split_once(marker).expect("the chapter has the marker");
    assert_shown_lines(after, 0, &page_of(metrics));
}

/// Checks that a page has every line of a page that a chapter shows. The first one has number 0.
#[track_caller]
pub(crate) fn assert_page(chapter: &str, number: usize, page: &str) {
    assert_shown_lines(chapter, number, page);
}

#[track_caller]
fn assert_shown_lines(text: &str, number: usize, page: &str) {
    let block = text.split("```text\n").nth(number + 1).expect("the text shows this many pages");
    let (shown, _) = block.split_once("```").expect("the page ends");
    assert!(shown.lines().count() > 0, "the page is empty");
    for line in shown.lines() {
        assert!(page.lines().any(|candidate| candidate == line), "{line} is not in\n{page}");
    }
}

/// Sends a POST request with a JSON body and reads the response to its end.
pub(crate) async fn post(app: &Router, path: &str, body: impl Into<Body>) -> StatusCode {
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
    let request = request.body(body.into()).expect("the request is well formed");
    let response = app.clone().oneshot(request).await.expect("a router does not fail");
    let status = response.status();
    axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("the body does not fail");
    status
}

/// Scrapes the page of an application after a strict check of its format.
pub(crate) async fn page(app: &Router) -> String {
    let page = get(app, "/metrics").await.1;
    let page = String::from_utf8(page.to_vec()).expect("the page is UTF-8");
    strict::check(&page, Format::Text);
    page
}
