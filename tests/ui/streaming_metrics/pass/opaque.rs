//! Streams of an opaque type, from functions of every kind.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::num::ParseIntError;

use async_stream::{stream, try_stream};
use axum::body::Bytes;
use futures_core::{FusedStream, Stream};
use futures_util::{StreamExt, TryStream, stream as streams};
use streamgauge::{StreamChunk, streaming_metrics};

#[streaming_metrics]
fn plain() -> impl Stream<Item = Bytes> {
    stream! {
        yield Bytes::from_static(b"a");
    }
}

#[streaming_metrics]
async fn later(count: usize) -> impl Stream<Item = String> + Send + Unpin {
    tokio::task::yield_now().await;
    if count == 0 {
        return streams::iter(vec![]);
    }
    streams::iter(vec!["a".to_owned(); count])
}

/// The stream borrows from the argument, as every `impl Trait` does in edition 2024.
#[streaming_metrics]
fn borrowed(text: &str) -> impl Stream<Item = String> {
    stream! {
        for word in text.split(' ') {
            yield word.to_owned();
        }
    }
}

#[streaming_metrics]
fn borrowed_in_words(text: &str) -> impl Stream<Item = String> + '_ {
    borrowed(text)
}

#[streaming_metrics]
async fn borrowed_later<'a>(text: &'a str, _end: &str) -> impl Stream<Item = String> + use<'a> {
    streams::iter(text.split(' ').map(str::to_owned))
}

#[streaming_metrics]
fn kept(text: &str) -> impl Stream<Item = String> + Send + use<> {
    let text = text.to_owned();
    stream! {
        yield text;
    }
}

#[streaming_metrics]
fn by_path() -> impl futures_core::stream::Stream<Item = &'static str> {
    streams::iter(["a"])
}

#[streaming_metrics]
fn with_errors(texts: Vec<&str>) -> impl Stream<Item = Result<String, ParseIntError>> {
    try_stream! {
        for text in texts {
            let number: u32 = text.parse()?;
            yield number.to_string();
        }
    }
}

/// Traits that extend `Stream`.
#[streaming_metrics]
fn fused() -> impl FusedStream<Item = String> {
    streams::iter(["a".to_owned()]).fuse()
}

#[streaming_metrics]
fn fallible()
-> impl TryStream<Ok = String, Error = ParseIntError, Item = Result<String, ParseIntError>> {
    streams::iter(["7".to_owned()].map(Ok))
}

#[streaming_metrics]
fn generic<T: StreamChunk + Clone, const N: usize>(items: [T; N]) -> impl Stream<Item = T>
where
    T: Send,
{
    streams::iter(items)
}

#[streaming_metrics]
fn taken<S>(source: S) -> impl Stream<Item = S::Item>
where
    S: Stream<Item: StreamChunk>,
{
    source
}

#[streaming_metrics]
fn passed_on(source: impl Stream<Item = String>) -> impl Stream<Item = String> {
    source.map(|item| item + "!")
}

struct Shelf {
    words: Vec<String>,
}

impl Shelf {
    #[streaming_metrics]
    fn words(&self) -> impl Stream<Item = String> {
        streams::iter(self.words.iter().cloned())
    }

    #[streaming_metrics]
    async fn drained(&mut self) -> impl Stream<Item = String> + '_ {
        streams::iter(self.words.drain(..))
    }

    #[streaming_metrics]
    fn into_words(mut self) -> impl Stream<Item = String> {
        self.words.push("end".to_owned());
        streams::iter(self.words)
    }
}

trait Source {
    fn chunks(&self) -> impl Stream<Item = Bytes> + Send;
}

impl Source for Shelf {
    #[streaming_metrics]
    fn chunks(&self) -> impl Stream<Item = Bytes> + Send {
        streams::iter(self.words.iter().map(|word| Bytes::from(word.clone())))
    }
}

/// Asserts that a function pointer is generic over lifetimes.
fn assert_general<S: Stream>(_function: for<'a> fn(&'a str) -> S) {}

async fn count(stream: impl Stream) -> usize {
    stream.count().await
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!(count(plain()).await, 1);
    assert_eq!(count(later(0).await).await, 0);
    assert_eq!(later(2).await.next().await.unwrap(), "a");
    assert_eq!(count(borrowed("a b")).await, 2);
    assert_eq!(count(borrowed_in_words("a b")).await, 2);
    assert_eq!(count(borrowed_later("a b", "").await).await, 2);
    let kept = kept(&"a".to_owned());
    assert_eq!(tokio::spawn(count(kept)).await.unwrap(), 1);
    assert_eq!(count(by_path()).await, 1);
    assert_eq!(count(with_errors(vec!["1", "a", "2"])).await, 2);
    assert!(!fused().is_terminated());
    let _ = fallible();
    assert_eq!(count(generic([Bytes::new(), Bytes::new()])).await, 2);
    assert_eq!(count(taken(plain())).await, 1);
    assert_eq!(passed_on(borrowed("a b")).collect::<Vec<_>>().await, ["a!", "b!"]);
    let mut shelf = Shelf { words: vec!["a".to_owned()] };
    assert_eq!(count(shelf.words()).await, 1);
    assert_eq!(count(shelf.chunks()).await, 1);
    assert_eq!(count(shelf.drained().await).await, 1);
    assert_eq!(count(shelf.into_words()).await, 1);
    assert_general(self::kept);
}
