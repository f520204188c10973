//! A reply that was parsed first tells the same.

use serde_json::{Value, json};

use super::samples;
use crate::tokens::TokenUsage;
use crate::usage::FinishReason;
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
        assert_eq!(value.__unparsed(), sample.told.unparsed, "{}", sample.name);
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
fn the_model_of_a_frame_stands_where_its_usage_does() {
    for (frame, usage) in [
        (
            json!({ "type": "message_start", "message": { "model": "m-1", "usage": { "input_tokens": 3 } } }),
            Usage::from_counts(Some(3), None, None, None, None),
        ),
        (
            json!({
                "type": "response.completed",
                "response": { "model": "m-1", "usage": { "input_tokens": 3, "output_tokens": 4 } },
            }),
            Some(Usage::new(3, 4)),
        ),
    ] {
        assert_eq!((frame.token_usage(), frame.model()), (usage, Some("m-1")), "{frame}");
    }
}

#[test]
fn usage_that_cannot_be_read_is_told_from_none() {
    for (usage, unparsed) in [
        (json!({ "prompt_tokens": "12" }), true),
        (json!({ "cost": 0.1 }), true),
        (json!({ "prompt_tokens": 12 }), false),
        (json!({}), false),
        (json!(null), false),
    ] {
        for reply in [json!({ "choices": [], "usage": usage }), json!({ "usage": usage })] {
            assert_eq!(reply.__unparsed(), unparsed, "{reply}");
            assert_eq!(Some(Ok::<_, ()>(&reply)).__unparsed(), unparsed, "{reply}");
        }
    }
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
