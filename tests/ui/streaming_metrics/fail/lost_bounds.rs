//! The wrapped stream implements `Stream`, but not the other traits of the original stream.

use futures_core::Stream;
use futures_util::stream::{Iter, iter};
use streamgauge::streaming_metrics;

#[streaming_metrics]
fn copied() -> impl Stream<Item = String> + Clone + Send {
    words()
}

#[streaming_metrics]
async fn shown() -> Result<impl std::fmt::Debug + Stream<Item = String>, String> {
    Ok(words())
}

fn words() -> Iter<std::vec::IntoIter<String>> {
    iter(vec!["word".to_owned()])
}

fn main() {
    drop(copied());
    drop(shown());
}
