//! Statuses from 600 to 999, which HTTP does not assign: a server error in every family.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use futures_util::stream;
use streamgauge::call::{CallError, CallErrorType};
use streamgauge::{Metrics, Usage, instrument_endpoint, streaming_metrics, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, settled};
use tower_http::catch_panic::CatchPanicLayer;

/// A reply whose usage does not count, because the response is an error.
const REPLY: &str = r#"{"object":"chat.completion","model":"small-1","choices":[],
    "usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#;

fn status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("three digits are a status")
}

async fn scrape_after(router: Router, requests: usize) -> Scrape {
    let metrics = metrics();
    let app = router.layer(metrics.layer());
    for _ in 0..requests {
        get(&app, "/").await;
    }
    settled(&metrics)
}

#[tokio::test]
async fn unassigned_status_is_a_server_error_of_the_request() {
    for code in [600, 700, 999] {
        let router = Router::new().route("/", route_get(move || async move { status(code) }));
        let scrape = scrape_after(router, 1).await;
        let code = code.to_string();
        let request = [("status", &*code), ("outcome", "server_error")];
        assert_eq!(scrape.sum("app_http_requests_total", &request), 1, "{code}");
        let error = [("status", &*code), ("error_type", "server")];
        assert_eq!(scrape.sum("app_errors_total", &error), 1, "{code}");
    }
}

#[tokio::test]
async fn unassigned_status_is_grouped_by_its_first_digit() {
    let metrics = Metrics::builder().group_status().build().expect("the settings are valid");
    let app = Router::new().route("/", route_get(async || status(700))).layer(metrics.layer());
    get(&app, "/").await;
    let request = [("status", "7xx"), ("outcome", "server_error")];
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &request), 1);
}

#[tokio::test]
async fn unassigned_status_of_a_caught_panic_is_a_panic() {
    #[instrument_endpoint]
    async fn panics() {
        panic!("on purpose")
    }

    let layer = CatchPanicLayer::custom(|_| status(700).into_response());
    let router = Router::new().route("/", route_get(panics)).layer(layer);
    let scrape = scrape_after(router, 1).await;
    assert_eq!(scrape.sum("app_http_requests_total", &[("outcome", "panic")]), 1);
}

/// Asserts that every request made one call, which failed and has no usage.
#[track_caller]
fn assert_failed_calls(scrape: &Scrape, calls: i64) {
    let call = [("finish_reason", "error"), ("error_type", "server_error")];
    assert_eq!(scrape.sum("app_llm_calls_total", &call), calls, "{scrape:#?}");
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), calls);
    assert_eq!(scrape.sum("app_token_usage_total", &[]), 0);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}

mod tracked {
    use super::*;

    #[track_tokens(protocol = "openai")]
    pub(super) async fn response() -> Response {
        (status(700), REPLY).into_response()
    }

    #[track_tokens(protocol = "openai")]
    pub(super) async fn tuple() -> (StatusCode, &'static str) {
        (status(700), REPLY)
    }

    #[track_tokens(protocol = "openai")]
    pub(super) async fn sent() -> impl IntoResponse {
        (status(700), REPLY)
    }

    #[track_tokens]
    async fn attempt() -> Result<Usage, StatusCode> {
        Err(status(700))
    }

    pub(super) async fn error() -> Result<(), StatusCode> {
        attempt().await.map(drop)
    }
}

mod streamed {
    use super::*;

    fn body() -> Body {
        Body::from_stream(stream::iter([Ok::<_, std::io::Error>(Bytes::from(REPLY))]))
    }

    #[streaming_metrics(protocol = "openai")]
    pub(super) async fn response() -> Response {
        (status(700), body()).into_response()
    }

    #[streaming_metrics(protocol = "openai")]
    pub(super) async fn sent() -> impl IntoResponse {
        (status(700), body())
    }
}

#[tokio::test]
async fn unassigned_status_of_a_reply_is_a_failed_call() {
    for handler in [
        route_get(tracked::response),
        route_get(tracked::tuple),
        route_get(tracked::sent),
        route_get(tracked::error),
        route_get(streamed::response),
        route_get(streamed::sent),
    ] {
        let scrape = scrape_after(Router::new().route("/", handler), 2).await;
        assert_failed_calls(&scrape, 2);
        assert_eq!(scrape.sum("app_http_requests_total", &[("outcome", "server_error")]), 2);
    }
}

#[tokio::test]
async fn unassigned_status_of_a_response_fails_the_calls_that_are_open() {
    #[track_tokens]
    async fn opens() -> impl futures_core::Stream<Item = &'static str> {
        stream::iter(["one"])
    }

    async fn refuses() -> StatusCode {
        let _stream = opens().await;
        status(700)
    }

    let scrape = scrape_after(Router::new().route("/", route_get(refuses)), 1).await;
    assert_failed_calls(&scrape, 1);
}

#[test]
fn unassigned_status_has_the_error_type_of_a_server_error() {
    for code in [600, 700, 999] {
        assert_eq!(CallErrorType::from_status(status(code)), CallErrorType::ServerError);
        assert_eq!(status(code).call_error_type(), CallErrorType::ServerError);
    }
}
