use axum::{Router, routing::get};
use streamgauge::{Metrics, TokenUsage, metrics_endpoint, track_tokens};

#[derive(TokenUsage)]
struct Answer {
    text: String,
    #[token_usage(input)]
    prompt_tokens: u64,
    #[token_usage(output)]
    completion_tokens: u64,
}

/// Asks the model. A real function sends a request here.
#[track_tokens(provider = "house", model = "small-1", operation = "chat")]
async fn ask(question: &str) -> Answer {
    let prompt_tokens = question.split_whitespace().count() as u64;
    Answer { text: "It boils water.\n".to_owned(), prompt_tokens, completion_tokens: 4 }
}

async fn describe() -> String {
    ask("Describe a kettle in three words").await.text
}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/items/{id}/description", get(describe))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer())
}
