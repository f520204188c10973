//! `nested`: fields whose type implements `TokenUsage`.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::sync::Arc;

use axum::Json;
use streamgauge::{TokenUsage, Usage};

#[derive(TokenUsage)]
struct Counts {
    #[token_usage(input)]
    input: u32,
    #[token_usage(output)]
    output: Option<u32>,
}

#[derive(TokenUsage)]
struct Reply {
    #[token_usage(nested)]
    usage: Counts,
    #[token_usage(model)]
    model: Option<String>,
}

#[derive(TokenUsage)]
struct Optional {
    #[token_usage(nested)]
    reply: Option<Box<Reply>>,
}

/// The usage is that of the first field that has usage.
#[derive(TokenUsage)]
struct Several {
    #[token_usage(nested)]
    first: Option<Usage>,
    #[token_usage(nested)]
    second: Result<Arc<Optional>, String>,
    #[token_usage(nested)]
    third: Json<Counts>,
}

/// The counts of this struct have precedence.
#[derive(TokenUsage)]
struct Own(#[token_usage(output)] Option<u32>, #[token_usage(nested)] Counts);

/// A struct with a nested trait object only.
#[derive(TokenUsage)]
struct Dynamic<'a>(#[token_usage(nested)] &'a (dyn TokenUsage + Sync));

pub(crate) fn main() {
    let counts = |input| Counts { input, output: Some(1) };
    let reply = |model: Option<&str>| Reply { usage: counts(2), model: model.map(str::to_owned) };
    assert_eq!(reply(None).token_usage(), Some(Usage::new(2, 1)));
    let optional = Optional { reply: Some(Box::new(reply(Some("small-1")))) };
    assert_eq!(optional.model(), Some("small-1"));
    assert_eq!(Optional { reply: None }.token_usage(), None);
    let several = Several { first: None, second: Ok(Arc::new(optional)), third: Json(counts(9)) };
    assert_eq!(several.token_usage(), Some(Usage::new(2, 1)));
    assert_eq!(several.model(), Some("small-1"));
    assert_eq!(Own(Some(3), counts(9)).token_usage().unwrap().total(), 3);
    assert_eq!(Own(None, counts(9)).token_usage().unwrap().total(), 10);
    assert_eq!(Dynamic(&counts(2)).token_usage(), Some(Usage::new(2, 1)));
}
