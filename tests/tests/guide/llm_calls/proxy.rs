use axum::Router;
use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use streamgauge::{BuildError, Metrics, metrics_endpoint, track_tokens};

#[track_tokens(protocol = "openai", provider = "openai")]
async fn chat(question: Body) -> Response {
    upstream(question).await
}

// Stands for an HTTP client: passes the reply of the model API on as it arrives.
async fn upstream(_question: Body) -> Response {
    let events = concat!(
        r#"data: {"model":"m-1","choices":[{"delta":{"content":"Forty"}}]}"#,
        "\n\n",
        r#"data: {"model":"m-1","choices":[{"delta":{"content":"-two"}}]}"#,
        "\n\n",
        r#"data: {"model":"m-1","choices":[{"delta":{},"finish_reason":"stop"}]}"#,
        "\n\n",
        r#"data: {"choices":[],"usage":{"prompt_tokens":4,"completion_tokens":2}}"#,
        "\n\n",
        "data: [DONE]\n\n",
    );
    ([(header::CONTENT_TYPE, "text/event-stream")], events).into_response()
}

pub fn app() -> Result<Router, BuildError> {
    let metrics = Metrics::builder().build()?;
    Ok(Router::new()
        .route("/chat", post(chat))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer()))
}
