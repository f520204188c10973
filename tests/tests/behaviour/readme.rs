//! The README shows what really happens.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use streamgauge_examples::tour;
use tower::ServiceExt;

use crate::client::get;

const README: &str = include_str!("../../../README.md");

async fn ask(app: &Router, question: &'static str) {
    let request = Request::post("/ask")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(question))
        .expect("it is well formed");
    app.clone().oneshot(request).await.expect("a router does not fail");
}

#[test]
fn its_first_program_is_the_one_that_is_tested() {
    let program = include_str!("../../../examples/src/tour.rs");
    assert!(README.contains(&format!("```rust\n{program}```\n")));
}

#[tokio::test]
async fn the_page_it_shows_is_the_page_there_is() {
    let app = tour::app().expect("the settings are valid");
    for question in [
        r#"{"model": "small-1", "text": "What is it, then?"}"#,
        r#"{"model": "small-1", "text": ""}"#,
    ] {
        ask(&app, question).await;
    }
    get(&app, "/count").await;
    let page = get(&app, "/metrics").await.1;
    let page = std::str::from_utf8(&page).expect("it is text");
    let shown = README.split("```text\n").nth(1).and_then(|rest| rest.split("```").next());
    let shown: Vec<_> = shown.expect("the README shows a page").lines().collect();
    assert!(shown.len() > 8);
    for line in shown {
        assert!(page.lines().any(|there| there == line), "{line} is not in\n{page}");
    }
}
