//! Model calls whose usage comes from the reply, from a spawned task or from within a stream.

use async_stream::stream;
use axum::Json;
use axum::extract::Query;
use axum::http::StatusCode;
use futures_core::Stream;
use serde::{Deserialize, Serialize};
use streamgauge::{
    TokenUsage, Usage, instrument_endpoint, streaming_metrics, token_usage_context, track_tokens,
};

use super::streams::{StreamQuery, pause};

#[derive(Deserialize)]
pub(super) struct Question {
    #[serde(default)]
    input: u64,
    #[serde(default)]
    output: u64,
    #[serde(default)]
    model: String,
}

#[derive(Serialize, TokenUsage)]
pub(super) struct Answer {
    #[token_usage(input)]
    input: u64,
    #[token_usage(output)]
    output: u64,
}

#[instrument_endpoint]
#[track_tokens(provider = "house", model = question.model)]
pub(super) async fn replied(Query(question): Query<Question>) -> Json<Answer> {
    Json(Answer { input: question.input, output: question.output })
}

/// Records usage in a spawned task and responds after the task has finished.
#[instrument_endpoint]
pub(super) async fn spawned(Query(question): Query<Question>) -> StatusCode {
    let tokens = token_usage_context::handle();
    let task = tokio::spawn(async move {
        tokens.record(Usage::new(question.input, question.output));
    });
    match task.await {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Records one output token for each chunk.
#[instrument_endpoint]
#[streaming_metrics(media_type = "text/plain; charset=utf-8")]
pub(super) async fn streamed(
    Query(StreamQuery { n, ms }): Query<StreamQuery>,
) -> impl Stream<Item = String> {
    stream! {
        for number in 1..=n {
            pause(ms).await;
            token_usage_context::record(Usage::new(0, 1));
            yield format!("token {number}\n");
        }
    }
}
