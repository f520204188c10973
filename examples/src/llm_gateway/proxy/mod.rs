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
mod upstreams;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderMap, Uri},
    routing::{get, post},
};
use streamgauge::Metrics;

use self::upstreams::Upstreams;

pub use self::{
    settings::{SettingError, Settings},
    upstream::Upstream,
};
use super::{anthropic as demo_anthropic, basic_endpoints, openai as demo_openai, welcome::PROXY};

/// Maximum size of a request body that is held in memory to be sent to a fallback, in bytes.
const MAX_BODY_SIZE: usize = 32 * 1024 * 1024;

/// Returns the routes of a proxy in front of `upstream`.
///
/// If an upstream cannot be reached, breaks off or is silent for too long before it replies, is
/// rate limited (429), fails (5xx) or replies with a status that cannot be forwarded (101, or 600
/// and above), the request is sent to the next one of `fallbacks`. A reply that the client has
/// begun to receive is not replaced. The list of models comes from the first upstream, `upstream`.
///
/// Requests and calls are recorded in `metrics`.
pub fn app(upstream: Upstream, fallbacks: Vec<Upstream>, metrics: &Metrics) -> Router {
    let not_allowed = demo_openai::method_not_allowed;
    Router::new()
        // A server for models has nothing to forward at `/`, and some clients probe it.
        .route(
            "/",
            get(|uri: Uri, headers: HeaderMap| async move { PROXY.respond(&uri, &headers) }),
        )
        .route("/v1/chat/completions", post(openai::chat).fallback(not_allowed))
        .route("/v1/responses", post(openai::chat).fallback(not_allowed))
        .route("/v1/completions", post(openai::complete).fallback(not_allowed))
        .route("/v1/embeddings", post(openai::embed).fallback(not_allowed))
        .route("/v1/models", get(openai::list_models).fallback(not_allowed))
        .route(
            "/v1/messages",
            post(anthropic::messages).fallback(demo_anthropic::method_not_allowed),
        )
        .route("/health", get(basic_endpoints::health))
        .route("/metrics", get(metrics.endpoint()))
        .fallback(|headers: HeaderMap| async move { PROXY.not_found(&headers) })
        .layer(DefaultBodyLimit::max(MAX_BODY_SIZE))
        .layer(metrics.layer())
        .with_state(Upstreams::new(upstream, fallbacks))
}
