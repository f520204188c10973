//! Fields whose type does not fit their role.

use streamgauge::TokenUsage;

struct Details;

#[derive(TokenUsage)]
struct Reply {
    #[token_usage(input)]
    text: String,
    #[token_usage(output)]
    fraction: Option<f64>,
    #[token_usage(cache_read)]
    list: Vec<u32>,
    #[token_usage(model)]
    number: u32,
    #[token_usage(nested)]
    details: Details,
}

#[derive(TokenUsage)]
struct Tuple(#[token_usage(input)] bool);

fn main() {
    let reply =
        Reply { text: String::new(), fraction: None, list: vec![], number: 1, details: Details };
    reply.token_usage();
    Tuple(true).token_usage();
}
