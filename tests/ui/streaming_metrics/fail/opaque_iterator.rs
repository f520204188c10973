//! An opaque type that is neither a stream nor a response.

use streamgauge::streaming_metrics;

#[streaming_metrics]
fn numbers() -> impl Iterator<Item = u32> {
    [1, 2, 3].into_iter()
}

fn main() {
    numbers().count();
}
