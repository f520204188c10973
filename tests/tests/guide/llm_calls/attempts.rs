use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use streamgauge::{BuildError, Metrics, metrics_endpoint, track_tokens};

#[track_tokens(operation = "chat")]
async fn ask(question: String) -> Result<Json<Value>, StatusCode> {
    match attempt("first", &question).await {
        Err(StatusCode::TOO_MANY_REQUESTS) => attempt("second", &question).await,
        reply => reply,
    }
}

#[track_tokens(provider = provider)]
async fn attempt(provider: &str, _question: &str) -> Result<Json<Value>, StatusCode> {
    // Stands for a request to this provider.
    if provider == "first" {
        return Err(StatusCode::TOO_MANY_REQUESTS);
    }
    Ok(Json(json!({
        "model": "m-1",
        "choices": [{"message": {"content": "Forty-two."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 4, "completion_tokens": 2},
    })))
}

pub fn app() -> Result<Router, BuildError> {
    let metrics = Metrics::builder().build()?;
    Ok(Router::new()
        .route("/ask", post(ask))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer()))
}
