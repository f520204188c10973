//! A reply that was parsed first tells the same.

use serde_json::{Value, json};

use super::samples;
use crate::family::FinishReason;
use crate::tokens::TokenUsage;
use crate::usage::Usage;

#[test]
fn the_same_as_its_bytes() {
    let mut plain = 0;
    for sample in samples::all() {
        let Ok(value) = serde_json::from_str::<Value>(sample.bytes) else { continue };
        if !value.is_object() {
            continue;
        }
        plain += 1;
        assert_eq!(value.token_usage(), sample.told.usage, "{}", sample.name);
        assert_eq!(value.model(), sample.told.model, "{}", sample.name);
        assert_eq!(value.__finish_reason(), sample.told.finish, "{}", sample.name);
    }
    assert!(plain >= 6, "{plain}");
}

#[test]
fn a_reply_of_the_house() {
    let reply = json!({
        "answer": "42",
        "usage": { "input_tokens": 3, "output_tokens": 4 },
    });
    assert_eq!(reply.token_usage(), Some(Usage::new(3, 4)));
    assert_eq!(reply.__finish_reason(), FinishReason::Unknown);
}

#[test]
fn no_reply_of_a_model() {
    for value in [
        json!(null),
        json!([{ "choices": [], "usage": { "prompt_tokens": 1 } }]),
        json!({ "usage": 5, "nested": { "usage": { "prompt_tokens": 1 } } }),
        json!({ "usage": { "prompt_tokens": -1, "completion_tokens": 1.5, "input_tokens": "1" } }),
        json!("usage"),
    ] {
        assert_eq!((value.token_usage(), value.model()), (None, None), "{value}");
    }
}
