//! A service with a model call, a stream of events and a metrics page.
//!
//! What to look at: an error that a handler returns is in `oracle_exceptions_total`, tokens and
//! model calls have the labels that `#[track_tokens]` names, and the stream of `/count` has its own
//! families.

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

/// Returns the routes of the service, with their own metrics.
///
/// # Errors
///
/// Returns an error if the settings of the metrics are not valid.
pub fn app() -> Result<Router, BuildError> {
    let metrics = Metrics::builder()
        .prefix("oracle")
        // The label `model` of `ask` is a text that clients write. Without this list, a client that
        // invents a hundred names uses up the limit of the label's values, and the names of real
        // models become `other` until the process restarts. With the list, only invented names do.
        .models(["large-1", "small-1"])
        .build()?;
    Ok(Router::new()
        .route("/ask", post(ask))
        .route("/count", get(count))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer()))
}
