//! Operations that are none, and `separate` with a value.

use streamgauge::{Usage, track_tokens};

#[track_tokens(operation = "Embeddings")]
fn mistyped() -> Usage {
    Usage::new(1, 2)
}

#[track_tokens(operation = "summary", separate = true)]
fn unknown() -> Usage {
    Usage::new(1, 2)
}

#[track_tokens(operation = 7, separate = false)]
fn number() -> Usage {
    Usage::new(1, 2)
}

#[track_tokens(separate(true), operation)]
fn parentheses() -> Usage {
    Usage::new(1, 2)
}

#[track_tokens(separate, separate)]
fn twice() -> Usage {
    Usage::new(1, 2)
}

#[track_tokens(seperate)]
fn misspelled() -> Usage {
    Usage::new(1, 2)
}

fn main() {
    mistyped();
    unknown();
    number();
    parentheses();
    twice();
    misspelled();
}
