//! Boxed streams, by their full type and by an alias.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::convert::Infallible;
use std::pin::Pin;

use async_stream::stream;
use axum::body::Bytes;
use futures_core::Stream;
use futures_core::stream::{BoxStream, LocalBoxStream};
use futures_util::{StreamExt, stream as streams};
use streamgauge::{StreamChunk, streaming_metrics};

type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, Infallible>> + Send>>;

#[streaming_metrics]
fn full_name() -> Pin<Box<dyn Stream<Item = Bytes> + Send>> {
    Box::pin(stream! {
        yield Bytes::from("a");
    })
}

/// Each branch creates a stream of another type.
#[streaming_metrics]
async fn one_of_two(flag: bool) -> Pin<Box<dyn Stream<Item = String> + Send>> {
    if flag {
        return Box::pin(streams::empty());
    }
    Box::pin(streams::iter(["a".to_owned(), "b".to_owned()]))
}

#[streaming_metrics]
fn one_of_two_now(flag: bool) -> Result<ByteStream, String> {
    if flag {
        return Ok(Box::pin(streams::empty()));
    }
    let number: u8 = "1".parse().map_err(|_| "no number".to_owned())?;
    Ok(Box::pin(streams::iter([Ok(Bytes::from(vec![number]))])))
}

#[streaming_metrics]
async fn fallible(flag: bool) -> Result<BoxStream<'static, String>, Box<dyn std::error::Error>> {
    if flag {
        return Err("flag".into());
    }
    Ok(streams::iter(["1".parse::<u8>()?.to_string()]).boxed())
}

#[streaming_metrics]
fn borrowed(text: &str) -> BoxStream<'_, String> {
    streams::iter(text.split(' ').map(str::to_owned)).boxed()
}

#[streaming_metrics]
async fn borrowed_later(text: &str) -> Pin<Box<dyn Stream<Item = String> + Send + '_>> {
    Box::pin(streams::iter(text.split(' ').map(str::to_owned)))
}

#[streaming_metrics]
fn local() -> LocalBoxStream<'static, String> {
    let shared = std::rc::Rc::new("a");
    stream! {
        yield shared.to_string();
    }
    .boxed_local()
}

#[streaming_metrics]
fn and_sync() -> Pin<Box<dyn Stream<Item = Vec<u8>> + Send + Sync>> {
    Box::pin(streams::iter([vec![1]]))
}

#[streaming_metrics]
fn generic<T: StreamChunk + Send + 'static>(item: T) -> BoxStream<'static, T> {
    streams::iter([item]).boxed()
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!(full_name().count().await, 1);
    assert_eq!(one_of_two(true).await.count().await, 0);
    assert_eq!(one_of_two(false).await.count().await, 2);
    assert_eq!(one_of_two_now(false).unwrap().count().await, 1);
    assert_eq!(one_of_two_now(true).unwrap().count().await, 0);
    assert_eq!(fallible(false).await.unwrap().count().await, 1);
    assert_eq!(fallible(true).await.err().unwrap().to_string(), "flag");
    assert_eq!(borrowed("a b").count().await, 2);
    assert_eq!(borrowed_later("a b").await.count().await, 2);
    assert_eq!(local().count().await, 1);
    assert_eq!(and_sync().count().await, 1);
    assert_eq!(generic("a").count().await, 1);
}
