//! The `model` label from arguments, constants and expressions.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::sync::Arc;

use axum::Json;
use futures_core::Stream;
use futures_util::{StreamExt, stream::iter};
use streamgauge::streaming_metrics;

const MODEL: &str = "small-1";

struct Request {
    model: Option<String>,
    text: String,
}

struct Client {
    model: Arc<str>,
}

impl Client {
    #[streaming_metrics(model = self.model)]
    fn ask(&self) -> impl Stream<Item = String> {
        iter([self.model.to_string()])
    }
}

#[streaming_metrics(model = "small-1")]
fn literal() -> impl Stream<Item = String> {
    iter([String::new()])
}

#[streaming_metrics(model = MODEL)]
async fn constant() -> impl Stream<Item = String> {
    iter([String::new()])
}

/// The body may move the value that the label was read from.
#[streaming_metrics(model = request.model)]
async fn field(Json(request): Json<Request>) -> impl Stream<Item = String> {
    iter([request.text, request.model.unwrap_or_default()])
}

#[streaming_metrics(model = request.model.as_deref().unwrap_or("default"))]
fn expression(Json(mut request): Json<Request>) -> impl Stream<Item = String> {
    request.text.push('!');
    iter([request.text])
}

#[streaming_metrics(model = format!("{name}-{size}"), media_type = "text/plain")]
fn made(name: &str, size: u32) -> impl Stream<Item = String> + use<> {
    iter([format!("{name} {size}")])
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let request = || Json(Request { model: None, text: "a".to_owned() });
    assert_eq!(Client { model: "a".into() }.ask().count().await, 1);
    assert_eq!(literal().count().await, 1);
    assert_eq!(constant().await.count().await, 1);
    assert_eq!(field(request()).await.count().await, 2);
    assert_eq!(expression(request()).collect::<Vec<_>>().await, ["a!"]);
    drop(made("a", 1));
}
