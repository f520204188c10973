//! The chapter "A gateway with fallbacks": its programs are the ones that run here, and its page is
//! theirs.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use streamgauge::Metrics;
use streamgauge_test_support::page_of;
use tower::ServiceExt;

const CHAPTER: &str = include_str!("../../../docs/gateway.md");

#[expect(dead_code, reason = "`main` uses fixed ports")]
mod program {
    include!("gateway/program.rs");

    /// Returns what the program sends to providers if a client sends this body.
    pub(super) fn sent_for(question: &'static str) -> String {
        let sent = with_usage(Bytes::from_static(question.as_bytes()));
        String::from_utf8(sent.to_vec()).expect("the text is UTF-8")
    }

    /// Returns the program's application in front of two providers, and its metrics.
    pub(super) fn with_providers(urls: [String; 2]) -> (Router, Metrics) {
        let provider = |(name, url)| Provider { name, url, key: None };
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build();
        let gateway = Gateway {
            client: client.expect("the settings are valid"),
            providers: ["first", "second"].into_iter().zip(urls).map(provider).collect(),
        };
        let metrics = metrics().expect("the settings are valid");
        (app(gateway, &metrics), metrics)
    }
}

#[expect(dead_code, reason = "`main` reads the command line")]
mod stand_in {
    include!("gateway/provider.rs");

    /// Serves the program's provider, and returns its base URL.
    pub(super) async fn serve(status: StatusCode) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("the listener has an address");
        tokio::spawn(async move { axum::serve(listener, provider(status)).await });
        format!("http://{address}/v1")
    }

    pub(super) const BODY: &str = REPLY;
}

/// Serves streams of the requested model, and returns the base URL. A stream has its usage only if
/// the request asks for it, and a stream of the model `cut` ends after its first event.
async fn serve_streams() -> String {
    let reply = |Json(question): Json<Value>| async move {
        let mut events = vec![json!({
            "model": question["model"], "choices": [{"delta": {"content": "Hi"}}],
        })];
        if question["model"] != "cut" {
            events.push(json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}));
            if question["stream_options"]["include_usage"] == true {
                let usage = json!({"prompt_tokens": 2000, "completion_tokens": 300});
                events.push(json!({"choices": [], "usage": usage}));
            }
            events.push("[DONE]".into());
        }
        let text = |event: &Value| event.as_str().map_or(event.to_string(), str::to_owned);
        let frames = events.iter().map(|event| format!("data: {}\n\n", text(event)));
        ([(header::CONTENT_TYPE, "text/event-stream")], frames.collect::<String>())
    };
    let app = Router::new().route("/v1/chat/completions", post(reply));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("the listener has an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/v1")
}

async fn gateway(first: StatusCode, second: StatusCode) -> (Router, Metrics) {
    program::with_providers([stand_in::serve(first).await, stand_in::serve(second).await])
}

/// Returns the gateway in front of a provider of streams.
async fn gateway_of_streams() -> (Router, Metrics) {
    program::with_providers([serve_streams().await, stand_in::serve(StatusCode::OK).await])
}

async fn ask(app: &Router, tenant: &str) -> (StatusCode, String) {
    post_question(app, tenant, "{}".to_owned()).await
}

/// Asks for a stream of a model, and returns the events.
async fn stream(app: &Router, model: &str) -> String {
    let question = json!({"model": model, "stream": true, "messages": []});
    post_question(app, "acme", question.to_string()).await.1
}

async fn post_question(app: &Router, tenant: &str, question: String) -> (StatusCode, String) {
    let request = Request::post("/v1/chat/completions").header("x-tenant", tenant);
    let request = request.body(Body::from(question)).expect("the request is well formed");
    let response = app.clone().oneshot(request).await.expect("a router does not fail");
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("the body does not fail");
    (status, String::from_utf8(body.to_vec()).expect("the body is UTF-8"))
}

#[test]
fn gateway_chapter_has_both_programs() {
    for program in [include_str!("gateway/program.rs"), include_str!("gateway/provider.rs")] {
        assert!(CHAPTER.contains(&format!("```rust,no_run\n{program}```\n")), "{program}");
    }
}

#[tokio::test]
async fn gateway_chapter_page_matches_the_metrics_of_its_programs() {
    let (app, metrics) = gateway(StatusCode::TOO_MANY_REQUESTS, StatusCode::OK).await;
    assert_eq!(ask(&app, "acme").await, (StatusCode::OK, stand_in::BODY.to_owned()));
    let page = page_of(&metrics);
    let (_, lines) = CHAPTER.split_once("```text\napp_").expect("the chapter has a page");
    let (lines, _) = lines.split_once("```").expect("the page ends");
    let lines = format!("app_{lines}");
    assert!(lines.lines().count() > 8, "{lines}");
    for line in lines.lines() {
        assert!(page.lines().any(|candidate| candidate == line), "{line} is not in\n{page}");
    }
}

#[tokio::test]
async fn gateway_program_forwards_the_last_refusal_and_counts_no_invented_tenant() {
    let refusal = StatusCode::SERVICE_UNAVAILABLE;
    let (app, metrics) = gateway(StatusCode::TOO_MANY_REQUESTS, refusal).await;
    assert_eq!(ask(&app, "mallory").await.0, refusal);
    let page = page_of(&metrics);
    let failed = "outcome=\"server_error\",tenant=\"other\"} 1";
    assert!(page.contains(failed), "{page}");
    for error_type in ["rate_limited", "overloaded"] {
        let call = format!("error_type=\"{error_type}\",tenant=\"other\"}} 1");
        assert!(page.contains(&call), "{call} is not in\n{page}");
    }
    assert!(!page.contains("mallory"), "{page}");
}

#[tokio::test]
async fn gateway_program_counts_the_cost_of_streams_whose_clients_do_not_request_the_usage() {
    let (app, metrics) = gateway_of_streams().await;
    let events = stream(&app, "m-1").await;
    assert!(events.contains(r#""choices":[],"usage":{"#), "{events}");
    let page = page_of(&metrics);
    let cost = "token_type=\"input\",detail=\"unspecified\",tenant=\"acme\"} 0.005";
    assert!(page.contains(cost), "{page}");
}

#[tokio::test]
async fn gateway_program_passes_requests_for_whole_replies_on_unchanged() {
    for question in ["{ \"stream\": false }", "[1, 2]", "no JSON"] {
        assert_eq!(program::sent_for(question), question);
    }
    let question = r#"{"stream": true, "stream_options": {"include_obfuscation": false}}"#;
    let sent: Value = serde_json::from_str(&program::sent_for(question)).expect("JSON");
    let options = json!({"include_obfuscation": false, "include_usage": true});
    assert_eq!(sent, json!({"stream": true, "stream_options": options}));
    let odd = program::sent_for(r#"{"stream": true, "stream_options": "none"}"#);
    assert!(odd.contains(r#"{"include_usage":true}"#), "{odd}");
}

#[tokio::test]
async fn gateway_program_counts_a_stream_that_ends_early_as_truncated() {
    let (app, metrics) = gateway_of_streams().await;
    stream(&app, "cut").await;
    let page = page_of(&metrics);
    for sample in [
        "finish_reason=\"\",error_type=\"truncated\",tenant=\"acme\"} 1",
        "outcome=\"truncated\",tenant=\"acme\"} 1",
        "status=\"200\",outcome=\"success\",tenant=\"acme\"} 1",
        "model=\"other\",reason=\"not_sent\"} 1",
    ] {
        assert!(page.contains(sample), "{sample} is not in\n{page}");
    }
}

#[tokio::test]
async fn gateway_program_keeps_its_model_after_many_invented_names() {
    let (app, metrics) = gateway_of_streams().await;
    for number in 0..120 {
        stream(&app, &format!("invented-{number}")).await;
    }
    stream(&app, "m-1").await;
    let page = page_of(&metrics);
    assert!(!page.contains("invented-"), "{page}");
    assert!(page.contains(
        "app_unpriced_calls_total{endpoint=\"/v1/chat/completions\",model=\"other\"} 120"
    ));
    let call = "provider=\"first\",model=\"m-1\",operation=\"chat\",finish_reason=\"stop\"";
    assert!(page.contains(call), "{page}");
}
