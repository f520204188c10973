use std::convert::Infallible;

use async_stream::stream;
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_core::Stream;
use serde::{Deserialize, Serialize};
use streamgauge::{
    BuildError, Metrics, TokenUsage, instrument_endpoint, metrics_endpoint, streaming_metrics,
    track_tokens,
};

#[derive(Deserialize)]
struct Question {
    model: String,
    text: String,
}

#[derive(Serialize, TokenUsage)]
struct Answer {
    text: String,
    #[token_usage(input)]
    prompt_tokens: usize,
    #[token_usage(output)]
    completion_tokens: usize,
}

#[instrument_endpoint]
#[track_tokens(provider = "house", model = question.model)]
async fn ask(Json(question): Json<Question>) -> Result<Json<Answer>, StatusCode> {
    if question.text.is_empty() {
        return Err(StatusCode::BAD_REQUEST);
    }
    let prompt_tokens = question.text.split_whitespace().count();
    Ok(Json(Answer { text: "Forty-two.".to_owned(), prompt_tokens, completion_tokens: 3 }))
}

#[instrument_endpoint]
#[streaming_metrics]
async fn count() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream! {
        for number in 1..=3 {
            yield Ok(Event::default().data(number.to_string()));
        }
    })
}

pub fn app() -> Result<Router, BuildError> {
    let metrics = Metrics::builder().prefix("oracle").build()?;
    Ok(Router::new()
        .route("/ask", post(ask))
        .route("/count", get(count))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer()))
}
