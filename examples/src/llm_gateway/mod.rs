//! A gateway for language models: the chat APIs of `OpenAI` and Anthropic, plain and streamed.
//!
//! [`app()`] replies with an embedded demonstration model that returns prepared sentences.
//! [`proxy::app`] forwards the requests to another server. The program `src/bin/llm_gateway.rs`
//! starts either; its documentation has the commands to run and the metrics to look at.
//!
//! Where to find the uses of streamgauge:
//!
//! | module | shows |
//! |---|---|
//! | `openai`, `anthropic` | one endpoint whose replies are plain or streamed, with `protocol` |
//! | `basic_endpoints` | usage in a reply, errors, and three ways to meter a stream |
//! | `usage` | usage that is recorded by code instead of read from the reply |
//! | `welcome` | nothing of streamgauge: what to try, at `GET /` and where the program starts |
//! | `proxy` | forwarded replies, parsed as their bytes pass; fallbacks, each a call of its own |

mod anthropic;
mod basic_endpoints;
mod generation;
mod model;
mod openai;
mod pace;
mod prompt;
pub mod proxy;
mod request_error;
mod tokenizer;
mod tools;
mod usage;
pub mod welcome;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderMap, Uri},
    routing::{get, post},
};
use streamgauge::Metrics;

use self::welcome::DEMONSTRATION;
pub use self::{pace::Pace, tokenizer::load as load_vocabulary};

/// Maximum size of a request body, in bytes.
///
/// Tokenizing a prompt blocks a worker thread, and the limit bounds how long.
const MAX_BODY_SIZE: usize = 256 * 1024;

/// Returns the routes of the gateway with the demonstration model.
///
/// The model pauses for `pace` before each token. Requests and calls are recorded in `metrics`.
pub fn app(pace: Pace, metrics: &Metrics) -> Router {
    Router::new()
        .route(
            "/",
            get(
                |uri: Uri, headers: HeaderMap| async move { DEMONSTRATION.respond(&uri, &headers) },
            ),
        )
        .route(
            "/v1/chat/completions",
            post(openai::chat_completions).fallback(openai::method_not_allowed),
        )
        .route("/v1/models", get(openai::models).fallback(openai::method_not_allowed))
        .route("/v1/messages", post(anthropic::messages).fallback(anthropic::method_not_allowed))
        .route("/generate", post(basic_endpoints::generate))
        .route("/risky", get(basic_endpoints::risky))
        .route("/stream", get(basic_endpoints::stream))
        .route("/stream2", get(basic_endpoints::wrapped_stream))
        .route("/events", get(basic_endpoints::events))
        .route("/health", get(basic_endpoints::ready))
        .route("/metrics", get(metrics.endpoint()))
        .fallback(|headers: HeaderMap| async move { DEMONSTRATION.not_found(&headers) })
        .layer(DefaultBodyLimit::max(MAX_BODY_SIZE))
        .layer(metrics.layer())
        .with_state(pace)
}
