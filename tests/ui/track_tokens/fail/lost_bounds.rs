//! What is read comes back wrapped: it is a stream, and not all else that the plain one was.

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

/// Nothing is read from this one, which comes back as it is.
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
