//! The members of usage objects.

use super::{Container, Field, bedrock, gemini};
use crate::llm::counts::RawCount;

/// Returns the field of a member of `usage`.
pub(super) fn member(container: Container, key: &[u8]) -> Field {
    let count = match key {
        b"prompt_tokens" => RawCount::Prompt,
        b"completion_tokens" => RawCount::Completion,
        b"prompt_cache_hit_tokens" => RawCount::PromptCacheHit,
        // Moonshot has the first name, and Mistral the second one.
        b"cached_tokens" | b"num_cached_tokens" => RawCount::Cached,
        b"reasoning_tokens" => RawCount::Reasoning,
        b"prompt_audio_seconds" => RawCount::PromptAudioSeconds,
        b"input_tokens" => RawCount::Input,
        b"output_tokens" => RawCount::Output,
        b"total_tokens" => RawCount::Total,
        b"cache_read_input_tokens" => RawCount::CacheRead,
        b"cache_creation_input_tokens" => RawCount::CacheCreation,
        b"tokens" => return Field::CohereTokens(container),
        b"billed_units" => return Field::BilledUnits(container),
        b"type" => return Field::UsageType,
        b"cost" => return Field::Cost,
        b"cost_in_usd_ticks" => return Field::CostTicks,
        b"service_tier" => return Field::ServiceTier,
        b"prompt_tokens_details" => return Field::PromptDetails(container),
        b"completion_tokens_details" => return Field::CompletionDetails(container),
        // Transcriptions and Realtime have another name for them than Responses.
        b"input_tokens_details" | b"input_token_details" => return Field::InputDetails(container),
        b"cache_creation" => return Field::CacheCreation(container),
        b"iterations" => return Field::Iterations,
        b"output_tokens_details" | b"output_token_details" => {
            return Field::OutputDetails(container);
        }
        _ => match bedrock::usage_count(key) {
            Some(count) => count,
            None => return gemini::usage_member(container, key),
        },
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

/// Returns the field of a member of `prompt_tokens_details`.
pub(super) fn prompt_details_member(container: Container, key: &[u8]) -> Field {
    let count = match key {
        b"cached_tokens" => RawCount::PromptCached,
        b"cache_write_tokens" => RawCount::PromptCacheWrite,
        b"audio_tokens" => RawCount::PromptAudio,
        b"image_tokens" => RawCount::PromptImage,
        _ => return Field::Ignored,
    };
    Field::Count(container, count)
}

/// Returns the field of a member of `input_tokens_details`.
pub(super) fn input_details_member(container: Container, key: &[u8]) -> Field {
    let count = match key {
        b"cached_tokens" => RawCount::InputCached,
        b"cache_write_tokens" => RawCount::InputCacheWrite,
        b"audio_tokens" => RawCount::InputAudio,
        b"image_tokens" => RawCount::InputImage,
        b"cached_tokens_details" | b"cached_token_details" => {
            return Field::CachedDetails(container);
        }
        _ => return Field::Ignored,
    };
    Field::Count(container, count)
}

/// Returns the field of a member of `cached_tokens_details`.
pub(super) fn cached_details_member(container: Container, key: &[u8]) -> Field {
    let count = match key {
        b"audio_tokens" => RawCount::CachedAudio,
        b"image_tokens" => RawCount::CachedImage,
        _ => return Field::Ignored,
    };
    Field::Count(container, count)
}

/// Returns the field of a member of `completion_tokens_details`.
pub(super) fn completion_details_member(container: Container, key: &[u8]) -> Field {
    let count = match key {
        b"reasoning_tokens" => RawCount::CompletionReasoning,
        b"audio_tokens" => RawCount::CompletionAudio,
        b"image_tokens" => RawCount::CompletionImage,
        _ => return Field::Ignored,
    };
    Field::Count(container, count)
}

/// Returns the field of a member of `output_tokens_details`.
pub(super) fn output_details_member(container: Container, key: &[u8]) -> Field {
    let count = match key {
        b"reasoning_tokens" => RawCount::OutputReasoning,
        b"thinking_tokens" => RawCount::OutputThinking,
        b"audio_tokens" => RawCount::OutputAudio,
        b"image_tokens" => RawCount::OutputImage,
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
