//! The places of a frame that some protocol names. All else is stepped over.

use super::counts::{Count, Owner, metadata_member, usage_member};

/// Whose words a finish reason is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Chat,
    Responses,
    Anthropic,
    Gemini,
    Ollama,
    Bedrock,
}

impl Dialect {
    pub(super) const COUNT: usize = 6;
}

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing here or below is of interest.
    Elsewhere,
    /// The frame.
    Root,
    Kind,
    Object,
    Model(Owner),
    ModelVersion,
    Error,
    ErrorOfResponse,
    ErrorName,
    Finish(Dialect),
    BlockReason,
    // Usage
    Usage(Owner),
    UsageMetadata,
    PromptDetails(Owner),
    CompletionDetails(Owner),
    InputDetails(Owner),
    OutputDetails(Owner),
    Count(Owner, Count),
    // OpenAI's chat
    Choices,
    Choice,
    ChoiceMessage,
    /// Text, or a list of parts of it, or of calls.
    ChoiceContent,
    // Responses
    Response,
    IncompleteDetails,
    Output,
    OutputItem,
    OutputKind,
    // Anthropic
    Delta,
    DeltaText,
    Blocks,
    // Gemini
    Candidates,
    Candidate,
    CandidateContent,
    Parts,
    Part,
    PartText,
    PartData,
    FunctionCall,
    PromptFeedback,
    // Ollama
    Done,
    /// `message`, which is Anthropic's too.
    Message,
    OllamaText,
    OllamaCalls,
}

impl Place {
    /// The place of an object's member.
    pub(super) fn member(self, key: &[u8]) -> Self {
        match self {
            Self::Root => root_member(key),
            Self::Error | Self::ErrorOfResponse => match key {
                b"type" | b"code" | b"status" => Self::ErrorName,
                _ => Self::Elsewhere,
            },
            Self::Usage(owner) => usage_member(owner, key),
            Self::UsageMetadata => metadata_member(key),
            Self::PromptDetails(owner) => match key {
                b"cached_tokens" => Self::Count(owner, Count::PromptCached),
                b"cache_write_tokens" => Self::Count(owner, Count::PromptCacheWrite),
                _ => Self::Elsewhere,
            },
            Self::InputDetails(owner) => match key {
                b"cached_tokens" => Self::Count(owner, Count::InputCached),
                b"cache_write_tokens" => Self::Count(owner, Count::InputCacheWrite),
                _ => Self::Elsewhere,
            },
            Self::CompletionDetails(owner) => match key {
                b"reasoning_tokens" => Self::Count(owner, Count::CompletionReasoning),
                _ => Self::Elsewhere,
            },
            Self::OutputDetails(owner) => match key {
                b"reasoning_tokens" => Self::Count(owner, Count::OutputReasoning),
                _ => Self::Elsewhere,
            },
            Self::Choice => match key {
                b"delta" | b"message" => Self::ChoiceMessage,
                b"text" => Self::ChoiceContent,
                b"finish_reason" => Self::Finish(Dialect::Chat),
                _ => Self::Elsewhere,
            },
            Self::ChoiceMessage => match key {
                b"content" | b"reasoning_content" | b"reasoning" | b"refusal" | b"tool_calls"
                | b"function_call" => Self::ChoiceContent,
                _ => Self::Elsewhere,
            },
            Self::Response => match key {
                b"usage" => Self::Usage(Owner::Response),
                b"model" => Self::Model(Owner::Response),
                b"status" => Self::Finish(Dialect::Responses),
                b"error" => Self::ErrorOfResponse,
                b"incomplete_details" => Self::IncompleteDetails,
                b"output" => Self::Output,
                _ => Self::Elsewhere,
            },
            Self::IncompleteDetails if key == b"reason" => Self::Finish(Dialect::Responses),
            Self::OutputItem if key == b"type" => Self::OutputKind,
            Self::Message => match key {
                b"usage" => Self::Usage(Owner::Message),
                b"model" => Self::Model(Owner::Message),
                b"stop_reason" => Self::Finish(Dialect::Anthropic),
                b"content" | b"thinking" => Self::OllamaText,
                b"tool_calls" => Self::OllamaCalls,
                _ => Self::Elsewhere,
            },
            Self::Delta => match key {
                b"text" | b"thinking" | b"partial_json" => Self::DeltaText,
                b"stop_reason" => Self::Finish(Dialect::Anthropic),
                _ => Self::Elsewhere,
            },
            Self::Candidate => match key {
                b"content" => Self::CandidateContent,
                b"finishReason" => Self::Finish(Dialect::Gemini),
                _ => Self::Elsewhere,
            },
            Self::CandidateContent if key == b"parts" => Self::Parts,
            Self::Part => match key {
                b"text" => Self::PartText,
                b"functionCall" => Self::FunctionCall,
                _ => Self::PartData,
            },
            Self::PromptFeedback if key == b"blockReason" => Self::BlockReason,
            _ => Self::Elsewhere,
        }
    }

    /// The place of an array's element.
    pub(super) const fn element(self) -> Self {
        match self {
            Self::Choices => Self::Choice,
            Self::Candidates => Self::Candidate,
            Self::Parts => Self::Part,
            Self::Output => Self::OutputItem,
            _ => Self::Elsewhere,
        }
    }
}

fn root_member(key: &[u8]) -> Place {
    match key {
        b"type" => Place::Kind,
        b"object" => Place::Object,
        b"model" => Place::Model(Owner::Frame),
        b"modelVersion" => Place::ModelVersion,
        b"usage" => Place::Usage(Owner::Frame),
        b"usageMetadata" => Place::UsageMetadata,
        b"error" => Place::Error,
        // The error event of Responses says it here.
        b"code" => Place::ErrorName,
        b"choices" => Place::Choices,
        b"response" => Place::Response,
        b"status" => Place::Finish(Dialect::Responses),
        b"incomplete_details" => Place::IncompleteDetails,
        b"output" => Place::Output,
        b"item" => Place::OutputItem,
        b"delta" => Place::Delta,
        b"content" => Place::Blocks,
        b"stop_reason" => Place::Finish(Dialect::Anthropic),
        b"stopReason" => Place::Finish(Dialect::Bedrock),
        b"candidates" => Place::Candidates,
        b"promptFeedback" => Place::PromptFeedback,
        b"done" => Place::Done,
        b"done_reason" => Place::Finish(Dialect::Ollama),
        b"message" => Place::Message,
        b"thinking" => Place::OllamaText,
        b"prompt_eval_count" => Place::Count(Owner::Frame, Count::PromptEval),
        b"eval_count" => Place::Count(Owner::Frame, Count::Eval),
        _ => Place::Elsewhere,
    }
}
