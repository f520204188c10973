//! A proxy in front of a server with the APIs of `OpenAI` or Anthropic.
//!
//! Requests and replies pass through unchanged, except for hop-by-hop headers, the API key and
//! `Accept-Encoding`. The usage of each reply is read while its bytes pass.

mod anthropic;
mod error_chain;
mod headers;
mod openai;
mod settings;
mod upstream;
mod upstream_error;
mod upstream_reply;

use axum::{
    Router,
    routing::{get, post},
};
use streamgauge::Metrics;

pub use self::{
    settings::{SettingError, Settings},
    upstream::Upstream,
};
use super::{anthropic as demo_anthropic, basic_endpoints, openai as demo_openai};

/// Returns the routes of a proxy in front of `upstream`.
///
/// Requests and calls are recorded in `metrics`.
pub fn app(upstream: Upstream, metrics: &Metrics) -> Router {
    let mut router = Router::new();
    for path in ["/v1/chat/completions", "/v1/responses", "/v1/completions", "/v1/embeddings"] {
        router = router
            .route(path, post(openai::forward_call).fallback(demo_openai::method_not_allowed));
    }
    router
        .route("/v1/models", get(openai::list_models).fallback(demo_openai::method_not_allowed))
        .route(
            "/v1/messages",
            post(anthropic::forward_call).fallback(demo_anthropic::method_not_allowed),
        )
        .route("/health", get(basic_endpoints::health))
        .route("/metrics", get(metrics.endpoint()))
        .layer(metrics.layer())
        .with_state(upstream)
}
