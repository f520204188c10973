//! `flatten`: fields that supply a part of the usage.

#![deny(warnings)]
#![forbid(unsafe_code)]

use streamgauge::{TokenUsage, Usage};

#[derive(TokenUsage)]
struct Cache {
    #[token_usage(cache_read)]
    read: Option<u32>,
    #[token_usage(cache_write)]
    written: Option<u32>,
}

#[derive(TokenUsage)]
struct Thought(#[token_usage(reasoning)] u64);

/// The counts of this struct have precedence; each part adds the counts that are missing.
#[derive(TokenUsage)]
struct Counts<T> {
    #[token_usage(input)]
    input: u32,
    #[token_usage(output)]
    output: u32,
    #[token_usage(flatten)]
    cache: Option<Cache>,
    #[token_usage(flatten)]
    rest: T,
}

/// The `nested` usage is read only if no part has a count.
#[derive(TokenUsage)]
struct Parts(#[token_usage(flatten)] Option<Cache>, #[token_usage(nested)] Usage);

pub(crate) fn main() {
    let cache = |read| Some(Cache { read, written: Some(1) });
    let counts = Counts { input: 10, output: 5, cache: cache(Some(3)), rest: Thought(4) };
    let whole = Usage::new(10, 5).cache_read(3).cache_write(1).reasoning(4);
    assert_eq!(counts.token_usage(), Some(whole));
    let own = Counts { input: 10, output: 5, cache: None, rest: Usage::new(99, 99).cache_read(2) };
    assert_eq!(own.token_usage(), Some(Usage::new(10, 5).cache_read(2)));
    assert_eq!(Parts(cache(None), Usage::new(9, 9)).token_usage().unwrap().total(), 1);
    assert_eq!(Parts(None, Usage::new(9, 9)).token_usage(), Some(Usage::new(9, 9)));
}
