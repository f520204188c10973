//! Checks that the programs and pages in the README are real.

use std::fs::write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::routing::{get as route_get, post};
use futures_core::Stream;
use futures_util::stream::iter;
use streamgauge::{Metrics, Prices, RequestLabel, streaming_metrics};
use streamgauge_examples::gateway_fallback::{self, Gateway, Provider};
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
        .expect("the request is well formed");
    app.clone().oneshot(request).await.expect("a router does not fail");
}

#[test]
fn readme_has_the_handler_of_the_gateway_fallback_example() {
    let example = include_str!("../../examples/src/gateway_fallback.rs");
    let (_, handler) = example.split_once("\n/// Answers").expect("the example has the handler");
    let (handler, _) = handler.split_once("\nfn ").expect("the example has more functions");
    assert!(handler.contains("async fn chat(") && handler.contains("async fn attempt("));
    assert!(README.contains(&format!("```rust,ignore\n/// Answers{handler}```\n")));
}

/// Serves `app` as a provider of the gateway.
async fn serve(name: &str, app: Router) -> Provider {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("the listener has an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    Provider { name: name.to_owned(), url: format!("http://{address}"), key: None }
}

#[tokio::test]
async fn readme_page_of_the_gateway_fallback_matches_its_metrics() {
    const PRICES: &str = "{\"m-1\": {\"input\": 2.50, \"output\": 10}}";
    const REPLY: &str = "{\"model\":\"m-1\",\"choices\":[{\"message\":{\"content\":\"Hi\"},\
                         \"finish_reason\":\"stop\"}],\
                         \"usage\":{\"prompt_tokens\":2000,\"completion_tokens\":300}}";
    assert!(README.contains(&format!("`{PRICES}` in `prices.json`")));
    let was_asked = Arc::new(AtomicBool::new(false));
    let refuse = move || async move {
        if was_asked.swap(true, Relaxed) {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::TOO_MANY_REQUESTS
        }
    };
    let reply = || async { ([(header::CONTENT_TYPE, "application/json")], REPLY) };
    let path = "/chat/completions";
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build();
    let gateway = Gateway {
        client: client.expect("the settings are valid"),
        providers: vec![
            serve("first", Router::new().route(path, post(refuse))).await,
            serve("second", Router::new().route(path, post(reply))).await,
        ],
        attempts: 2,
        backoff: Duration::ZERO,
    };
    let directory = tempfile::tempdir().expect("a directory can be made");
    let path = directory.path().join("prices.json");
    write(&path, PRICES).expect("the file can be written");
    let metrics = Metrics::builder()
        .prices(Prices::from_file(path).expect("the prices are valid"))
        .request_label(RequestLabel::new("tenant").from_header("x-tenant").values(["acme"]))
        .build()
        .expect("the settings are valid");
    let request = Request::post("/v1/chat/completions").header("x-tenant", "acme");
    let request = request.body(Body::from("{}")).expect("the request is well formed");
    let app = gateway_fallback::app(gateway, &metrics);
    let response = app.oneshot(request).await.expect("a router does not fail");
    assert_eq!(response.status(), StatusCode::OK);
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    assert_eq!(body.expect("the body does not fail"), REPLY);
    assert!(readme_page(3).len() > 7);
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
