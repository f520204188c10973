//! Replies with usage, in every supported wrapper.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use streamgauge::{TokenUsage, Usage, track_tokens};

#[derive(Clone, Debug, PartialEq, Serialize, TokenUsage)]
struct Answer {
    text: String,
    #[token_usage(input)]
    prompt_tokens: u32,
    #[token_usage(output)]
    completion_tokens: u32,
}

fn answer(text: &str) -> Answer {
    Answer { text: text.to_owned(), prompt_tokens: 1, completion_tokens: 2 }
}

type AppResult<T> = Result<T, (StatusCode, String)>;

#[track_tokens]
async fn plain(question: String) -> Answer {
    answer(&question)
}

#[track_tokens]
fn plain_now(question: &str) -> Answer {
    answer(question)
}

#[track_tokens]
async fn json() -> Json<Answer> {
    Json(answer("json"))
}

#[track_tokens]
async fn fallible(text: &str) -> Result<Json<Answer>, std::num::ParseIntError> {
    let number: u32 = text.parse()?;
    if number == 0 {
        return Ok(Json(answer("zero")));
    }
    Ok(Json(answer("number")))
}

#[track_tokens]
async fn by_alias(fail: bool) -> AppResult<Json<Answer>> {
    if fail {
        return Err((StatusCode::BAD_REQUEST, "fail".to_owned()));
    }
    Ok(Json(answer("alias")))
}

#[track_tokens]
fn optional(text: &str) -> Option<Answer> {
    let number: u32 = text.parse().ok()?;
    (number > 0).then(|| answer("optional"))
}

#[track_tokens]
async fn with_status() -> (StatusCode, Json<Answer>) {
    (StatusCode::CREATED, Json(answer("status")))
}

#[track_tokens]
async fn with_headers() -> Result<(StatusCode, HeaderMap, Json<Answer>), StatusCode> {
    Ok((StatusCode::CREATED, HeaderMap::new(), Json(answer("headers"))))
}

#[track_tokens]
async fn boxed() -> Result<Box<Answer>, Box<dyn std::error::Error>> {
    Ok(Box::new(answer("boxed")))
}

#[track_tokens]
fn shared(held: &Arc<Answer>) -> Arc<Answer> {
    Arc::clone(held)
}

#[track_tokens]
fn borrowed(answers: &[Answer]) -> Option<&Answer> {
    answers.first()
}

#[track_tokens]
fn borrowed_mutably(answers: &mut [Answer]) -> Result<&mut Answer, StatusCode> {
    answers.first_mut().ok_or(StatusCode::NOT_FOUND)
}

#[track_tokens]
fn dynamic(any: bool) -> Box<dyn TokenUsage> {
    if any {
        return Box::new(Usage::new(1, 2));
    }
    Box::new(answer("dynamic"))
}

#[track_tokens]
fn opaque() -> impl TokenUsage {
    answer("opaque")
}

#[track_tokens]
async fn usage() -> Usage {
    Usage::new(1, 2)
}

#[track_tokens]
async fn beside_a_value() -> Result<(String, Option<Usage>), StatusCode> {
    Ok(("text".to_owned(), None))
}

#[track_tokens]
async fn generic<T: TokenUsage>(reply: T) -> Result<T, StatusCode> {
    Ok(reply)
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!(plain("a".to_owned()).await, answer("a"));
    assert_eq!(plain_now("a"), answer("a"));
    assert_eq!(json().await.0, answer("json"));
    assert_eq!(fallible("0").await.unwrap().0, answer("zero"));
    assert!(fallible("zero").await.is_err());
    assert!(by_alias(true).await.is_err());
    assert_eq!(optional("1"), Some(answer("optional")));
    assert_eq!(optional("one"), None);
    assert_eq!(with_status().await.0, StatusCode::CREATED);
    assert_eq!(with_headers().await.unwrap().2.0, answer("headers"));
    assert_eq!(*boxed().await.unwrap(), answer("boxed"));
    assert_eq!(shared(&Arc::new(answer("shared"))).text, "shared");
    let mut answers = [answer("borrowed")];
    assert_eq!(borrowed(&answers), Some(&answers[0]));
    borrowed_mutably(&mut answers).unwrap().text.push('!');
    assert_eq!(answers[0].text, "borrowed!");
    assert_eq!(dynamic(true).token_usage(), dynamic(false).token_usage());
    assert_eq!(opaque().token_usage(), Some(Usage::new(1, 2)));
    assert_eq!(usage().await, Usage::new(1, 2));
    assert_eq!(beside_a_value().await.unwrap().0, "text");
    assert_eq!(generic(answer("generic")).await.unwrap(), answer("generic"));
}
