//! Annotated functions remain axum handlers, and their futures remain `Send`.

#![deny(warnings)]
#![forbid(unsafe_code)]

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use streamgauge::{TokenUsage, track_tokens};

#[derive(Deserialize)]
struct Question {
    model: Option<String>,
}

#[derive(Serialize, TokenUsage)]
struct Answer {
    #[token_usage(model)]
    model: Option<String>,
    #[token_usage(input, output)]
    tokens: u64,
}

#[track_tokens(provider = "house", model = question.model)]
async fn ask(
    State(count): State<u64>,
    Path((_kind, id)): Path<(String, u64)>,
    Json(question): Json<Question>,
) -> Result<(StatusCode, Json<Answer>), (StatusCode, String)> {
    tokio::task::yield_now().await;
    if id == 0 {
        return Err((StatusCode::BAD_REQUEST, "ids begin at 1".to_owned()));
    }
    Ok((StatusCode::CREATED, Json(Answer { model: question.model, tokens: count })))
}

#[track_tokens]
async fn maybe(Path(id): Path<u64>) -> axum::response::Result<Json<Answer>> {
    let model = (id > 0).then(|| "small-1".to_owned());
    let model = model.ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(Answer { model: Some(model), tokens: id }))
}

fn assert_send<T: Send + 'static>(value: T) -> T {
    value
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let path = Path((String::new(), 0));
    let question = Json(Question { model: None });
    let refusal = assert_send(ask(State(1), path, question)).await.err().unwrap();
    assert_eq!(refusal.0, StatusCode::BAD_REQUEST);
    let _app: Router =
        Router::new().route("/{kind}/{id}", post(ask)).route("/{id}", post(maybe)).with_state(1);
}
