//! Functions that a `macro_rules!` macro generates from fragments.

#![deny(warnings)]
#![forbid(unsafe_code)]

use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::stream::iter;
use streamgauge::{Usage, track_tokens};

macro_rules! calls {
    ($(
        $name:ident($argument:ident: $type:ty),
        $provider:literal,
        $model:expr => $reply:ty $body:block
    )*) => {$(
        #[track_tokens(provider = $provider, model = $model, endpoint = "/calls")]
        async fn $name($argument: $type) -> $reply $body
    )*};
}

calls! {
    literal(text: &str), "house", "small-1" => Usage {
        Usage::new(text.len() as u64, 2)
    }
    expression(text: &str), "house", text => Result<Usage, ()> {
        if text.is_empty() {
            return Err(());
        }
        Ok(Usage::new(text.len() as u64, 2))
    }
    stream(text: String), "house", &text[1..] => impl Stream<Item = String> {
        iter([text])
    }
    fallible(text: String), "house", text => Result<impl Stream<Item = String>, ()> {
        Ok(iter([text]))
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!(literal("a").await, Usage::new(1, 2));
    assert_eq!(expression("").await, Err(()));
    assert_eq!(stream("a".to_owned()).await.count().await, 1);
    assert_eq!(fallible("a".to_owned()).await.unwrap().count().await, 1);
}
