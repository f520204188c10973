//! Streams with every supported item type.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::fmt;

use axum::BoxError;
use axum::body::Bytes;
use futures_core::Stream;
use futures_util::stream::iter;
use streamgauge::{ResponseChunk, StreamChunk, streaming_metrics};

macro_rules! all {
    ($($name:ident: $item:ty = $value:expr;)*) => {
        $(
            #[streaming_metrics]
            fn $name() -> impl Stream<Item = $item> {
                let item: $item = $value;
                iter([item])
            }
        )*

        mod responses {
            use super::*;

            $(
                #[streaming_metrics(media_type = "text/plain")]
                pub(super) fn $name() -> impl Stream<Item = $item> {
                    let item: $item = $value;
                    iter([item])
                }
            )*
        }

        fn main() {
            $(
                drop($name());
                drop(responses::$name());
            )*
        }
    };
}

all! {
    bytes: Bytes = Bytes::new();
    vector: Vec<u8> = Vec::new();
    string: String = String::new();
    slice: &'static [u8] = b"";
    text: &'static str = "";
    cow: Cow<'static, str> = "".into();
    result: Result<Bytes, std::io::Error> = Ok(Bytes::new());
    any_error: Result<String, BoxError> = Err("error".into());
    own_error: Result<&'static str, OwnError> = Err(OwnError);
    own: Delta = Delta(String::new());
    own_in_result: Result<Delta, OwnError> = Ok(Delta(String::new()));
}

#[derive(Debug)]
struct OwnError;

impl fmt::Display for OwnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("own error")
    }
}

impl std::error::Error for OwnError {}

struct Delta(String);

impl StreamChunk for Delta {
    fn payload_bytes(&self) -> usize {
        self.0.len()
    }
}

impl ResponseChunk for Delta {
    fn into_bytes(self) -> Result<Bytes, BoxError> {
        Ok(self.0.into())
    }
}
