//! Tokens: from the reply, and from a task that goes on after it.
//!
//! ```text
//! cargo run --example tokens [PORT]
//! curl http://127.0.0.1:8080/ask -H 'content-type: application/json' \
//!   -d '{"model": "small-1", "text": "How many roads?"}'
//! curl http://127.0.0.1:8080/metrics
//! ```
//!
//! `app_token_usage_total` has the tokens by model, direction and detail: what was read from the
//! cache is not counted as input once more. A second later `app_llm_calls_total` is 2 for the one
//! question: the title that is made for it in the background is a call of its own.

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

/// The counts are as a provider sends them: the cached tokens are a part of the prompt's.
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

/// Both labels are read before the body runs, and may be expressions over the arguments.
#[track_tokens(provider = "house", model = question.model)]
async fn ask(Json(question): Json<Question>) -> Result<Json<Answer>, (StatusCode, &'static str)> {
    let prompt_tokens = question.text.split_whitespace().count();
    if prompt_tokens == 0 {
        return Err((StatusCode::BAD_REQUEST, "ask something\n"));
    }
    // A spawned task is outside the request; the handle keeps the way back to its labels.
    let tokens = token_usage_context::handle();
    tokio::spawn(async move { tokens.record(find_title(question.text).await) });
    let cached_tokens = (prompt_tokens > 2).then_some(2);
    Ok(Json(Answer { text: "Forty-two.", prompt_tokens, cached_tokens, completion_tokens: 3 }))
}

/// Stands for a second call of the model.
async fn find_title(text: String) -> Usage {
    sleep(Duration::from_secs(1)).await;
    Usage::new(text.len() as u64, 4)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::args().nth(1).map_or(Ok(8080), |port| port.parse())?;
    let metrics = Metrics::builder().build()?;
    let app = Router::new()
        .route("/ask", post(ask))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer());
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
