//! The chapter `docs/llm-calls.md`.

#![expect(unreachable_pub, reason = "the programs are those of the chapter, word for word")]

mod ask;
mod attempts;
mod by_hand;
mod errors;
mod hedged;
mod prices;
#[expect(clippy::unused_async, reason = "the function stands for an exchange with a model")]
mod proxy;

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get as route_get;
use streamgauge::{Metrics, TokenUsage, Usage, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics};

use crate::pages::{assert_has_program, assert_page, page, post};

const CHAPTER: &str = include_str!("../../../docs/llm-calls.md");

async fn ask(app: &Router, model: &str, text: &str) -> StatusCode {
    post(app, "/ask", format!(r#"{{"model": "{model}", "text": "{text}"}}"#)).await
}

#[tokio::test]
async fn first_page_is_that_of_the_first_program() {
    assert_has_program(CHAPTER, include_str!("llm_calls/ask.rs"));
    let app = ask::app().expect("the settings are valid");
    assert_eq!(ask(&app, "small-1", "What is it?").await, StatusCode::OK);
    assert_eq!(ask(&app, "small-1", "").await, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&app, "invented", "What is it?").await, StatusCode::OK);
    assert_page(CHAPTER, 0, &page(&app).await);
}

/// The program of the chapter, without its list of models.
#[tokio::test]
async fn models_that_are_not_listed_are_pushed_out_by_invented_names() {
    #[track_tokens(model = model)]
    async fn call(model: String) -> Usage {
        Usage::new(1, 1)
    }
    let handler = |model: axum::extract::Path<String>| async {
        call(model.0).await;
    };
    let metrics = metrics();
    let app = Router::new().route("/{model}", route_get(handler)).layer(metrics.layer());
    for number in 0..120 {
        get(&app, &format!("/invented-{number}")).await;
    }
    get(&app, "/large-1").await;
    let scrape = Scrape::of(&metrics);
    assert_eq!(scrape.sum("app_llm_calls_total", &[("model", "large-1")]), 0);
    assert_eq!(scrape.sum("app_llm_calls_total", &[("model", "other")]), 21);
}

#[tokio::test]
async fn proxy_page_is_that_of_the_proxy_program() {
    assert_has_program(CHAPTER, include_str!("llm_calls/proxy.rs"));
    let app = proxy::app().expect("the settings are valid");
    post(&app, "/chat", "{}").await;
    assert_page(CHAPTER, 1, &page(&app).await);
}

#[tokio::test]
async fn page_of_usage_by_hand_is_that_of_its_program() {
    assert_has_program(CHAPTER, include_str!("llm_calls/by_hand.rs"));
    let app = by_hand::app().expect("the settings are valid");
    get(&app, "/summary").await;
    tokio::task::yield_now().await;
    assert_page(CHAPTER, 2, &page(&app).await);
}

#[tokio::test]
async fn attempts_page_is_that_of_the_attempts_program() {
    assert_has_program(CHAPTER, include_str!("llm_calls/attempts.rs"));
    let app = attempts::app().expect("the settings are valid");
    post(&app, "/ask", "why?").await;
    let page = page(&app).await;
    assert_page(CHAPTER, 3, &page);
    let calls = Scrape::parse(&page).sum("app_llm_calls_total", &[]);
    assert_eq!(calls, 2);
}

#[tokio::test(start_paused = true)]
async fn hedged_calls_are_part_of_the_request() {
    assert_has_program(CHAPTER, include_str!("llm_calls/hedged.rs"));
    let app = hedged::app().expect("the settings are valid");
    get(&app, "/ask").await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_page(CHAPTER, 4, &page(&app).await);
}

#[tokio::test(start_paused = true)]
async fn errors_page_is_that_of_the_errors_program() {
    assert_has_program(CHAPTER, include_str!("llm_calls/errors.rs"));
    let app = errors::app().expect("the settings are valid");
    for (question, status) in [
        ("", StatusCode::BAD_GATEWAY),
        ("busy", StatusCode::BAD_GATEWAY),
        ("slow", StatusCode::GATEWAY_TIMEOUT),
        ("why", StatusCode::OK),
    ] {
        assert_eq!(post(&app, "/ask", question).await, status, "{question}");
    }
    assert_page(CHAPTER, 5, &page(&app).await);
}

#[tokio::test]
async fn cost_page_is_that_of_the_prices_program() {
    assert_has_program(CHAPTER, include_str!("llm_calls/prices.rs"));
    let app = prices::app().expect("the settings are valid");
    get(&app, "/ask").await;
    assert_page(CHAPTER, 6, &page(&app).await);
}

/// The details of the chapter's table of tokens.
#[tokio::test]
async fn details_do_not_overlap() {
    #[derive(TokenUsage)]
    struct Anthropic {
        #[token_usage(uncached)]
        input: u64,
        #[token_usage(cache_read)]
        cached: u64,
        #[token_usage(output)]
        output: u64,
    }
    #[track_tokens(model = "m-1")]
    async fn call() -> Anthropic {
        Anthropic { input: 200, cached: 1_000, output: 300 }
    }
    let metrics = Metrics::builder().build().expect("the settings are valid");
    let handler = || async {
        let _reply = call().await;
    };
    let app = Router::new().route("/", route_get(handler)).layer(metrics.layer());
    get(&app, "/").await;
    let scrape = Scrape::of(&metrics);
    let tokens = |labels: &[_]| scrape.sum("app_token_usage_total", labels);
    assert_eq!(tokens(&[("detail", "uncached")]), 200);
    assert_eq!(tokens(&[("detail", "cache_read")]), 1_000);
    assert_eq!(tokens(&[("token_type", "output"), ("detail", "unspecified")]), 300);
    assert_eq!(tokens(&[]), 1_500);
}
