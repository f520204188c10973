//! The programs and pages of the README.

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use streamgauge::Metrics;
use streamgauge_test_support::client::get;
use streamgauge_test_support::page_of;
use tower::ServiceExt;

/// The program of the quick start.
#[expect(dead_code, reason = "the test serves the router itself instead of calling `main`")]
mod quick_start {
    include!("quick_start.rs");

    pub(super) fn router(metrics: &Metrics) -> Router {
        app(metrics)
    }
}

/// The handler of the section on model calls.
mod model_call {
    include!("model_call.rs");

    pub(super) fn router() -> axum::Router {
        axum::Router::new().route("/chat", axum::routing::post(chat))
    }
}

const README: &str = include_str!("../../../README.md");

/// Returns the lines of the README's page number `number`, counted from 0.
fn readme_page(number: usize) -> Vec<&'static str> {
    let page = README.split("```text\n").nth(number + 1).and_then(|rest| rest.split("```").next());
    page.expect("the README has this many pages").lines().collect()
}

fn assert_contains(page: &str, lines: &[&str]) {
    assert!(lines.len() > 2);
    for line in lines {
        assert!(page.lines().any(|candidate| candidate == *line), "{line} is not in\n{page}");
    }
}

#[tokio::test]
async fn readme_quick_start_records_the_page_beside_it() {
    let program = include_str!("quick_start.rs");
    assert!(README.contains(&format!("```rust,no_run\n{program}```\n")));
    let metrics = Metrics::builder().prefix("shop").build().expect("the settings are valid");
    let app = quick_start::router(&metrics);
    for path in ["/items/7", "/items/700"] {
        assert!(README.contains(&format!("curl http://127.0.0.1:3000{path}\n")));
        get(&app, path).await;
    }
    assert_contains(&page_of(&metrics), &readme_page(0));
}

#[tokio::test]
async fn readme_model_call_records_the_page_beside_it() {
    let program = include_str!("model_call.rs");
    assert!(README.contains(&format!("```rust\n{program}```\n")));
    let metrics = Metrics::builder().build().expect("the default settings are valid");
    let app = model_call::router().layer(metrics.layer());
    let request = Request::post("/chat").body(Body::from("Hello?"));
    let request = request.expect("the request is well formed");
    let response = app.oneshot(request).await.expect("a router does not fail");
    response.into_body().collect().await.expect("the body does not fail");
    assert_contains(&page_of(&metrics), &readme_page(1));
}
