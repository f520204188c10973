//! Structs without a field that has a token count.

use streamgauge::TokenUsage;

#[derive(TokenUsage)]
struct Reply {
    prompt_tokens: u32,
    completion_tokens: u32,
}

#[derive(TokenUsage)]
struct Unit;

#[derive(TokenUsage)]
struct OnlyTheModel {
    #[token_usage(model)]
    model: String,
}

fn main() {
    let Reply { .. } = Reply { prompt_tokens: 1, completion_tokens: 2 };
    let Unit = Unit;
    let OnlyTheModel { .. } = OnlyTheModel { model: String::new() };
}
