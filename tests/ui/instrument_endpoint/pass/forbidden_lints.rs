//! The expansion contains no `allow` that a crate's `forbid` would reject.

#![deny(warnings)]
#![forbid(
    dead_code,
    deprecated,
    elided_lifetimes_in_paths,
    future_incompatible,
    let_underscore,
    missing_docs,
    non_ascii_idents,
    nonstandard_style,
    path_statements,
    redundant_semicolons,
    trivial_casts,
    unreachable_code,
    unreachable_pub,
    unsafe_code,
    unused_attributes,
    unused_imports,
    unused_labels,
    unused_macros,
    unused_must_use,
    unused_mut,
    unused_parens,
    unused_braces,
    unused_qualifications,
    unused_results,
    unused_variables
)]

use std::pin::Pin;

use futures_core::Stream;
use futures_util::stream::iter;
use streamgauge::{TokenUsage, Usage, instrument_endpoint, streaming_metrics, track_tokens};

async fn pause() {
    std::future::ready(()).await;
}

#[derive(TokenUsage)]
struct Answer {
    #[token_usage(output)]
    output: u64,
}

#[instrument_endpoint]
async fn endpoint((left, _): (u8, u8), _: u8, mut right: u8) -> Result<u8, std::fmt::Error> {
    if left == 0 {
        return Err(std::fmt::Error);
    }
    pause().await;
    right += left;
    Ok(right)
}

#[instrument_endpoint]
fn endpoint_now(text: &str) -> Option<&str> {
    let first = text.split(' ').next()?;
    Some(first)
}

#[track_tokens(provider = "house", model = model)]
async fn tokens(model: &str) -> Option<Answer> {
    pause().await;
    (!model.is_empty()).then_some(Answer { output: 1 })
}

#[track_tokens(model = "small")]
fn boxed_tokens(input: u64) -> Pin<Box<dyn Future<Output = Usage> + Send>> {
    Box::pin(async move { Usage::new(input, 1) })
}

#[streaming_metrics(model = model)]
fn stream(model: &str, count: usize) -> impl Stream<Item = String> {
    iter(vec![model.to_owned(); count])
}

#[streaming_metrics(media_type = "text/plain")]
async fn response(_unused: u8) -> impl Stream<Item = String> {
    pause().await;
    iter([String::new()])
}

#[instrument_endpoint]
#[track_tokens(model = "small")]
#[streaming_metrics]
async fn all(name: String, _unused: u8) -> Result<impl Stream<Item = String>, String> {
    pause().await;
    if name.is_empty() { Err(name) } else { Ok(iter([name])) }
}

async fn run() {
    assert!(endpoint((0, 1), 2, 3).await.is_err());
    assert_eq!(endpoint((1, 1), 2, 3).await, Ok(4));
    assert_eq!(endpoint_now("a b"), Some("a"));
    assert!(tokens("small").await.is_some_and(|answer| answer.output == 1));
    assert_eq!(boxed_tokens(1).await, Usage::new(1, 1));
    drop(stream("small", 1));
    assert_eq!(response(1).await.status(), 200);
    assert!(all("a".to_owned(), 1).await.is_ok());
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime is built").block_on(run());
}
