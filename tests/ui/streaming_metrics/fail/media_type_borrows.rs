//! With a media type the stream must not borrow from the arguments: the response outlives them.

use futures_core::Stream;
use futures_util::stream::iter;
use streamgauge::streaming_metrics;

#[streaming_metrics(media_type = "text/plain")]
fn words(text: &str) -> impl Stream<Item = String> {
    iter(text.split(' ').map(str::to_owned))
}

fn main() {
    drop(words("a b"));
}
