//! Functions that a `macro_rules!` macro generates, with the return type as a fragment.

#![deny(warnings)]
#![forbid(unsafe_code)]

use futures_core::Stream;
use futures_util::{StreamExt, stream::iter};
use streamgauge::streaming_metrics;

macro_rules! source {
    ($name:ident() -> $reply:ty $body:block) => {
        #[streaming_metrics]
        fn $name() -> $reply $body
    };
    ($name:ident($model:expr, $media_type:literal) -> $reply:ty $body:block) => {
        #[streaming_metrics(model = $model, media_type = $media_type)]
        async fn $name() -> $reply $body
    };
}

source!(opaque() -> impl Stream<Item = String> { iter(["a".to_owned()]) });
source!(in_result() -> Result<impl Stream<Item = String>, ()> { Ok(iter(["a".to_owned()])) });
source!(response("small-1", "text/plain") -> impl Stream<Item = String> { iter(["a".to_owned()]) });

macro_rules! item {
    ($item:ty) => {
        #[streaming_metrics]
        fn of_item(item: $item) -> Result<impl Stream<Item = $item>, ()> {
            Ok(iter([item]))
        }
    };
}

item!(String);

macro_rules! events {
    ($name:ident -> $stream:ty) => {
        #[streaming_metrics]
        fn $name() -> std::io::Result<$stream> {
            Ok(iter(["a".to_owned()]))
        }
    };
}

events!(inner -> impl Stream<Item = String>);

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!(opaque().count().await, 1);
    assert_eq!(in_result().unwrap().count().await, 1);
    assert_eq!(response().await.status(), 200);
    assert_eq!(of_item("a".to_owned()).unwrap().count().await, 1);
    assert_eq!(inner().unwrap().count().await, 1);
}
