//! Proxy handlers for `OpenAI`'s API.

use std::future;

use axum::{
    extract::{Request, State},
    response::Response,
};
use futures_util::FutureExt;
use streamgauge::{instrument_endpoint, streaming_metrics, track_tokens};

use super::{
    headers::KeyHeader,
    upstream::Upstream,
    upstream_error::OpenAiUpstreamError,
    upstream_reply::{is_event_stream, reply_or_disconnect},
};

/// The header for the key if the client sent none.
const KEY_HEADER: KeyHeader = KeyHeader::Authorization;

/// Forwards a request whose reply has usage: chat completions, responses, completions or
/// embeddings.
#[instrument_endpoint]
pub(super) async fn forward_call(
    State(upstream): State<Upstream>,
    request: Request,
) -> Result<Response, OpenAiUpstreamError> {
    let provider = upstream.provider();
    let on_disconnect = || drop(unanswered_call(provider).now_or_never());
    match reply_or_disconnect(upstream.send(request, KEY_HEADER), on_disconnect).await {
        Ok(reply) if is_event_stream(&reply) => Ok(streamed_reply(provider, reply)),
        reply => whole_reply(provider, reply.map_err(Into::into)),
    }
}

/// `GET /v1/models`: forwards a request that is not a call of a model.
#[instrument_endpoint]
pub(super) async fn list_models(
    State(upstream): State<Upstream>,
    request: Request,
) -> Result<Response, OpenAiUpstreamError> {
    Ok(upstream.send(request, KEY_HEADER).await?)
}

/// Tracks a call whose reply is not streamed, or that failed.
///
/// streamgauge reads the usage from the reply's bytes while they pass to the client.
#[track_tokens(protocol = "openai", provider = provider)]
fn whole_reply(
    provider: &str,
    reply: Result<Response, OpenAiUpstreamError>,
) -> Result<Response, OpenAiUpstreamError> {
    reply
}

/// Meters a streamed reply, and reads its usage from the events.
#[streaming_metrics(protocol = "openai", provider = provider)]
fn streamed_reply(provider: &str, reply: Response) -> Response {
    reply
}

/// Tracks a call whose client disconnected before the reply: a tracked function that is dropped
/// while pending is a cancelled call.
#[track_tokens(protocol = "openai", provider = provider)]
async fn unanswered_call(provider: &str) -> Response {
    future::pending().await
}
