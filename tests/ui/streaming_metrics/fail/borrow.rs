//! Errors of the borrow checker are reported as without the attribute.

use futures_core::Stream;
use futures_util::stream::iter;
use streamgauge::streaming_metrics;

#[streaming_metrics]
fn of_a_local() -> impl Stream<Item = String> {
    let words = vec!["a".to_owned()];
    iter(words.iter().cloned())
}

#[streaming_metrics]
async fn moved(words: Vec<String>) -> impl Stream<Item = String> {
    drop(words);
    iter(words)
}

#[streaming_metrics]
fn not_captured(words: &[String]) -> impl Stream<Item = String> + use<> {
    iter(words.iter().cloned())
}

#[tokio::main]
async fn main() {
    drop(of_a_local());
    drop(moved(vec![]).await);
    drop(not_captured(&[]));
}
