//! The members that only Gemini's replies have: candidates, usage, and Interactions.
//!
//! Interactions have snake case. Vertex documents camel case for them.

use super::{Container, Field};
use crate::llm::counts::RawCount;
use crate::llm::modality::TokenList;
use crate::llm::vocabulary::FinishMember;

/// Returns the field of a member of an interaction within an event.
pub(super) fn interaction_member(key: &[u8]) -> Field {
    match key {
        b"object" => Field::Object,
        b"usage" => Field::Usage(Container::Response),
        b"model" => Field::Model(Container::Response),
        b"status" => Field::FinishReason(FinishMember::Status),
        b"error" => Field::ResponseError,
        b"outputs" | b"steps" => Field::Steps,
        _ => Field::Ignored,
    }
}

/// Returns the field of a member of an interaction's `usage`. Its total is `OpenAI`'s.
pub(super) fn usage_member(container: Container, key: &[u8]) -> Field {
    let count = match key {
        b"total_input_tokens" | b"totalInputTokens" => RawCount::GeminiPrompt,
        b"total_output_tokens" | b"totalOutputTokens" => RawCount::GeminiCandidates,
        b"total_thought_tokens" | b"totalThoughtTokens" => RawCount::GeminiThoughts,
        b"total_cached_tokens" | b"totalCachedTokens" => RawCount::GeminiCachedContent,
        b"total_tool_use_tokens" | b"totalToolUseTokens" => RawCount::GeminiToolUsePrompt,
        _ => return token_list(container, key),
    };
    Field::Count(container, count)
}

fn token_list(container: Container, key: &[u8]) -> Field {
    let list = match key {
        b"input_tokens_by_modality" | b"inputTokensByModality" => TokenList::Prompt,
        b"tool_use_tokens_by_modality" | b"toolUseTokensByModality" => TokenList::ToolUsePrompt,
        b"cached_tokens_by_modality" | b"cachedTokensByModality" => TokenList::Cached,
        b"output_tokens_by_modality" | b"outputTokensByModality" => TokenList::Output,
        _ => return Field::Ignored,
    };
    Field::TokenList(container, list)
}

/// Returns the field of a member of `usageMetadata`.
pub(super) fn metadata_member(key: &[u8]) -> Field {
    let count = match key {
        b"promptTokenCount" => RawCount::GeminiPrompt,
        b"toolUsePromptTokenCount" => RawCount::GeminiToolUsePrompt,
        b"candidatesTokenCount" => RawCount::GeminiCandidates,
        b"thoughtsTokenCount" => RawCount::GeminiThoughts,
        b"cachedContentTokenCount" => RawCount::GeminiCachedContent,
        b"totalTokenCount" => RawCount::GeminiTotal,
        _ => return metadata_list(key),
    };
    Field::Count(Container::Frame, count)
}

fn metadata_list(key: &[u8]) -> Field {
    let list = match key {
        b"promptTokensDetails" => TokenList::Prompt,
        b"toolUsePromptTokensDetails" => TokenList::ToolUsePrompt,
        b"cacheTokensDetails" => TokenList::Cached,
        b"candidatesTokensDetails" => TokenList::Output,
        _ => return Field::Ignored,
    };
    Field::TokenList(Container::Frame, list)
}

/// Returns the field of a member of an element of a list of tokens by modality.
pub(super) fn token_list_item_member(key: &[u8]) -> Field {
    match key {
        b"modality" => Field::Modality,
        b"tokenCount" | b"tokens" => Field::ModalityTokens,
        _ => Field::Ignored,
    }
}

/// Returns the field of a member of a candidate, or of what a reply without candidates has instead.
pub(super) fn reply_member(field: Field, key: &[u8]) -> Field {
    match (field, key) {
        (Field::Candidate, b"content") => Field::CandidateContent,
        (Field::Candidate, b"finishReason") => Field::FinishReason(FinishMember::Candidate),
        (Field::CandidateContent, b"parts") => Field::Parts,
        (Field::Part, b"text") => Field::PartText,
        (Field::Part, b"thought") => Field::PartThought,
        (Field::Part, b"functionCall") => Field::FunctionCall,
        (Field::Part, _) => Field::PartData,
        (Field::PromptFeedback, b"blockReason") => Field::BlockReason,
        _ => Field::Ignored,
    }
}
