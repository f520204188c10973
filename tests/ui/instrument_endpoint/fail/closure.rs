//! Closures and blocks, which have no name to be recorded by.

use streamgauge::{instrument_endpoint, streaming_metrics, track_tokens};

fn main() {
    #[instrument_endpoint]
    let add = |number: u32| number + 1;

    let later = #[track_tokens]
    async || 1;

    #[streaming_metrics]
    {
        println!("{}", add(1));
    }

    drop(later);
}
