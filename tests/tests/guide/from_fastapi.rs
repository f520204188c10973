//! The chapter about the `FastAPI` middleware.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use axum::routing::get;
use streamgauge::{
    Metrics, Usage, token_usage_context, track_detailed_exception, track_global_exception,
    wrap_streaming_response,
};
use streamgauge_test_support::Scrape;
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

#[tokio::test]
async fn skipped_paths_record_streams_and_usage_but_no_exceptions() {
    async fn handler() -> Body {
        track_detailed_exception(&std::fmt::Error, StatusCode::INTERNAL_SERVER_ERROR);
        track_global_exception(&std::fmt::Error);
        token_usage_context::record(Usage::new(3, 4));
        let items = futures_util::stream::iter([Ok::<_, std::fmt::Error>("a")]);
        Body::from_stream(wrap_streaming_response(items, "/stream"))
    }
    for (path, exceptions) in [("/skipped", 0), ("/recorded", 1)] {
        let metrics = Metrics::builder().skip_paths(["/skipped"]).build();
        let metrics = metrics.expect("the settings are valid");
        let app = Router::new().route(path, get(handler)).layer(metrics.layer());
        request(&app, Method::GET, path).await;
        let scrape = Scrape::of(&metrics);
        assert_eq!(scrape.sum("app_exceptions_total", &[]), exceptions);
        assert_eq!(scrape.sum("app_global_exceptions_total", &[]), exceptions);
        assert_eq!(scrape.sum("app_stream_chunks_total", &[("endpoint", "/stream")]), 1);
        assert_eq!(scrape.sum("app_token_usage_total", &[("endpoint", path)]), 7);
    }
}

#[tokio::test]
async fn usage_of_background_tasks_has_the_endpoint_of_their_handle() {
    async fn handler() {
        let tokens = token_usage_context::handle();
        let task = tokio::spawn(async move { tokens.record(Usage::new(40, 2)) });
        task.await.expect("the task does not panic");
    }
    let metrics = Metrics::builder().build().expect("the settings are valid");
    let app = Router::new().route("/answer", get(handler)).layer(metrics.layer());
    request(&app, Method::GET, "/answer").await;
    assert_eq!(Scrape::of(&metrics).sum("app_token_usage_total", &[("endpoint", "/answer")]), 42);
}
