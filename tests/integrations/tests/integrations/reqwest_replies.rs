//! Tracked functions that return a `reqwest::Response`: the reply is parsed as it is read.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, StatusCode, Version};
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use axum::{Json, Router};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use streamgauge::{Metrics, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, settled};
use tokio::net::TcpListener;

const INPUT: i64 = 12;
const OUTPUT: i64 = 34;

fn usage() -> Value {
    json!({"prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT})
}

async fn whole() -> impl IntoResponse {
    let message = json!({"index": 0, "finish_reason": "stop", "message": {"content": "Hello"}});
    let reply = json!({
        "object": "chat.completion", "model": "m-1", "choices": [message], "usage": usage(),
    });
    ([(HeaderName::from_static("x-request-id"), "7")], Json(reply))
}

fn frames() -> Vec<String> {
    let chunk = |choices: Value, usage: Value| {
        let object = "chat.completion.chunk";
        let frame = json!({"object": object, "model": "m-1", "choices": choices, "usage": usage});
        format!("data: {frame}\n\n")
    };
    let delta = json!([{"index": 0, "delta": {"content": "Hello"}, "finish_reason": null}]);
    let end = json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]);
    vec![
        chunk(delta, Value::Null),
        chunk(end, Value::Null),
        chunk(json!([]), usage()),
        "data: [DONE]\n\n".to_owned(),
    ]
}

async fn events() -> Response {
    let body = Body::from_stream(stream::iter(frames().into_iter().map(Ok::<_, Infallible>)));
    ([(CONTENT_TYPE, "text/event-stream")], body).into_response()
}

/// Sends the first frame and keeps the connection open.
async fn endless() -> Response {
    let first = stream::iter(frames().into_iter().take(1));
    let body = Body::from_stream(first.chain(stream::pending()).map(Ok::<_, Infallible>));
    ([(CONTENT_TYPE, "text/event-stream")], body).into_response()
}

/// Serves a model on a free port.
async fn model() -> std::io::Result<SocketAddr> {
    let app = Router::new()
        .route("/whole", route_get(whole))
        .route("/events", route_get(events))
        .route("/endless", route_get(endless))
        .route("/empty", route_get(|| async { StatusCode::NO_CONTENT }))
        .route("/busy", route_get(|| async { (StatusCode::TOO_MANY_REQUESTS, "later") }));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

fn url(address: SocketAddr, path: &str) -> String {
    format!("http://{address}{path}")
}

#[track_tokens(protocol = "openai", provider = "house", operation = "chat")]
async fn ask(url: String) -> Result<reqwest::Response, reqwest::Error> {
    reqwest::get(url).await
}

#[track_tokens(protocol = "openai")]
async fn ask_or_panic(url: String) -> reqwest::Response {
    reqwest::get(url).await.expect("the model replies")
}

/// Runs `read` in a handler behind a layer, and returns the metrics afterwards.
async fn recorded<F, T>(path: &'static str, read: fn(String) -> F) -> std::io::Result<Scrape>
where
    F: Future<Output = T> + Send + 'static,
    T: IntoResponse + Send + 'static,
{
    let metrics: Metrics = metrics();
    let target = url(model().await?, path);
    let handler = move || read(target.clone());
    let app = Router::new().route("/ask", route_get(handler)).layer(metrics.layer());
    let (status, _) = get(&app, "/ask").await;
    assert_eq!(status, StatusCode::OK);
    Ok(settled(&metrics))
}

#[track_caller]
fn assert_one_call(scrape: &Scrape, finish_reason: &str, tokens: i64) {
    let labels = [("endpoint", "/ask"), ("finish_reason", finish_reason)];
    assert_eq!(scrape.sum("app_llm_calls_total", &labels), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1);
    assert_eq!(scrape.sum("app_token_usage_total", &[("endpoint", "/ask")]), tokens);
}

#[tokio::test]
async fn whole_reply_is_parsed_as_json_reads_it() -> std::io::Result<()> {
    let scrape = recorded("/whole", |url| async {
        let reply: Value = ask(url).await.unwrap().json().await.unwrap();
        assert_eq!(reply["model"], "m-1");
    })
    .await?;
    assert_one_call(&scrape, "stop", INPUT + OUTPUT);
    let labels = [("provider", "house"), ("model", "m-1"), ("token_type", "output")];
    assert_eq!(scrape.sum("app_token_usage_total", &labels), OUTPUT);
    Ok(())
}

#[tokio::test]
async fn streamed_reply_is_parsed_as_bytes_stream_reads_it() -> std::io::Result<()> {
    let scrape = recorded("/events", |url| async {
        let mut stream = ask(url).await.unwrap().bytes_stream();
        let mut read = Vec::new();
        while let Some(bytes) = stream.next().await {
            read.extend(bytes.unwrap());
        }
        assert_eq!(read, frames().concat().into_bytes());
    })
    .await?;
    assert_one_call(&scrape, "stop", INPUT + OUTPUT);
    Ok(())
}

#[tokio::test]
async fn streamed_reply_is_parsed_as_chunk_reads_it() -> std::io::Result<()> {
    let scrape = recorded("/events", |url| async {
        let mut reply = ask_or_panic(url).await;
        let mut read = 0;
        while let Some(chunk) = reply.chunk().await.unwrap() {
            read += chunk.len();
        }
        assert_eq!(read, frames().concat().len());
    })
    .await?;
    assert_one_call(&scrape, "stop", INPUT + OUTPUT);
    Ok(())
}

#[tokio::test]
async fn reply_that_is_passed_on_is_parsed_as_it_is_sent() -> std::io::Result<()> {
    let scrape = recorded("/events", |url| async {
        let reply = ask_or_panic(url).await;
        Body::from_stream(reply.bytes_stream())
    })
    .await?;
    assert_one_call(&scrape, "stop", INPUT + OUTPUT);
    Ok(())
}

#[tokio::test]
async fn reply_that_is_dropped_early_is_a_call_without_usage() -> std::io::Result<()> {
    let scrape = recorded("/endless", |url| async {
        let mut reply = ask_or_panic(url).await;
        assert!(reply.chunk().await.unwrap().is_some());
        drop(reply);
    })
    .await?;
    assert_one_call(&scrape, "cancelled", 0);
    let reasons = [("endpoint", "/ask"), ("reason", "disconnected")];
    assert_eq!(scrape.sum("app_usage_missing_total", &reasons), 1);
    Ok(())
}

#[tokio::test]
async fn reply_with_an_error_status_is_a_failed_call() -> std::io::Result<()> {
    let scrape = recorded("/busy", |url| async {
        let reply = ask(url).await.unwrap();
        assert_eq!(reply.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(reply.text().await.unwrap(), "later");
    })
    .await?;
    assert_one_call(&scrape, "error", 0);
    Ok(())
}

#[tokio::test]
async fn request_without_a_reply_is_a_failed_call() -> std::io::Result<()> {
    let scrape = recorded("/whole", |_| async {
        assert!(ask("http://localhost:not-a-port".to_owned()).await.is_err());
    })
    .await?;
    assert_one_call(&scrape, "error", 0);
    Ok(())
}

#[tokio::test]
async fn empty_reply_is_a_call_without_usage() -> std::io::Result<()> {
    let scrape = recorded("/empty", |url| async {
        assert_eq!(ask_or_panic(url).await.bytes().await.unwrap().len(), 0);
    })
    .await?;
    assert_eq!(scrape.sum("app_llm_calls_total", &[("endpoint", "/ask")]), 1);
    Ok(())
}

#[tokio::test]
async fn tracked_reply_keeps_its_head() -> std::io::Result<()> {
    let target = url(model().await?, "/whole");
    let plain = reqwest::get(&target).await.unwrap();
    let tracked = ask(target.clone()).await.unwrap();
    assert_eq!(tracked.url().as_str(), target);
    assert_eq!(tracked.url(), plain.url());
    assert_eq!(tracked.status(), StatusCode::OK);
    assert_eq!(tracked.version(), Version::HTTP_11);
    assert_eq!(tracked.content_length(), plain.content_length());
    assert!(tracked.content_length().is_some());
    assert!(tracked.remote_addr().is_some());
    let without_date = |mut headers: HeaderMap| {
        headers.remove("date");
        headers
    };
    assert_eq!(tracked.headers()["x-request-id"], "7");
    assert_eq!(without_date(tracked.headers().clone()), without_date(plain.headers().clone()));
    Ok(())
}
