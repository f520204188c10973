//! A gateway for chat completions that retries, and falls back to the next provider.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use reqwest::Client;
use streamgauge::call::{self, CallErrorType};
use streamgauge::{Metrics, streaming_metrics, track_tokens};

/// A server with the API of `OpenAI`.
pub struct Provider {
    /// The label `provider` of its calls.
    pub name: String,
    /// Such as `https://api.example.com/v1`.
    pub url: String,
    /// Sent to this provider only; the clients' keys are not forwarded.
    pub key: Option<String>,
}

/// The providers, and how often they are tried.
pub struct Gateway {
    /// Its timeouts end attempts that take too long.
    pub client: Client,
    /// In the order in which they are tried.
    pub providers: Vec<Provider>,
    /// How often each provider is tried.
    pub attempts: u32,
    /// The wait before the second attempt; it doubles before each further one.
    pub backoff: Duration,
}

/// Returns the routes of the gateway. Requests and calls are recorded in `metrics`.
pub fn app(gateway: Gateway, metrics: &Metrics) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat))
        .layer(DefaultBodyLimit::max(4 * 1024 * 1024))
        .route("/metrics", get(metrics.endpoint()))
        .layer(metrics.layer())
        .with_state(Arc::new(gateway))
}

/// Answers with the first reply that is not a failure, JSON or events as the client asked for.
#[streaming_metrics(protocol = "openai", operation = "chat")]
async fn chat(State(gateway): State<Arc<Gateway>>, question: Bytes) -> Response {
    let mut answer = StatusCode::BAD_GATEWAY.into_response();
    for provider in &gateway.providers {
        let mut wait = Duration::ZERO;
        for number in 0..gateway.attempts {
            tokio::time::sleep(wait).await;
            wait = gateway.backoff * 2_u32.saturating_pow(number);
            match attempt(&gateway.client, provider, question.clone()).await {
                Ok(reply) if !may_work_later(reply.status()) => return forward(reply),
                Ok(reply) if !is_forwardable(reply.status()) => {
                    answer = StatusCode::BAD_GATEWAY.into_response();
                }
                Ok(reply) => {
                    wait = retry_after(&reply).unwrap_or(wait);
                    answer = forward(reply);
                }
                Err(error) if error.is_timeout() => {
                    answer = StatusCode::GATEWAY_TIMEOUT.into_response();
                }
                Err(_) => answer = StatusCode::BAD_GATEWAY.into_response(),
            }
        }
    }
    answer
}

/// Asks one provider once. Each attempt is a call; its usage is read while the reply passes.
#[track_tokens(protocol = "openai", provider = provider.name)]
async fn attempt(
    client: &Client,
    provider: &Provider,
    question: Bytes,
) -> reqwest::Result<reqwest::Response> {
    let mut request = client
        .post(format!("{}/chat/completions", provider.url.trim_end_matches('/')))
        .header(header::CONTENT_TYPE, "application/json")
        .body(question);
    if let Some(key) = &provider.key {
        request = request.bearer_auth(key);
    }
    let reply = request.send().await?;
    if !is_forwardable(reply.status()) {
        call::report(CallErrorType::ServerError);
    }
    Ok(reply)
}

fn may_work_later(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() || !is_forwardable(status)
}

/// Returns whether a client can read a reply with this status. The gateway never asks to switch
/// protocols (101), and HTTP assigns no meaning to the statuses from 600 on.
fn is_forwardable(status: StatusCode) -> bool {
    (200..600).contains(&status.as_u16())
}

/// Returns the wait that the provider asks for, if it is short.
fn retry_after(reply: &reqwest::Response) -> Option<Duration> {
    let seconds = reply.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    (seconds <= 5).then(|| Duration::from_secs(seconds))
}

/// Passes a reply on as it arrives. The upstream's work ends when the client disconnects.
fn forward(reply: reqwest::Response) -> Response {
    let mut response = StatusCode::into_response(reply.status());
    for name in [header::CONTENT_TYPE, header::RETRY_AFTER] {
        if let Some(value) = reply.headers().get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    *response.body_mut() = Body::new(reqwest::Body::from(reply));
    response
}
