//! A `crate` path that does not resolve.

use streamgauge::TokenUsage;

#[derive(TokenUsage)]
#[token_usage(crate = gauge)]
struct Nowhere {
    #[token_usage(output)]
    tokens: u32,
}

fn main() {
    let Nowhere { .. } = Nowhere { tokens: 1 };
}
