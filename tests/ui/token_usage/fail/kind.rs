//! The derive supports structs only.

use streamgauge::TokenUsage;

#[derive(TokenUsage)]
enum Reply {
    Text(#[token_usage(input)] u32),
}

#[derive(TokenUsage)]
union Either {
    #[token_usage(input)]
    input: u32,
    output: u64,
}

fn main() {
    let Reply::Text(_) = Reply::Text(1);
    let either = Either { input: 1 };
    let _ = unsafe { either.output };
}
