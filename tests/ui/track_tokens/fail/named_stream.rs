//! A stream of a named type has no usage.

use futures_util::stream::{Empty, empty};
use streamgauge::track_tokens;

#[track_tokens]
fn stream() -> Empty<String> {
    empty()
}

fn main() {
    drop(stream());
}
