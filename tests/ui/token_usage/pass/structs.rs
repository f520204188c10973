//! Structs of every form, with counts of every type.

#![deny(warnings)]
#![forbid(unsafe_code)]
#![allow(dead_code)]

use std::borrow::Cow;
use std::num::NonZero;
use std::sync::Arc;

use streamgauge::{TokenUsage, Usage};

#[derive(TokenUsage)]
struct All {
    #[token_usage(input)]
    prompt_tokens: u32,
    #[token_usage(output)]
    completion_tokens: u64,
    #[token_usage(cache_read)]
    cached: Option<u16>,
    #[token_usage(cache_write)]
    written: Option<Option<u8>>,
    #[token_usage(cache_write_1h)]
    written_for_an_hour: u8,
    #[token_usage(input_audio)]
    heard: u32,
    #[token_usage(input_image)]
    seen: Option<u32>,
    #[token_usage(reasoning)]
    reasoning: i64,
    #[token_usage(output_audio)]
    spoken: u32,
    #[token_usage(output_image)]
    drawn: Option<u32>,
    #[token_usage(model)]
    model: String,
}

#[derive(TokenUsage)]
pub struct Tuple(#[token_usage(input)] pub usize, pub String, #[token_usage(output)] i32);

#[derive(TokenUsage)]
struct OneSide {
    #[token_usage(output)]
    total: u8,
}

/// Counts of integers that are wide or not zero. A count that is too large becomes the largest one.
#[derive(TokenUsage)]
struct Wide {
    #[token_usage(input)]
    input: u128,
    #[token_usage(output)]
    output: Option<i128>,
    #[token_usage(reasoning)]
    reasoning: Option<NonZero<u32>>,
    #[token_usage(cache_read)]
    cache_read: NonZero<i64>,
}

/// One field with two roles, as two attributes.
#[derive(TokenUsage)]
struct Both {
    #[token_usage(input)]
    #[token_usage(output)]
    tokens: i16,
}

#[derive(TokenUsage)]
struct InOneList {
    #[token_usage(input, output)]
    tokens: isize,
}

#[derive(TokenUsage)]
struct Raw {
    #[token_usage(input)]
    r#in: u32,
    #[token_usage(model)]
    r#type: &'static str,
}

/// A model may be any text type, also borrowed or optional.
#[derive(TokenUsage)]
struct Borrowed<'a> {
    #[token_usage(model)]
    model: Option<&'a str>,
    #[token_usage(output)]
    output: u32,
}

#[derive(TokenUsage)]
struct Shared<'a>(#[token_usage(model)] Cow<'a, str>, #[token_usage(input)] u32);

#[derive(TokenUsage)]
struct Counted(#[token_usage(model)] Option<Arc<str>>, #[token_usage(input)] u32);

#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize, serde::Serialize, TokenUsage)]
#[serde(rename_all = "camelCase")]
struct OnTheWire {
    /// Documented.
    #[serde(default)]
    #[token_usage(input)]
    #[allow(dead_code)]
    prompt_tokens: u32,
}

pub(crate) fn main() {
    let all = All {
        prompt_tokens: 10,
        completion_tokens: 5,
        cached: Some(4),
        written: Some(Some(3)),
        written_for_an_hour: 6,
        heard: 7,
        seen: Some(8),
        reasoning: 2,
        spoken: 1,
        drawn: None,
        model: "small-1".to_owned(),
    };
    let usage = Usage::new(10, 5)
        .cache_read(4)
        .cache_write(3)
        .cache_write_1h(6)
        .input_audio(7)
        .input_image(8)
        .reasoning(2)
        .output_audio(1);
    assert_eq!(all.token_usage(), Some(usage));
    assert_eq!(all.model(), Some("small-1"));
    assert_eq!(Tuple(1, String::new(), 2).token_usage(), Some(Usage::new(1, 2)));
    let wide = Wide {
        input: u128::MAX,
        output: Some(-1),
        reasoning: NonZero::new(3),
        cache_read: NonZero::new(4).unwrap(),
    };
    let largest = Usage::new(u64::MAX, 0).reasoning(3).cache_read(4);
    assert_eq!(Wide { output: Some(0), ..wide }.token_usage(), Some(largest));
    assert_ne!(wide.token_usage(), Some(largest), "a negative count is not known");
    assert_eq!(OneSide { total: 3 }.token_usage().unwrap().total(), 3);
    assert_eq!(Both { tokens: 2 }.token_usage(), Some(Usage::new(2, 2)));
    assert_eq!(InOneList { tokens: -2 }.token_usage(), None);
    assert_eq!(Raw { r#in: 1, r#type: "small-1" }.model(), Some("small-1"));
    assert_eq!(Borrowed { model: None, output: 1 }.model(), None);
    assert_eq!(Shared("small-1".into(), 1).model(), Some("small-1"));
    assert_eq!(Counted(Some("small-1".into()), 1).model(), Some("small-1"));
    assert_eq!(OnTheWire { prompt_tokens: 7 }.token_usage().unwrap().total(), 7);
}
