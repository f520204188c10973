//! A parsed stream is wrapped: it implements `Stream`, but not the other traits of the original.

use futures_core::Stream;
use futures_util::stream::{Iter, iter};
use streamgauge::track_tokens;

#[track_tokens(protocol = "openai")]
fn copied() -> impl Stream<Item = String> + Clone + Send {
    words()
}

#[track_tokens(protocol = "openai")]
async fn shown() -> Result<impl std::fmt::Debug + Stream<Item = String>, String> {
    Ok(words())
}

/// Without a protocol the stream is not parsed and is returned unchanged.
#[track_tokens]
fn unread() -> impl Stream<Item = String> + Clone {
    words()
}

fn words() -> Iter<std::vec::IntoIter<String>> {
    iter(vec!["word".to_owned()])
}

fn main() {
    drop(copied());
    drop(shown());
    drop(unread().clone());
}
