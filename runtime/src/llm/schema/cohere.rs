//! The members that only Cohere's replies have.

use super::{Container, Field};
use crate::llm::counts::RawCount;
use crate::llm::flags::FrameFlag;
use crate::llm::vocabulary::FinishMember;

/// Returns the field of a member of `response`, which the last event of version 1 has.
pub(super) fn response_member(key: &[u8]) -> Field {
    match key {
        b"meta" => Field::CohereMeta,
        b"finish_reason" => Field::FinishReason(FinishMember::Cohere),
        _ => Field::Ignored,
    }
}

/// Returns the field of a member of `delta`, which the events of version 2 have.
pub(super) fn delta_member(key: &[u8]) -> Field {
    match key {
        b"message" => Field::CohereMessage,
        b"finish_reason" => Field::FinishReason(FinishMember::Cohere),
        b"usage" => Field::CohereUsage,
        _ => Field::Ignored,
    }
}

/// Returns the field of a member of a message, or of a part of one.
pub(super) fn message_member(key: &[u8]) -> Field {
    match key {
        b"content" => Field::CohereContent,
        b"tool_plan" => Field::NonEmpty(FrameFlag::CohereReasoning),
        b"tool_calls" => Field::NonEmpty(FrameFlag::CohereToolCalls),
        _ => Field::Ignored,
    }
}

/// Returns the field of a member of one of the fields of Cohere.
pub(super) fn member(field: Field, key: &[u8]) -> Field {
    match (field, key) {
        (Field::CohereMeta, b"api_version") => Field::Present(FrameFlag::CohereApiVersion),
        (Field::CohereMeta | Field::CohereUsage, b"tokens") => Field::CohereTokens(Container::Meta),
        (Field::CohereMeta | Field::CohereUsage, b"billed_units") => {
            Field::BilledUnits(Container::Meta)
        }
        (Field::CohereMeta | Field::CohereUsage, b"cached_tokens") => {
            Field::Count(Container::Meta, RawCount::Cached)
        }
        (Field::CohereTokens(container), b"input_tokens") => {
            Field::Count(container, RawCount::CohereInput)
        }
        (Field::CohereTokens(container), b"output_tokens") => {
            Field::Count(container, RawCount::CohereOutput)
        }
        (Field::BilledUnits(container), b"input_tokens") => {
            Field::Count(container, RawCount::CohereBilledInput)
        }
        (Field::BilledUnits(container), b"output_tokens") => {
            Field::Count(container, RawCount::CohereBilledOutput)
        }
        (Field::CohereMessage, key) => message_member(key),
        (Field::CohereContent, b"text") => Field::NonEmpty(FrameFlag::CohereText),
        (Field::CohereContent, b"thinking") => Field::NonEmpty(FrameFlag::CohereReasoning),
        (Field::Generation, b"text") => Field::ModelText(FrameFlag::Generation),
        (Field::Generation, b"finish_reason") => Field::FinishReason(FinishMember::Cohere),
        _ => Field::Ignored,
    }
}
