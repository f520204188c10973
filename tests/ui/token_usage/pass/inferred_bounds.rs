//! As with the standard library's derives, bounds for fields of a generic type are added to the
//! implementation and not to the struct.

#![deny(warnings)]
#![forbid(unsafe_code)]

use streamgauge::{TokenUsage, Usage};

#[derive(TokenUsage)]
struct Reply<T> {
    #[token_usage(nested)]
    inner: T,
}

#[derive(TokenUsage)]
struct Page<T, M> {
    #[token_usage(nested)]
    _inner: Option<T>,
    #[token_usage(model)]
    model: M,
    #[token_usage(input)]
    input: u32,
}

pub(crate) fn main() {
    assert_eq!(Reply { inner: Usage::new(1, 2) }.token_usage(), Some(Usage::new(1, 2)));
    // The struct itself can hold anything.
    assert_eq!(Reply { inner: "text" }.inner, "text");
    let page = Page { _inner: None::<Usage>, model: "small-1", input: 3 };
    assert_eq!(page.model(), Some("small-1"));
}
