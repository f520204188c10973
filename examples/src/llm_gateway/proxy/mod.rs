//! A proxy in front of any server that speaks the APIs of `OpenAI` or Anthropic: requests and replies
//! pass as they are, and what they cost is read on the way.

mod answer;
mod anthropic;
mod causes;
mod failure;
mod headers;
mod openai;
mod settings;
mod upstream;

use axum::{
    Router,
    routing::{get, post},
};
use streamgauge::Metrics;

pub use self::{
    settings::{SettingError, Settings},
    upstream::Upstream,
};
use super::{anthropic as demo_anthropic, classics, openai as demo_openai};

/// The proxy in front of `upstream`, recorded in `metrics`.
pub fn app(upstream: Upstream, metrics: &Metrics) -> Router {
    let mut router = Router::new();
    for path in ["/v1/chat/completions", "/v1/responses", "/v1/completions", "/v1/embeddings"] {
        router = router.route(path, post(openai::ask).fallback(demo_openai::wrong_method));
    }
    router
        .route("/v1/models", get(openai::list).fallback(demo_openai::wrong_method))
        .route("/v1/messages", post(anthropic::ask).fallback(demo_anthropic::wrong_method))
        .route("/health", get(classics::health))
        .route("/metrics", get(metrics.endpoint()))
        .layer(metrics.layer())
        .with_state(upstream)
}
