//! A path of the crate that leads nowhere.

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
