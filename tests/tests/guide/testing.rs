//! Runs the tests that "Testing your metrics" shows.

#![expect(clippy::float_cmp, reason = "counts are exact")]
#![expect(unreachable_pub, reason = "the modules are whole programs in the chapter")]

mod job;
mod orders;
mod shop;
mod stream;
mod tokens;
mod wait;

use streamgauge::Metrics;
use streamgauge::testing::Page;
use streamgauge_test_support::client::get;

const CHAPTER: &str = include_str!("../../../docs/testing.md");

#[test]
fn testing_chapter_has_the_programs_of_this_directory() {
    for (name, program) in [
        ("job", include_str!("testing/job.rs")),
        ("orders", include_str!("testing/orders.rs")),
        ("shop", include_str!("testing/shop.rs")),
        ("stream", include_str!("testing/stream.rs")),
        ("tokens", include_str!("testing/tokens.rs")),
        ("wait", include_str!("testing/wait.rs")),
    ] {
        assert!(CHAPTER.contains(&format!("```rust\n{program}```\n")), "{name}.rs differs");
    }
}

#[tokio::test]
async fn testing_chapter_shows_the_error_of_a_failed_lookup() {
    let metrics = Metrics::builder().build().expect("default settings are valid");
    let app = shop::app(&metrics);
    for path in ["/items/7", "/items/8", "/items/9"] {
        let _ = get(&app, path).await;
    }
    let page = Page::scrape(&metrics).expect("the page is valid");
    let error = page.value("app_http_requests_total", [("status", "500")]).unwrap_err();
    assert!(CHAPTER.contains(&format!("```text\nError: {error}\n```\n")), "{error}");
}
