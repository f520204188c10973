//! `uncached`: an input count that excludes cached tokens.

#![deny(warnings)]
#![forbid(unsafe_code)]

use streamgauge::{TokenUsage, Usage};

#[derive(TokenUsage)]
struct Counts {
    #[token_usage(uncached)]
    input_tokens: Option<u32>,
    #[token_usage(cache_read)]
    cache_read_input_tokens: u32,
    #[token_usage(cache_write)]
    cache_creation_input_tokens: Option<u32>,
    #[token_usage(output)]
    output_tokens: u32,
}

#[derive(TokenUsage)]
struct Parted<T> {
    #[token_usage(uncached)]
    input: T,
    #[token_usage(output)]
    output: u32,
    #[token_usage(flatten)]
    cached: Cached,
}

#[derive(TokenUsage)]
struct Cached {
    #[token_usage(cache_read)]
    read: u32,
}

#[derive(TokenUsage)]
struct TwoLifetimes(
    #[token_usage(uncached)] u32,
    #[token_usage(cache_write)] u32,
    #[token_usage(cache_write_1h)] u32,
);

#[derive(TokenUsage)]
struct Alone {
    #[token_usage(uncached)]
    tokens: u32,
}

#[derive(TokenUsage)]
struct Reply {
    #[token_usage(nested)]
    usage: Counts,
}

pub(crate) fn main() {
    let counts = |input_tokens| Counts {
        input_tokens,
        cache_read_input_tokens: 2_000,
        cache_creation_input_tokens: None,
        output_tokens: 503,
    };
    let usage = Reply { usage: counts(Some(50)) }.token_usage();
    assert_eq!(usage, Some(Usage::new(2_050, 503).cache_read(2_000)));
    let written = Counts { cache_creation_input_tokens: Some(7), ..counts(Some(50)) };
    let usage = Usage::new(2_057, 503).cache_read(2_000).cache_write(7);
    assert_eq!(written.token_usage(), Some(usage));
    assert_eq!(counts(None).token_usage().map(|usage| usage.total()), Some(2_503));

    let parted = Parted { input: 3_u8, output: 5, cached: Cached { read: 4 } };
    assert_eq!(parted.token_usage(), Some(Usage::new(7, 5).cache_read(4)));
    let whole = TwoLifetimes(3, 10, 20).token_usage();
    assert_eq!(whole.map(|usage| usage.total()), Some(33));
    assert_eq!(Alone { tokens: 3 }.token_usage().map(|usage| usage.total()), Some(3));
}
