use std::env::args;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::post;

const REPLY: &str = r#"{"model": "m-1",
    "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 2000, "completion_tokens": 300}}"#;

fn provider(status: StatusCode) -> Router {
    let reply =
        move || async move { (status, [(header::CONTENT_TYPE, "application/json")], REPLY) };
    Router::new().route("/v1/chat/completions", post(reply))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = args().nth(1).ok_or("usage: provider PORT [STATUS]")?.parse()?;
    let status = args().nth(2).map_or(Ok(StatusCode::OK), |status| status.parse())?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, provider(status)).await?;
    Ok(())
}
