//! Replies of model APIs that are parsed as JSON.

use serde_json::Value;

use super::{ReplyDetails, TokenUsage};
use crate::llm;
use crate::outcome::Unread;
use crate::usage::Usage;

/// The reply of a model API as sent: of `OpenAI`, Anthropic, Gemini, Ollama, Bedrock, Cohere, or a
/// server with the API of one of them. The API is detected.
impl TokenUsage for Value {
    fn token_usage(&self) -> Option<Usage> {
        llm::read_value(self).usage
    }

    fn model(&self) -> Option<&str> {
        llm::model_name(self)
    }

    fn __details(&self) -> ReplyDetails {
        let findings = llm::read_value(self);
        let unread = match (findings.unparsed, findings.is_partly_unread) {
            (true, _) => Unread::Usage,
            (false, true) => Unread::Partly,
            (false, false) => Unread::Nothing,
        };
        ReplyDetails {
            finish: findings.finish_reason,
            unread,
            operation: findings.operation,
            service_tier: findings.service_tier().map(str::to_owned),
            provider_cost: findings.provider_cost,
            usage_by_other_models: findings.usage_by_other_models,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::llm::tests::samples;
    use crate::outcome::Unread;
    use crate::tokens::TokenUsage;
    use crate::usage::{FinishReason, Usage, UsageCount};

    #[test]
    fn parsed_replies_have_the_findings_of_their_bytes() {
        let mut checked = 0;
        for sample in samples::all() {
            let Ok(value) = serde_json::from_str::<Value>(sample.bytes) else { continue };
            checked += 1;
            assert_eq!(value.token_usage(), sample.expected.usage, "{}", sample.name);
            assert_eq!(value.model(), sample.expected.model, "{}", sample.name);
            assert_eq!(value.__details().finish, sample.expected.finish_reason, "{}", sample.name);
            let is_unparsed = value.__details().unread == Unread::Usage;
            assert_eq!(is_unparsed, sample.expected.unparsed, "{}", sample.name);
        }
        assert!(checked >= 6, "{checked}");
    }

    #[test]
    fn usage_of_an_application_reply_is_read() {
        let reply = json!({
            "answer": "42",
            "usage": { "input_tokens": 3, "output_tokens": 4 },
        });
        assert_eq!(reply.token_usage(), Some(Usage::new(3, 4)));
        assert_eq!(reply.__details().finish, FinishReason::Unknown);
    }

    #[test]
    fn model_is_found_beside_the_usage_of_a_frame() {
        for (frame, usage) in [
            (
                json!({ "type": "message_start", "message": { "model": "m-1", "usage": { "input_tokens": 3 } } }),
                Usage::from_counts([(UsageCount::Input, Some(3))]),
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
    fn unparsed_usage_is_distinguished_from_missing_usage() {
        for (usage, unparsed) in [
            (json!({ "prompt_tokens": "12" }), true),
            (json!({ "cost": 0.1 }), true),
            (json!({ "prompt_tokens": 12 }), false),
            (json!({}), false),
            (json!(null), false),
        ] {
            for reply in [json!({ "choices": [], "usage": usage }), json!({ "usage": usage })] {
                let expected = if unparsed { Unread::Usage } else { Unread::Nothing };
                assert_eq!(reply.__details().unread, expected, "{reply}");
                let wrapped = Some(Ok::<_, ()>(&reply));
                assert_eq!(wrapped.__details().unread, expected, "{reply}");
            }
        }
    }

    #[test]
    fn usage_is_not_found_in_other_json() {
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
}
