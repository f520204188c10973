//! The README shows what really happens.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use axum::routing::get as route_get;
use futures_core::Stream;
use futures_util::stream::iter;
use streamgauge::streaming_metrics;
use streamgauge_examples::tour;
use streamgauge_test_support::client::{get, metrics};
use streamgauge_test_support::page_of;
use streamgauge_test_support::strict::{self, Format};
use tower::ServiceExt;

const README: &str = include_str!("../../README.md");

async fn ask(app: &Router, question: &'static str) {
    let request = Request::post("/ask")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(question))
        .expect("it is well formed");
    app.clone().oneshot(request).await.expect("a router does not fail");
}

#[test]
fn its_first_program_is_the_one_that_is_tested() {
    let program = include_str!("../../examples/src/tour.rs");
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
    strict::check(page, Format::Text);
    assert!(shown(1).len() > 8);
    assert_shows(page, &shown(1));
}

/// The lines of one of its pages.
fn shown(number: usize) -> Vec<&'static str> {
    let page = README.split("```text\n").nth(number).and_then(|rest| rest.split("```").next());
    page.expect("the README shows a page").lines().collect()
}

fn assert_shows(page: &str, lines: &[&str]) {
    for line in lines {
        assert!(page.lines().any(|there| there == *line), "{line} is not in\n{page}");
    }
}

/// The events of its stream, as they stand in its program.
fn events() -> Vec<String> {
    let program = README.split("fn upstream(").nth(1).and_then(|rest| rest.split("```").next());
    let literals = program.expect("there is a program").split("Bytes::from(\"").skip(1);
    let texts = literals.filter_map(|rest| rest.split("\"));").next());
    texts.map(|text| text.replace("\\\"", "\"").replace("\\n", "\n")).collect()
}

#[tokio::test]
async fn its_stream_says_of_itself_what_the_readme_says() {
    #[streaming_metrics(media_type = "text/event-stream", protocol = "openai", provider = "openai")]
    async fn chat() -> impl Stream<Item = String> {
        iter(events())
    }
    let metrics = metrics();
    let app = Router::new().route("/chat", route_get(chat)).layer(metrics.layer());
    assert!(get(&app, "/chat").await.1.ends_with(b"data: [DONE]\n\n"));
    assert!(shown(2).len() > 4);
    assert_shows(&page_of(&metrics), &shown(2));
}
