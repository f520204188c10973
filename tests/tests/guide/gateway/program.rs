use std::env;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use streamgauge::{BuildError, Metrics, Price, RequestLabel, streaming_metrics, track_tokens};

struct Provider {
    name: &'static str,
    url: String,
    key: Option<String>,
}

struct Gateway {
    client: reqwest::Client,
    providers: Vec<Provider>, // in the order in which they are tried
}

fn metrics() -> Result<Metrics, BuildError> {
    let tenant = RequestLabel::new("tenant").from_header("x-tenant").values(["acme", "zenith"]);
    Metrics::builder()
        .request_label(tenant)
        .models(["m-1"]) // the models that have a price
        .price("m-1", Price::per_million(2.50, 10.00)) // dollars: input, output
        .build()
}

fn app(gateway: Gateway, metrics: &Metrics) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/metrics", get(metrics.endpoint()))
        .layer(metrics.layer())
        .with_state(Arc::new(gateway))
}

/// Answers with the first reply that is not a failure: JSON or events, as the client asked for.
#[streaming_metrics(protocol = "openai", operation = "chat")]
async fn chat(State(gateway): State<Arc<Gateway>>, question: Bytes) -> Response {
    let question = with_usage(question);
    let mut answer = StatusCode::BAD_GATEWAY.into_response();
    for provider in &gateway.providers {
        match attempt(&gateway.client, provider, question.clone()).await {
            Ok(reply) if is_failure(reply.status()) => answer = forward(reply),
            Ok(reply) => return forward(reply),
            Err(error) if error.is_timeout() => {
                answer = StatusCode::GATEWAY_TIMEOUT.into_response();
            }
            Err(_) => answer = StatusCode::BAD_GATEWAY.into_response(),
        }
    }
    answer
}

/// Requests the usage of a stream. Returns requests for whole replies unchanged, and requests that
/// are not JSON.
fn with_usage(question: Bytes) -> Bytes {
    let mut fields: Value = serde_json::from_slice(&question).unwrap_or_default();
    if fields["stream"] != true {
        return question;
    }
    if !fields["stream_options"].is_object() {
        fields["stream_options"] = json!({});
    }
    fields["stream_options"]["include_usage"] = true.into();
    fields.to_string().into()
}

/// Asks one provider. Each attempt is a call, whose usage is read while the reply passes.
#[track_tokens(protocol = "openai", provider = provider.name)]
async fn attempt(
    client: &reqwest::Client,
    provider: &Provider,
    question: Bytes,
) -> reqwest::Result<reqwest::Response> {
    let mut request = client
        .post(format!("{}/chat/completions", provider.url))
        .header(header::CONTENT_TYPE, "application/json")
        .body(question);
    if let Some(key) = &provider.key {
        request = request.bearer_auth(key);
    }
    request.send().await
}

fn is_failure(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

/// Passes a reply on as it arrives.
fn forward(reply: reqwest::Response) -> Response {
    let mut response = reply.status().into_response();
    for name in [header::CONTENT_TYPE, header::RETRY_AFTER] {
        if let Some(value) = reply.headers().get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    *response.body_mut() = Body::new(reqwest::Body::from(reply));
    response
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let provider = |name, url: &str, key_variable| Provider {
        name,
        url: url.to_owned(),
        key: env::var(key_variable).ok(),
    };
    let gateway = Gateway {
        client: reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(Duration::from_secs(60)) // until the reply begins, and within the reply
            .build()?,
        providers: vec![
            provider("first", "http://127.0.0.1:9001/v1", "FIRST_API_KEY"),
            provider("second", "http://127.0.0.1:9002/v1", "SECOND_API_KEY"),
        ],
    };
    let app = app(gateway, &metrics()?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    axum::serve(listener, app).await?;
    Ok(())
}
