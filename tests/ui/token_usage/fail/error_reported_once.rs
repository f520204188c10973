//! A mistake in a derive is reported once, although the type is used elsewhere.

use axum::Json;
use streamgauge::{TokenUsage, track_tokens};

#[derive(TokenUsage)]
struct Answer {
    #[token_usage(imput)]
    prompt_tokens: u32,
}

#[track_tokens]
async fn ask() -> Json<Answer> {
    Json(Answer { prompt_tokens: 1 })
}

#[tokio::main]
async fn main() {
    ask().await.0.token_usage();
}
