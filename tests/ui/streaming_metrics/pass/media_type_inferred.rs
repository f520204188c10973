//! With a media type the types in the body are still inferred from the declared stream, and imports
//! that only the declaration uses do not count as unused.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::io;

use axum::body::Bytes;
use futures_core::Stream;
use futures_util::stream::iter;
use streamgauge::streaming_metrics;

#[streaming_metrics(media_type = "text/plain")]
fn results() -> impl Stream<Item = Result<Bytes, io::Error>> {
    iter([Ok(Bytes::new())])
}

#[streaming_metrics(media_type = "text/plain")]
async fn results_later() -> Result<impl Stream<Item = io::Result<Cow<'static, str>>>, ()> {
    Ok(iter([Ok("text".into())]))
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    drop(results());
    drop(results_later().await.unwrap());
}
