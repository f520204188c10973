//! Counts tokens of language-model calls: of the reply that a handler returns, and of a call in a
//! background task that outlives the request.
//!
//! Start the server, ask a question and read the metrics. `PORT` defaults to 8080:
//!
//! ```text
//! cargo run --example tokens [PORT]
//! curl http://127.0.0.1:8080/ask -H 'content-type: application/json' \
//!   -d '{"model": "small-1", "text": "How many roads?"}'
//! curl http://127.0.0.1:8080/metrics
//! ```
//!
//! What to look at:
//!
//! - `app_token_usage_total` has the labels `model`, `token_type` (`input` or `output`) and
//!   `detail`. The cached tokens of the prompt have the detail `cache_read`, and no token is
//!   counted twice.
//! - `app_llm_calls_total` is 2 one second after the question: the background task that finds a
//!   title for the question is a call of its own.

use std::{env, error::Error, time::Duration};

use axum::{Json, Router, http::StatusCode, routing::get, routing::post};
use serde::{Deserialize, Serialize};
use streamgauge::{
    Metrics, TokenUsage, Usage, metrics_endpoint, token_usage_context, track_tokens,
};
use tokio::{net::TcpListener, time::sleep};

#[derive(Deserialize)]
struct Question {
    model: String,
    text: String,
}

/// A reply with its usage, as a provider sends it: `cached_tokens` are a part of `prompt_tokens`.
#[derive(Serialize, TokenUsage)]
struct Answer {
    text: &'static str,
    #[token_usage(input)]
    prompt_tokens: usize,
    #[token_usage(cache_read)]
    cached_tokens: Option<usize>,
    #[token_usage(output)]
    completion_tokens: usize,
}

/// Answers a question.
///
/// The labels `provider` and `model` may be expressions that use the arguments. They are evaluated
/// before the function body.
#[track_tokens(provider = "house", model = question.model)]
async fn ask(Json(question): Json<Question>) -> Result<Json<Answer>, (StatusCode, &'static str)> {
    let prompt_tokens = question.text.split_whitespace().count();
    if prompt_tokens == 0 {
        return Err((StatusCode::BAD_REQUEST, "ask something\n"));
    }
    // A spawned task runs outside the request. The handle records with the request's labels.
    let tokens = token_usage_context::handle();
    tokio::spawn(async move { tokens.record(find_title(question.text).await) });
    let cached_tokens = (prompt_tokens > 2).then_some(2);
    Ok(Json(Answer { text: "Forty-two.", prompt_tokens, cached_tokens, completion_tokens: 3 }))
}

/// Stands for a second call of a model.
async fn find_title(text: String) -> Usage {
    sleep(Duration::from_secs(1)).await;
    Usage::new(text.len() as u64, 4)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::args().nth(1).map_or(Ok(8080), |port| port.parse())?;
    // The label `model` is a text that clients write. Without this list, a client that invents a
    // hundred names uses up the limit of the label's values, and the names of real models become
    // `other` until the process restarts. With the list, only invented names do.
    let metrics = Metrics::builder().models(["large-1", "small-1"]).build()?;
    let app = Router::new()
        .route("/ask", post(ask))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer());
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
