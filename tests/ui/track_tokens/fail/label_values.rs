//! `model` and `provider` literals that are invalid or reserved label values.

use streamgauge::{Usage, track_tokens};

#[track_tokens(model = "", provider = "")]
fn nothing() -> Usage {
    Usage::new(1, 2)
}

#[track_tokens(model = "other", provider = "other")]
async fn reserved() -> Usage {
    Usage::new(1, 2)
}

#[track_tokens(model = "small\n", provider = "\0house")]
fn control_characters() -> Usage {
    Usage::new(1, 2)
}

#[track_tokens(model = "small-111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111")]
async fn one_byte_too_long() -> Usage {
    Usage::new(1, 2)
}

#[track_tokens(
    provider = "äääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää"
)]
fn too_long_in_bytes() -> Usage {
    Usage::new(1, 2)
}

#[tokio::main]
async fn main() {
    nothing();
    reserved().await;
    control_characters();
    one_byte_too_long().await;
    too_long_in_bytes();
}
