//! Invalid arguments.

use futures_core::Stream;
use futures_util::stream::{Empty, empty};
use streamgauge::streaming_metrics;

type Bytes = axum::body::Bytes;

#[streaming_metrics(mediatype = "text/plain")]
fn misspelled() -> impl Stream<Item = Bytes> {
    empty()
}

#[streaming_metrics(method = "GET")]
async fn of_another_attribute() -> impl Stream<Item = Bytes> {
    empty()
}

#[streaming_metrics(media_type)]
fn no_value() -> impl Stream<Item = Bytes> {
    empty()
}

#[streaming_metrics("text/plain")]
fn no_name() -> impl Stream<Item = Bytes> {
    empty()
}

#[streaming_metrics(endpoint = "/a" media_type = "text/plain")]
fn no_comma() -> impl Stream<Item = Bytes> {
    empty()
}

#[streaming_metrics(model = "a", model = "b")]
fn twice() -> impl Stream<Item = Bytes> {
    empty()
}

#[streaming_metrics(endpoint = "items/:id", media_type = 7, modell = "a", model)]
fn several() -> impl Stream<Item = Bytes> {
    empty()
}

#[streaming_metrics(content_type = "text/plain", name = "a")]
fn by_another_name() -> impl Stream<Item = Bytes> {
    empty()
}

#[tokio::main]
async fn main() {
    let _: Empty<u8> = empty();
    drop(misspelled());
    drop(of_another_attribute().await);
    drop(no_value());
    drop(no_name());
    drop(no_comma());
    drop(twice());
    drop(several());
    drop(by_another_name());
}
