//! The example `examples/src/tour.rs`, which the guide shows: its page has these lines.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use streamgauge_examples::tour;
use streamgauge_test_support::client::get;
use streamgauge_test_support::strict::{self, Format};
use tower::ServiceExt;

/// What the page says after two questions, one of which is empty, and one stream.
const PAGE: &str = r#"oracle_http_requests_total{method="POST",endpoint="/ask",status="200",outcome="success"} 1
oracle_http_requests_total{method="POST",endpoint="/ask",status="400",outcome="client_error"} 1
oracle_http_requests_total{method="GET",endpoint="/count",status="200",outcome="success"} 1
oracle_exceptions_total{endpoint="/ask",exception_type="StatusCode",status="400"} 1
oracle_token_usage_total{endpoint="/ask",provider="house",model="small-1",token_type="input",detail="unspecified"} 4
oracle_token_usage_total{endpoint="/ask",provider="house",model="small-1",token_type="output",detail="unspecified"} 3
oracle_llm_calls_total{endpoint="/ask",provider="house",model="small-1",operation="",finish_reason="",error_type=""} 1
oracle_llm_calls_total{endpoint="/ask",provider="house",model="small-1",operation="",finish_reason="error",error_type="invalid_request"} 1
oracle_llm_call_duration_seconds_count{endpoint="/ask",provider="house",model="small-1",outcome="success"} 1
oracle_stream_chunks_total{endpoint="/count"} 3
oracle_stream_bytes_total{endpoint="/count"} 27
oracle_stream_duration_seconds_count{endpoint="/count",outcome="complete"} 1
oracle_active_streams{endpoint="/count"} 0"#;

async fn ask(app: &Router, model: &str, text: &str) {
    let request = Request::post("/ask")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(format!("{{\"model\": \"{model}\", \"text\": \"{text}\"}}")))
        .expect("the request is well formed");
    app.clone().oneshot(request).await.expect("a router does not fail");
}

async fn page_of(app: &Router) -> String {
    let page = get(app, "/metrics").await.1;
    let page = String::from_utf8(page.to_vec()).expect("the page is UTF-8");
    strict::check(&page, Format::Text);
    page
}

#[tokio::test]
async fn tour_page_has_requests_calls_tokens_and_the_stream() {
    let app = tour::app().expect("the settings are valid");
    ask(&app, "small-1", "What is it, then?").await;
    ask(&app, "small-1", "").await;
    get(&app, "/count").await;
    let page = page_of(&app).await;
    for line in PAGE.lines() {
        assert!(page.lines().any(|candidate| candidate == line), "{line} is not in\n{page}");
    }
}

#[tokio::test]
async fn tour_models_that_a_client_invents_do_not_displace_real_ones() {
    let app = tour::app().expect("the settings are valid");
    for number in 0..120 {
        ask(&app, &format!("invented-{number}"), "Is this one real?").await;
    }
    ask(&app, "small-1", "Is this one real?").await;
    let page = page_of(&app).await;
    assert!(!page.contains("invented"), "{page}");
    let calls: Vec<_> =
        page.lines().filter(|line| line.starts_with("oracle_llm_calls_total{")).collect();
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert!(calls.iter().any(|line| line.contains("model=\"small-1\"") && line.ends_with("} 1")));
    assert!(calls.iter().any(|line| line.contains("model=\"other\"") && line.ends_with("} 120")));
}
