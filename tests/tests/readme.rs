//! Checks that the programs and pages in the README are real.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::routing::get as route_get;
use futures_core::Stream;
use futures_util::stream::iter;
use streamgauge::streaming_metrics;
use streamgauge_examples::tour;
use streamgauge_test_support::client::{get, metrics};
use streamgauge_test_support::page_of;
use streamgauge_test_support::strict::{self, Format};
use tower::ServiceExt;

#[path = "readme/fallback.rs"]
#[expect(
    unreachable_pub,
    clippy::unused_async,
    reason = "the program is printed as users write it"
)]
mod fallback;

const README: &str = include_str!("../../README.md");

async fn ask(app: &Router, question: &'static str) {
    let request = Request::post("/ask")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(question))
        .expect("the request is well formed");
    app.clone().oneshot(request).await.expect("a router does not fail");
}

#[tokio::test]
async fn readme_page_of_the_fallback_matches_its_metrics() {
    let program = include_str!("readme/fallback.rs");
    assert!(README.contains(&format!("```rust\n{program}```\n\n```text\n")));
    let metrics = metrics();
    let app = fallback::app().layer(metrics.layer());
    let request = Request::post("/chat").body(Body::from("a question"));
    let request = request.expect("the request is well formed");
    let response = app.oneshot(request).await.expect("a router does not fail");
    assert_eq!(response.status(), StatusCode::OK);
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    assert!(body.expect("the body does not fail").ends_with(b"}"));
    assert!(readme_page(3).len() > 6);
    assert_contains(&page_of(&metrics), &readme_page(3));
}

#[test]
fn readme_starts_with_the_program_of_the_tour_example() {
    let program = include_str!("../../examples/src/tour.rs");
    assert!(README.contains(&format!("```rust\n{program}```\n")));
}

#[tokio::test]
async fn readme_page_of_the_tour_matches_its_metrics() {
    let app = tour::app().expect("the settings are valid");
    for question in [
        r#"{"model": "small-1", "text": "What is it, then?"}"#,
        r#"{"model": "small-1", "text": ""}"#,
    ] {
        ask(&app, question).await;
    }
    get(&app, "/count").await;
    let page = get(&app, "/metrics").await.1;
    let page = std::str::from_utf8(&page).expect("the page is UTF-8");
    strict::check(page, Format::Text);
    assert!(readme_page(1).len() > 8);
    assert_contains(page, &readme_page(1));
}

/// Returns the lines of one of the README's pages, counted from 1.
fn readme_page(number: usize) -> Vec<&'static str> {
    let page = README.split("```text\n").nth(number).and_then(|rest| rest.split("```").next());
    page.expect("the README has this many pages").lines().collect()
}

fn assert_contains(page: &str, lines: &[&str]) {
    for line in lines {
        assert!(page.lines().any(|candidate| candidate == *line), "{line} is not in\n{page}");
    }
}

/// Returns the events that the README's streaming program sends.
fn readme_events() -> Vec<String> {
    let program = README.split("fn upstream(").nth(1).and_then(|rest| rest.split("```").next());
    let literals =
        program.expect("the README has a function `upstream`").split("Bytes::from(\"").skip(1);
    let texts = literals.filter_map(|rest| rest.split("\"));").next());
    texts.map(|text| text.replace("\\\"", "\"").replace("\\n", "\n")).collect()
}

#[tokio::test]
async fn readme_page_of_the_streamed_chat_matches_its_metrics() {
    #[streaming_metrics(media_type = "text/event-stream", protocol = "openai", provider = "openai")]
    async fn chat() -> impl Stream<Item = String> {
        iter(readme_events())
    }
    let metrics = metrics();
    let app = Router::new().route("/chat", route_get(chat)).layer(metrics.layer());
    assert!(get(&app, "/chat").await.1.ends_with(b"data: [DONE]\n\n"));
    assert!(readme_page(2).len() > 4);
    assert_contains(&page_of(&metrics), &readme_page(2));
}
