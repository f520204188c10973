//! The members of usage objects.

use super::{Container, Field};
use crate::llm::counts::RawCount;

/// Returns the field of a member of `usage`.
pub(super) fn member(container: Container, key: &[u8]) -> Field {
    let count = match key {
        b"prompt_tokens" => RawCount::Prompt,
        b"completion_tokens" => RawCount::Completion,
        b"prompt_cache_hit_tokens" => RawCount::PromptCacheHit,
        b"input_tokens" => RawCount::Input,
        b"output_tokens" => RawCount::Output,
        b"total_tokens" => RawCount::Total,
        b"cache_read_input_tokens" => RawCount::CacheRead,
        b"cache_creation_input_tokens" => RawCount::CacheCreation,
        b"inputTokens" => RawCount::BedrockInput,
        b"outputTokens" => RawCount::BedrockOutput,
        b"totalTokens" => RawCount::BedrockTotal,
        b"cacheReadInputTokens" | b"cacheReadInputTokenCount" => RawCount::BedrockCacheRead,
        b"cacheWriteInputTokens" | b"cacheWriteInputTokenCount" => RawCount::BedrockCacheWrite,
        b"cached_tokens" => RawCount::Cached,
        b"tokens" => return Field::CohereTokens(container),
        b"billed_units" => return Field::BilledUnits(container),
        b"type" => return Field::UsageType,
        b"cost" => return Field::Cost,
        b"cost_in_usd_ticks" => return Field::CostTicks,
        b"service_tier" => return Field::ServiceTier,
        b"prompt_tokens_details" => return Field::PromptDetails(container),
        b"completion_tokens_details" => return Field::CompletionDetails(container),
        b"input_tokens_details" => return Field::InputDetails(container),
        b"cache_creation" => return Field::CacheCreation(container),
        b"iterations" => return Field::Iterations,
        b"output_tokens_details" => return Field::OutputDetails(container),
        _ => return Field::Ignored,
    };
    Field::Count(container, count)
}

/// Returns the field of a member of one of Anthropic's iterations.
pub(super) fn iteration_member(key: &[u8]) -> Field {
    match key {
        b"type" => Field::IterationType,
        b"model" => Field::IterationModel,
        b"input_tokens"
        | b"output_tokens"
        | b"cache_read_input_tokens"
        | b"cache_creation_input_tokens"
        | b"cache_creation"
        | b"output_tokens_details" => member(Container::Iteration, key),
        _ => Field::Ignored,
    }
}

/// Returns the field of a member of Gemini's `usageMetadata`.
pub(super) fn metadata_member(key: &[u8]) -> Field {
    let count = match key {
        b"promptTokenCount" => RawCount::GeminiPrompt,
        b"toolUsePromptTokenCount" => RawCount::GeminiToolUsePrompt,
        b"candidatesTokenCount" => RawCount::GeminiCandidates,
        b"thoughtsTokenCount" => RawCount::GeminiThoughts,
        b"cachedContentTokenCount" => RawCount::GeminiCachedContent,
        b"totalTokenCount" => RawCount::GeminiTotal,
        _ => return Field::Ignored,
    };
    Field::Count(Container::Frame, count)
}

/// Returns the field of a member of `prompt_tokens_details`.
pub(super) fn prompt_details_member(container: Container, key: &[u8]) -> Field {
    let count = match key {
        b"cached_tokens" => RawCount::PromptCached,
        b"cache_write_tokens" => RawCount::PromptCacheWrite,
        _ => return Field::Ignored,
    };
    Field::Count(container, count)
}

/// Returns the field of a member of `input_tokens_details`.
pub(super) fn input_details_member(container: Container, key: &[u8]) -> Field {
    let count = match key {
        b"cached_tokens" => RawCount::InputCached,
        b"cache_write_tokens" => RawCount::InputCacheWrite,
        _ => return Field::Ignored,
    };
    Field::Count(container, count)
}

/// Returns the field of a member of `completion_tokens_details`.
pub(super) fn completion_details_member(container: Container, key: &[u8]) -> Field {
    let count = match key {
        b"reasoning_tokens" => RawCount::CompletionReasoning,
        _ => return Field::Ignored,
    };
    Field::Count(container, count)
}

/// Returns the field of a member of `output_tokens_details`.
pub(super) fn output_details_member(container: Container, key: &[u8]) -> Field {
    let count = match key {
        b"reasoning_tokens" => RawCount::OutputReasoning,
        b"thinking_tokens" => RawCount::OutputThinking,
        _ => return Field::Ignored,
    };
    Field::Count(container, count)
}

/// Returns the field of a member of Anthropic's `cache_creation`.
pub(super) fn cache_creation_member(container: Container, key: &[u8]) -> Field {
    match key {
        b"ephemeral_1h_input_tokens" => Field::Count(container, RawCount::CacheCreation1h),
        _ => Field::Ignored,
    }
}
