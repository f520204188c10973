//! What speaks `OpenAI`'s protocol.

use std::future;

use axum::{
    extract::{Request, State},
    response::Response,
};
use futures_util::FutureExt;
use streamgauge::{instrument_endpoint, streaming_metrics, track_tokens};

use super::{
    answer::{answer, is_stream},
    failure::OpenAiFailure,
    headers::KeyHeader,
    upstream::Upstream,
};

const KEY: KeyHeader = KeyHeader::Authorization;

/// A model is asked, in one of several ways that cost tokens.
#[instrument_endpoint]
pub(super) async fn ask(
    State(upstream): State<Upstream>,
    request: Request,
) -> Result<Response, OpenAiFailure> {
    let provider = upstream.provider();
    let left = || drop(unanswered(provider).now_or_never());
    match answer(upstream.send(request, KEY), left).await {
        Ok(reply) if is_stream(&reply) => Ok(streamed(provider, reply)),
        reply => whole(provider, reply.map_err(Into::into)),
    }
}

/// `GET /v1/models`, which costs none.
#[instrument_endpoint]
pub(super) async fn list(
    State(upstream): State<Upstream>,
    request: Request,
) -> Result<Response, OpenAiFailure> {
    Ok(upstream.send(request, KEY).await?)
}

/// A reply in one piece, be it an error; or none.
#[track_tokens(protocol = "openai", provider = provider)]
fn whole(
    provider: &str,
    reply: Result<Response, OpenAiFailure>,
) -> Result<Response, OpenAiFailure> {
    reply
}

/// A reply event by event.
#[streaming_metrics(protocol = "openai", provider = provider)]
fn streamed(provider: &str, reply: Response) -> Response {
    reply
}

/// The call of a client that has left: it begins, and is dropped.
#[track_tokens(protocol = "openai", provider = provider)]
async fn unanswered(provider: &str) -> Response {
    future::pending().await
}
