//! Generic structs with bounds, defaults and where clauses.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::fmt::Debug;
use std::marker::PhantomData;

use streamgauge::{TokenUsage, Usage};

#[derive(TokenUsage)]
struct Counts<const N: usize> {
    #[token_usage(input)]
    input: u32,
    _padding: [u8; N],
}

#[derive(Debug, TokenUsage)]
struct Unrelated<'a, T: Debug + ?Sized, U = String>
where
    U: Clone + 'a,
{
    _text: &'a T,
    _phantom: PhantomData<U>,
    #[token_usage(output)]
    output: u64,
}

#[derive(TokenUsage)]
struct Bounded<T: TokenUsage> {
    #[token_usage(nested)]
    reply: T,
}

#[derive(TokenUsage)]
struct Clause<T>
where
    Option<T>: TokenUsage,
{
    #[token_usage(nested)]
    reply: Option<T>,
}

pub(crate) fn main() {
    assert_eq!(Counts { input: 1, _padding: [0; 3] }.token_usage().unwrap().total(), 1);
    let unrelated: Unrelated<str> = Unrelated { _text: "text", _phantom: PhantomData, output: 2 };
    assert_eq!(unrelated.token_usage().unwrap().total(), 2);
    assert_eq!(Bounded { reply: Usage::new(1, 2) }.token_usage(), Some(Usage::new(1, 2)));
    assert_eq!(Clause { reply: Some(Usage::new(1, 2)) }.token_usage(), Some(Usage::new(1, 2)));
}
