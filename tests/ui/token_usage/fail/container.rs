//! Invalid `#[token_usage]` attributes on the struct itself.

use streamgauge::TokenUsage;

#[derive(TokenUsage)]
#[token_usage(input)]
struct Role {
    #[token_usage(output)]
    tokens: u32,
}

#[derive(TokenUsage)]
#[token_usage]
struct Nothing {
    #[token_usage(output)]
    tokens: u32,
}

#[derive(TokenUsage)]
#[token_usage(crate = "streamgauge")]
struct Text {
    #[token_usage(output)]
    tokens: u32,
}

fn main() {
    let Role { .. } = Role { tokens: 1 };
    let Nothing { .. } = Nothing { tokens: 1 };
    let Text { .. } = Text { tokens: 1 };
}
