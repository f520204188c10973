//! A service that writes its own dashboards, recording rules and alerts.
//!
//! ```text
//! cargo run --bin monitoring -- target/monitoring   # writes the files, and ends
//! ls target/monitoring                              # grafana.json  perses.json  rules.yml
//! cargo run --bin monitoring                        # serves
//! ```
//!
//! What to look at: the service streams replies of a model, and has prices, tenants and objectives.
//! So its dashboards have a row for each of these, and `rules.yml` has alerts on the cost and on
//! the error budget. A service without them gets fewer rows and alerts.

use std::{convert::Infallible, env, error::Error, time::Duration};

use axum::{
    Json, Router,
    response::sse::{Event, Sse},
    routing::{get, post},
};
use futures_core::Stream;
use serde_json::{Value, json};
use streamgauge::{
    BuildError, Metrics, Objective, Price, Prices, RequestLabel, monitoring::Thresholds,
    streaming_metrics, track_tokens,
};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let metrics = metrics()?;
    if let Some(directory) = env::args_os().nth(1) {
        let thresholds = Thresholds::default()
            .cost_per_hour(50.0)
            .cost_per_hour_of("tenant", 10.0)
            .metrics_file("service.prom", Duration::from_secs(120));
        metrics.monitoring().thresholds(thresholds).write_to(directory)?;
        return Ok(());
    }
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    axum::serve(listener, app(&metrics)).await?;
    Ok(())
}

fn metrics() -> Result<Metrics, BuildError> {
    // The time is a bound of a bucket, so that the histogram shows how many requests meet it.
    let objective = Objective::new().success(99.5).latency(Duration::from_millis(2_500), 99.0);
    Metrics::builder()
        .prices(Prices::new().price("small-1", Price::per_million(0.15, 0.6)))
        .request_label(RequestLabel::new("tenant").from_header("x-tenant").at_most(50))
        .objective("/v1/chat/completions", objective)
        .build()
}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/metrics", get(metrics.endpoint()))
        .layer(metrics.layer())
}

/// Streams a reply.
#[streaming_metrics(
    protocol = "openai",
    endpoint = "/v1/chat/completions",
    objective(first_token("1s", 95.0))
)]
async fn chat() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let answer = ask().await.to_string();
    let chunk = json!({ "choices": [{ "delta": { "content": answer } }] }).to_string();
    let events = [chunk, "[DONE]".to_owned()].map(|data| Ok(Event::default().data(data)));
    Sse::new(futures_util::stream::iter(events))
}

/// Asks the model.
#[track_tokens(provider = "house")]
async fn ask() -> Json<Value> {
    Json(json!({ "model": "small-1", "usage": { "prompt_tokens": 9, "completion_tokens": 3 } }))
}
