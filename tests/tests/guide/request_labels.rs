//! The chapter `docs/request-labels.md`.

#![expect(unreachable_pub, reason = "the programs are those of the chapter, word for word")]

mod cost;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use streamgauge_test_support::Scrape;
use tower::ServiceExt;

use crate::pages::{assert_has_program, assert_page, page};

const CHAPTER: &str = include_str!("../../../docs/request-labels.md");

async fn ask(app: &axum::Router, key: &str, plan: &str) -> StatusCode {
    let request = Request::post("/ask").header("x-api-key", key).header("x-plan", plan);
    let request = request.body(Body::empty()).expect("the request is well formed");
    app.clone().oneshot(request).await.expect("a router does not fail").status()
}

#[tokio::test]
async fn page_is_that_of_the_program() {
    assert_has_program(CHAPTER, include_str!("request_labels/cost.rs"));
    let app = cost::app().expect("the settings are valid");
    assert_eq!(ask(&app, "key-of-acme", "paid").await, StatusCode::OK);
    assert_eq!(ask(&app, "key-of-acme", "invented").await, StatusCode::OK);
    assert_eq!(ask(&app, "key-of-nobody", "free").await, StatusCode::UNAUTHORIZED);
    assert_page(CHAPTER, 0, &page(&app).await);
}

/// The families of the chapter's list are those that carry the labels.
#[tokio::test]
async fn families_with_request_labels_are_those_of_the_chapter() {
    let app = cost::app().expect("the settings are valid");
    ask(&app, "key-of-acme", "paid").await;
    let page = page(&app).await;
    let scrape = Scrape::parse(&page);
    for family in ["http_requests_total", "llm_calls_total", "token_usage_total", "cost_usd_total"]
    {
        assert!(CHAPTER.contains(&format!("`{family}`")), "{family}");
        assert_eq!(scrape.values(&format!("app_{family}"), "tenant"), ["acme"], "{family}");
    }
}
