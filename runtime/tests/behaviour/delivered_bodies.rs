//! Metered bodies in memory: one frame, of which the client may take a part, and after which a body
//! is not polled again.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use axum::{Json, Router};
use http_body::Body as _;
use http_body_util::BodyExt;
use serde_json::json;
use streamgauge::streaming_metrics;
use streamgauge_test_support::client::{get, metrics, send, settled};

fn content() -> Vec<u8> {
    vec![0; 1024 * 1024]
}

#[streaming_metrics]
async fn body() -> Body {
    Body::from(content())
}

#[streaming_metrics]
async fn response() -> Response {
    content().into_response()
}

#[streaming_metrics]
async fn opaque() -> impl IntoResponse {
    content()
}

#[streaming_metrics]
async fn tuple() -> (StatusCode, Vec<u8>) {
    (StatusCode::OK, content())
}

#[streaming_metrics(protocol = "openai")]
async fn document() -> Response {
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 4});
    Json(json!({"object": "chat.completion", "model": "m-1", "usage": usage})).into_response()
}

fn routes() -> Router {
    Router::new()
        .route("/body", route_get(body))
        .route("/response", route_get(response))
        .route("/opaque", route_get(opaque))
        .route("/tuple", route_get(tuple))
        .route("/document", route_get(document))
}

#[tokio::test]
async fn body_in_memory_is_complete_only_if_the_client_took_all_of_it() {
    for path in ["/body", "/response", "/opaque", "/tuple"] {
        for (takes_all, request, stream) in
            [(true, "success", "complete"), (false, "cancelled", "client_disconnect")]
        {
            let metrics = metrics();
            let app = routes().layer(metrics.layer());
            let mut body = send(&app, Method::GET, path).await.into_body();
            body.frame().await.expect("a frame").expect("no error");
            while takes_all && !body.is_end_stream() {
                body.frame().await.expect("a frame").expect("no error");
            }
            drop(body);
            let scrape = settled(&metrics);
            let sum = |family, outcome| scrape.sum(family, &[("outcome", outcome)]);
            assert_eq!(sum("app_http_requests_total", request), 1, "{path} {request}");
            assert_eq!(sum("app_stream_duration_seconds_count", stream), 1, "{path} {stream}");
            assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 1, "{path}");
        }
    }
}

/// Reads a body to its last frame, and does not poll it for its end.
async fn collect_frames(response: Response) -> Response {
    let (head, mut body) = response.into_parts();
    let mut content = Vec::new();
    while !body.is_end_stream() {
        let frame = body.frame().await.expect("a frame").expect("no error");
        content.extend(frame.into_data().expect("a frame of data"));
    }
    Response::from_parts(head, Body::from(content))
}

#[tokio::test]
async fn body_in_memory_that_a_layer_has_read_is_complete() {
    let metrics = metrics();
    let app = routes().layer(map_response(collect_frames)).layer(metrics.layer());
    get(&app, "/body").await;
    get(&app, "/document").await;
    let scrape = settled(&metrics);
    let complete = [("endpoint", "/body"), ("outcome", "complete")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &complete), 1);
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 1);
    let success = [("endpoint", "/document"), ("outcome", "success")];
    assert_eq!(scrape.sum("app_llm_call_duration_seconds_count", &success), 1);
    assert_eq!(scrape.sum("app_token_usage_total", &[]), 7);
}
