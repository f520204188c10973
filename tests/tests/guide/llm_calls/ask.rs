use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use streamgauge::{BuildError, Metrics, TokenUsage, metrics_endpoint, track_tokens};

#[derive(Deserialize)]
struct Question {
    model: String,
    text: String,
}

#[derive(Serialize, TokenUsage)]
struct Answer {
    text: String,
    #[token_usage(input)]
    prompt_tokens: u64,
    #[token_usage(cache_read)]
    cached_tokens: u64,
    #[token_usage(output)]
    completion_tokens: u64,
}

#[track_tokens(provider = "house", model = question.model, operation = "chat")]
async fn ask(Json(question): Json<Question>) -> Result<Json<Answer>, StatusCode> {
    if question.text.is_empty() {
        return Err(StatusCode::BAD_REQUEST);
    }
    // Stands for the exchange with the model.
    Ok(Json(Answer {
        text: "Forty-two.".to_owned(),
        prompt_tokens: 1_200,
        cached_tokens: 1_000,
        completion_tokens: 300,
    }))
}

pub fn app() -> Result<Router, BuildError> {
    let metrics = Metrics::builder().models(["large-1", "small-1"]).build()?;
    Ok(Router::new()
        .route("/ask", post(ask))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer()))
}
