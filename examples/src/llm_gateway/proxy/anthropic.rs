//! Proxy handlers for Anthropic's API.

use axum::{
    extract::{Request, State},
    response::Response,
};
use reqwest::Response as Reply;
use streamgauge::{instrument_endpoint, streaming_metrics, track_tokens};

use super::{
    headers::KeyHeader,
    upstream::{Upstream, forward_reply},
    upstream_error::{AnthropicUpstreamError, UpstreamError},
    upstreams::Upstreams,
};

/// The header for the key if the client sent none.
const KEY_HEADER: KeyHeader = KeyHeader::ApiKey;

/// `POST /v1/messages`: forwards a call whose reply is JSON or a stream of events, to one upstream
/// after the other, until one of them replies.
#[instrument_endpoint]
#[streaming_metrics(protocol = "anthropic")]
pub(super) async fn messages(
    State(upstreams): State<Upstreams>,
    request: Request,
) -> Result<Response, AnthropicUpstreamError> {
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
#[track_tokens(protocol = "anthropic", operation = "chat", provider = upstream.provider())]
async fn attempt(upstream: &Upstream, request: Request) -> Result<Reply, UpstreamError> {
    upstream.send(request, KEY_HEADER).await
}
