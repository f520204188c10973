use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use async_stream::stream;
use axum::body::Body;
use axum::extract::{Query, Request};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use streamgauge::{
    Metrics, TokenUsage, metrics_endpoint, streaming_metrics, track_detailed_exception,
    track_tokens, wrap_streaming_response,
};
use tokio::time::sleep;

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

async fn root() -> Json<Message> {
    Json(Message { message: "Hello" })
}

#[derive(Deserialize)]
struct Prompt {
    prompt: String,
}

/// The reply of the model. `skip` keeps the counts out of the JSON.
#[derive(Serialize, TokenUsage)]
struct Generated {
    text: String,
    #[serde(skip)]
    #[token_usage(input)]
    input_tokens: usize,
    #[serde(skip)]
    #[token_usage(output)]
    output_tokens: usize,
}

// Token usage: the attribute reads the counts of the returned value.
#[track_tokens(provider = "house", model = "small-1")]
async fn generate(Query(Prompt { prompt }): Query<Prompt>) -> Json<Generated> {
    sleep(Duration::from_millis(500)).await; // stands for the model
    Json(Generated {
        text: format!("An answer to: {prompt}"),
        input_tokens: prompt.split_whitespace().count(),
        output_tokens: 20,
    })
}

// An exception that the handler recovers from.
async fn risky() -> Json<Message> {
    match "zero".parse::<u32>() {
        Ok(_) => Json(Message { message: "It worked" }),
        Err(error) => {
            tracing::error!(%error, "the number is not valid"); // the next line's event has no message
            track_detailed_exception(&error, StatusCode::INTERNAL_SERVER_ERROR);
            Json(Message { message: "An error occurred" })
        }
    }
}

fn events() -> impl Stream<Item = String> {
    stream! {
        for number in 0..10 {
            yield format!("data: {number}\n\n");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

// Streaming, option 1: wrap a stream where it is made.
async fn wrapped_stream() -> Response {
    let items = events().map(Ok::<_, Infallible>); // `Body::from_stream` needs a `Result`
    let body = Body::from_stream(wrap_streaming_response(items, "/stream"));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

// Streaming, option 2: the attribute turns the returned stream into the response.
#[streaming_metrics(media_type = "text/event-stream")]
async fn annotated_stream() -> impl Stream<Item = String> {
    events()
}

// Middleware of your own.
async fn log_request(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    tracing::info!(%method, path, "request");
    response
}

pub fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/", get(root))
        .route("/generate", post(generate))
        .route("/risky", get(risky))
        .route("/stream", get(wrapped_stream))
        .route("/stream2", get(annotated_stream))
        .route("/health", get(|| async { "ok" }))
        .route("/metrics", get(metrics_endpoint))
        .layer(from_fn(log_request))
        .layer(metrics.layer())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init(); // the `logger`
    let metrics = Metrics::builder().prefix("advanced").skip_paths(["/health"]).install()?;
    let file = metrics.spawn_file_writer("advanced_metrics.prom", Duration::from_secs(10))?;
    let listener = tokio::net::TcpListener::bind("0.0.0.0:8000").await?;
    let ctrl_c = async { drop(tokio::signal::ctrl_c().await) };
    axum::serve(listener, app(metrics)).with_graceful_shutdown(ctrl_c).await?;
    file.stop().await?; // writes once more
    Ok(())
}
