//! The members that only Bedrock's replies have: events of Converse streams, and the shapes of the
//! models that invoke requests name.

use super::{Container, Field};
use crate::llm::counts::RawCount;
use crate::llm::flags::FrameFlag;
use crate::llm::vocabulary::FinishMember;

const STOP_REASON: Field = Field::FinishReason(FinishMember::BedrockStopReason);

/// Returns the field of a member of a part of a message.
pub(super) fn part_member(key: &[u8]) -> Field {
    match key {
        b"toolUse" => Field::Present(FrameFlag::ToolUse),
        b"reasoningContent" => Field::Ignored,
        _ => Field::ConverseAnswer,
    }
}

/// Returns the field of a member of the delta of a Converse stream.
pub(super) fn delta_member(key: &[u8]) -> Field {
    match key {
        b"toolUse" => Field::NonEmpty(FrameFlag::ToolUse),
        b"reasoningContent" => Field::NonEmpty(FrameFlag::DeltaReasoning),
        _ => Field::Ignored,
    }
}

/// Returns the field of a member of one of Titan's results.
pub(super) fn result_member(key: &[u8]) -> Field {
    match key {
        b"tokenCount" => Field::Count(Container::Meta, RawCount::BedrockOutput),
        b"outputText" => Field::ModelText(FrameFlag::InvokeText),
        b"completionReason" => STOP_REASON,
        _ => Field::Ignored,
    }
}

/// Returns the field of a member of one of the fields of Bedrock.
pub(super) fn member(field: Field, key: &[u8]) -> Field {
    match (field, key) {
        (Field::ConverseDelta, b"delta") => Field::Delta,
        (Field::ConverseStop, b"stopReason")
        | (Field::RootOutput, b"stop_reason")
        | (Field::CompletionReason, b"reason") => STOP_REASON,
        (Field::RootOutput | Field::CompletionData, b"text") => {
            Field::ModelText(FrameFlag::InvokeText)
        }
        (Field::ConverseMetadata, b"usage") => Field::ConverseUsage,
        (Field::ConverseUsage, key) => {
            usage_count(key).map_or(Field::Ignored, |count| Field::Count(Container::Meta, count))
        }
        (Field::InvocationMetrics, key) => invocation_metrics_member(key),
        (Field::Completion, b"finishReason") => Field::CompletionReason,
        (Field::Completion, b"data") => Field::CompletionData,
        _ => Field::Ignored,
    }
}

/// Returns the count that a member of Converse's `usage` is.
pub(super) fn usage_count(key: &[u8]) -> Option<RawCount> {
    Some(match key {
        b"inputTokens" => RawCount::BedrockInput,
        b"outputTokens" => RawCount::BedrockOutput,
        b"totalTokens" => RawCount::BedrockTotal,
        b"cacheReadInputTokens" => RawCount::BedrockCacheRead,
        b"cacheReadInputTokenCount" => RawCount::BedrockCacheReadCount,
        b"cacheWriteInputTokens" => RawCount::BedrockCacheWrite,
        b"cacheWriteInputTokenCount" => RawCount::BedrockCacheWriteCount,
        _ => return None,
    })
}

fn invocation_metrics_member(key: &[u8]) -> Field {
    let count = match key {
        b"inputTokenCount" => RawCount::BedrockInput,
        b"outputTokenCount" => RawCount::BedrockOutput,
        b"cacheReadInputTokenCount" => RawCount::BedrockCacheRead,
        b"cacheWriteInputTokenCount" => RawCount::BedrockCacheWrite,
        _ => return Field::Ignored,
    };
    Field::Count(Container::InvocationMetrics, count)
}
