//! Unknown, duplicate and malformed roles.

use streamgauge::TokenUsage;

#[derive(TokenUsage)]
struct Unknown {
    #[token_usage(prompt)]
    prompt_tokens: u32,
    #[token_usage(Output)]
    completion_tokens: u32,
}

#[derive(TokenUsage)]
struct Twice {
    #[token_usage(input)]
    prompt_tokens: u32,
    #[token_usage(input)]
    completion_tokens: u32,
}

#[derive(TokenUsage)]
struct TwiceOnOne {
    #[token_usage(output, output)]
    tokens: u32,
}

#[derive(TokenUsage)]
struct InputTwice {
    #[token_usage(input)]
    prompt_tokens: u32,
    #[token_usage(uncached)]
    input_tokens: u32,
}

#[derive(TokenUsage)]
struct InputTwiceOnOne {
    #[token_usage(uncached, input)]
    tokens: u32,
}

#[derive(TokenUsage)]
struct Malformed {
    #[token_usage]
    nothing: u32,
    #[token_usage()]
    empty: u32,
    #[token_usage = "input"]
    value: u32,
    #[token_usage("output")]
    text: u32,
    #[token_usage(reasoning = true)]
    flag: u32,
}

fn main() {
    let Unknown { .. } = Unknown { prompt_tokens: 1, completion_tokens: 2 };
    let Twice { .. } = Twice { prompt_tokens: 1, completion_tokens: 2 };
    let TwiceOnOne { .. } = TwiceOnOne { tokens: 1 };
    let InputTwice { .. } = InputTwice { prompt_tokens: 1, input_tokens: 2 };
    let InputTwiceOnOne { .. } = InputTwiceOnOne { tokens: 1 };
    let Malformed { .. } = Malformed { nothing: 1, empty: 2, value: 3, text: 4, flag: 5 };
}
