//! Compares what a chapter shows with what its programs do.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use streamgauge_test_support::client::get;
use streamgauge_test_support::strict::{self, Format};
use tower::ServiceExt;

/// Panics unless a chapter shows this program as a Rust snippet.
#[track_caller]
pub(crate) fn assert_shows(chapter: &str, program: &str) {
    assert!(
        chapter.contains(&format!("```rust\n{program}```\n")),
        "not in the chapter:\n{program}"
    );
}

/// Panics unless a page has every line of a page that a chapter shows. The first one has number 0.
#[track_caller]
pub(crate) fn assert_page(chapter: &str, number: usize, page: &str) {
    let shown =
        chapter.split("```text\n").nth(number + 1).and_then(|rest| rest.split("```").next());
    let shown = shown.expect("the chapter shows this many pages");
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
