//! The members of a frame.

use super::{Container, Field};
use crate::llm::counts::RawCount;
use crate::llm::flags::FrameFlag;
use crate::llm::vocabulary::FinishMember;

const EVENT: Field = Field::Present(FrameFlag::ConverseEvent);
const EXCEPTION: Field = Field::Present(FrameFlag::ConverseException);
const COHERE_TOOL_CALLS: Field = Field::NonEmpty(FrameFlag::CohereToolCalls);
const INVOKE_TEXT: Field = Field::ModelText(FrameFlag::InvokeText);
const INVOKE_STOP_REASON: Field = Field::FinishReason(FinishMember::BedrockStopReason);
const INVOKE_INPUT: Field = Field::Count(Container::Meta, RawCount::BedrockInput);
const INVOKE_OUTPUT: Field = Field::Count(Container::Meta, RawCount::BedrockOutput);

/// Returns the field of a member of a frame.
pub(super) fn member(key: &[u8]) -> Field {
    match key {
        // Several APIs
        b"type" | b"event_type" | b"eventType" => Field::Type,
        b"object" => Field::Object,
        b"model" => Field::Model(Container::Frame),
        b"usage" => Field::Usage(Container::Frame),
        b"error" => Field::Error,
        b"status" => Field::FinishReason(FinishMember::Status),
        b"delta" => Field::Delta,
        b"message" => Field::Message,
        b"output" => Field::Output,
        b"outputs" => Field::RootOutputs,
        b"response" => Field::Response,
        b"content" => Field::ContentBlocks,
        b"text" => Field::Text,
        b"embedding" | b"embeddings" | b"embeddingsByType" => Field::Embeddings,
        b"results" => Field::Results,
        b"stop_reason" => Field::FinishReason(FinishMember::StopReason),
        b"service_tier" | b"serviceTier" => Field::ServiceTier,
        // OpenAI
        b"choices" => Field::Choices,
        // The error event of Responses has no member `error`.
        b"code" => Field::ErrorType,
        b"item" | b"step" => Field::OutputItem,
        b"incomplete_details" => Field::IncompleteDetails,
        b"created" => Field::Created,
        b"data" => Field::Data,
        b"task" => Field::Task,
        b"x_groq" => Field::Groq,
        // Results of batches, and assistants
        b"custom_id" => Field::CustomId,
        b"result" => Field::BatchResult,
        b"last_error" => Field::ResponseError,
        // Gemini
        b"candidates" => Field::Candidates,
        b"modelVersion" => Field::ModelVersion,
        b"usageMetadata" => Field::UsageMetadata,
        b"promptFeedback" => Field::PromptFeedback,
        b"predictions" => Field::Predictions,
        b"interaction" => Field::Interaction,
        b"steps" => Field::Steps,
        // Ollama
        b"done" => Field::Done,
        b"done_reason" => Field::FinishReason(FinishMember::DoneReason),
        b"thinking" => Field::OllamaThinking,
        b"prompt_eval_count" => Field::Count(Container::Frame, RawCount::PromptEval),
        b"eval_count" => Field::Count(Container::Frame, RawCount::Eval),
        // Cohere, whose version 1 also has `event_type`
        b"finish_reason" => Field::FinishReason(FinishMember::Cohere),
        b"is_finished" => Field::IsFinished,
        b"meta" => Field::CohereMeta,
        b"generations" => Field::Generations,
        b"tool_calls" | b"tool_call_delta" => COHERE_TOOL_CALLS,
        b"response_type" => Field::ResponseType,
        // Bedrock's Converse
        b"stopReason" | b"completionReason" => INVOKE_STOP_REASON,
        b"role" => Field::Present(FrameFlag::Role),
        b"metadata" => Field::ConverseMetadata,
        b"messageStart" | b"contentBlockIndex" | b"contentBlockStart" | b"contentBlockStop" => {
            EVENT
        }
        b"contentBlockDelta" => Field::ConverseDelta,
        b"messageStop" => Field::ConverseStop,
        b"internalServerException"
        | b"modelStreamErrorException"
        | b"serviceUnavailableException"
        | b"throttlingException"
        | b"validationException" => EXCEPTION,
        // The models on Bedrock
        b"amazon-bedrock-invocationMetrics" => Field::InvocationMetrics,
        b"inputTextTokenCount" | b"prompt_token_count" => INVOKE_INPUT,
        b"totalOutputTextTokenCount" | b"generation_token_count" => INVOKE_OUTPUT,
        b"outputText" | b"generation" => INVOKE_TEXT,
        b"completions" => Field::Completions,
        // Anthropic's streams, and its text completions
        b"content_block" => Field::ContentBlock,
        b"completion" => Field::ModelText(FrameFlag::TextCompletion),
        _ => Field::Ignored,
    }
}
