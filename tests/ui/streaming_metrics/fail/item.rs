//! What is no function, or has no body.

use futures_core::Stream;
use streamgauge::streaming_metrics;

#[streaming_metrics]
struct Chunk;

trait Source {
    #[streaming_metrics]
    fn chunks(&self) -> impl Stream<Item = String>;
}

#[streaming_metrics]
const fn limit() -> u32 {
    1
}

impl Source for Chunk {
    fn chunks(&self) -> impl Stream<Item = String> {
        futures_util::stream::empty()
    }
}

fn main() {
    drop(Chunk.chunks());
    limit();
}
