//! The chapter "A gateway with fallbacks": its programs are the ones that run here, and its page is
//! theirs.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use streamgauge::Metrics;
use streamgauge_test_support::page_of;
use tower::ServiceExt;

const CHAPTER: &str = include_str!("../../../docs/gateway.md");

#[expect(dead_code, reason = "`main` uses fixed ports")]
mod program {
    include!("gateway/program.rs");

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

async fn gateway(first: StatusCode, second: StatusCode) -> (Router, Metrics) {
    program::with_providers([stand_in::serve(first).await, stand_in::serve(second).await])
}

async fn ask(app: &Router, tenant: &str) -> (StatusCode, String) {
    let request = Request::post("/v1/chat/completions").header("x-tenant", tenant);
    let request = request.body(Body::from("{}")).expect("the request is well formed");
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
