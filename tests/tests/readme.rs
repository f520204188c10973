//! Checks that the programs and pages in the README are real.

use axum::Router;
use axum::routing::get as route_get;
use futures_core::Stream;
use futures_util::stream::iter;
use streamgauge::streaming_metrics;
use streamgauge_test_support::client::{get, metrics};
use streamgauge_test_support::page_of;

const README: &str = include_str!("../../README.md");

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
