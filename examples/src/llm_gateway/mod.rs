//! A gateway to language models: the chat APIs of `OpenAI` and Anthropic, plain and streamed, in front
//! of a model that only recites.

mod anthropic;
mod classics;
mod generation;
mod model;
mod openai;
mod pace;
mod prompt;
pub mod proxy;
mod refusal;
mod tokenizer;
mod tools;
mod usage;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use streamgauge::Metrics;

pub use self::{pace::Pace, tokenizer::load as load_vocabulary};

/// The largest request body, in bytes: reading a prompt keeps a thread busy, and this keeps it
/// brief.
const BODY_LIMIT: usize = 256 * 1024;

/// The gateway, whose model generates at `pace`, recorded in `metrics`.
pub fn app(pace: Pace, metrics: &Metrics) -> Router {
    Router::new()
        .route(
            "/v1/chat/completions",
            post(openai::chat_completions).fallback(openai::wrong_method),
        )
        .route("/v1/models", get(openai::models).fallback(openai::wrong_method))
        .route("/v1/messages", post(anthropic::messages).fallback(anthropic::wrong_method))
        .route("/generate", post(classics::generate))
        .route("/risky", get(classics::risky))
        .route("/stream", get(classics::stream))
        .route("/stream2", get(classics::stream2))
        .route("/events", get(classics::events))
        .route("/health", get(classics::health))
        .route("/metrics", get(metrics.endpoint()))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(metrics.layer())
        .with_state(pace)
}
