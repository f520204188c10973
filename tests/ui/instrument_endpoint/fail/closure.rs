//! Closures cannot be annotated, because they have no name.

use streamgauge::{instrument_endpoint, track_tokens};

fn main() {
    #[instrument_endpoint]
    let add = |number: u32| number + 1;

    let later = #[track_tokens]
    async || 1;

    println!("{}", add(1));
    drop(later);
}
