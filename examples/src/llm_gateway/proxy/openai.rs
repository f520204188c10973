//! Proxy handlers for `OpenAI`'s API.

use axum::{
    extract::{Request, State},
    response::Response,
};
use reqwest::Response as Reply;
use streamgauge::{instrument_endpoint, streaming_metrics, track_tokens};

use super::{
    headers::KeyHeader,
    upstream::{Upstream, forward_reply},
    upstream_error::{OpenAiUpstreamError, UpstreamError},
    upstreams::Upstreams,
};

/// The header for the key if the client sent none.
const KEY_HEADER: KeyHeader = KeyHeader::Authorization;

/// `POST /v1/chat/completions` and `/v1/responses`: forwards a call whose reply is JSON or a stream
/// of events.
#[instrument_endpoint]
#[streaming_metrics(protocol = "openai", operation = "chat")]
pub(super) async fn chat(
    State(upstreams): State<Upstreams>,
    request: Request,
) -> Result<Response, OpenAiUpstreamError> {
    forward(&upstreams, request).await
}

/// `POST /v1/completions`: forwards a call whose reply is JSON or a stream of events.
#[instrument_endpoint]
#[streaming_metrics(protocol = "openai", operation = "completion")]
pub(super) async fn complete(
    State(upstreams): State<Upstreams>,
    request: Request,
) -> Result<Response, OpenAiUpstreamError> {
    forward(&upstreams, request).await
}

/// `POST /v1/embeddings`: forwards a call whose reply is JSON.
#[instrument_endpoint]
#[streaming_metrics(protocol = "openai", operation = "embedding")]
pub(super) async fn embed(
    State(upstreams): State<Upstreams>,
    request: Request,
) -> Result<Response, OpenAiUpstreamError> {
    forward(&upstreams, request).await
}

/// `GET /v1/models`: forwards a request that is not a call of a model.
#[instrument_endpoint]
pub(super) async fn list_models(
    State(upstreams): State<Upstreams>,
    request: Request,
) -> Result<Response, OpenAiUpstreamError> {
    Ok(forward_reply(upstreams.first().send(request, KEY_HEADER).await?))
}

/// Forwards a request to one upstream after the other, until one of them replies.
async fn forward(upstreams: &Upstreams, request: Request) -> Result<Response, OpenAiUpstreamError> {
    let (request, mut fallbacks) = upstreams.prepare(request).await?;
    let mut reply = attempt(upstreams.first(), request).await;
    while let Some((upstream, request)) = fallbacks.after(&reply) {
        reply = attempt(upstream, request).await;
    }
    Ok(forward_reply(reply?))
}

/// Forwards a request to one upstream. Each attempt is a call.
///
/// streamgauge reads the usage from the reply's bytes while they pass to the client.
#[track_tokens(protocol = "openai", provider = upstream.provider())]
async fn attempt(upstream: &Upstream, request: Request) -> Result<Reply, UpstreamError> {
    upstream.send(request, KEY_HEADER).await
}
