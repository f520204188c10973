//! Replies of the crate `async-openai`.

use async_openai::types::chat::{
    CompletionUsage, CreateChatCompletionResponse, CreateChatCompletionStreamResponse,
    FinishReason as ChatReason,
};
use async_openai::types::responses::{OutputItem, Response, ResponseUsage, Status};

use super::TokenUsage;
use crate::llm::openai;
use crate::usage::FinishReason;
use crate::usage::{TokenCount, Usage};

impl TokenUsage for CompletionUsage {
    fn token_usage(&self) -> Option<Usage> {
        let input = self.prompt_tokens_details.as_ref();
        let output = self.completion_tokens_details.as_ref();
        openai::usage(
            self.prompt_tokens.count(),
            self.completion_tokens.count(),
            self.total_tokens.count(),
            input.and_then(|details| details.cached_tokens.count()),
            input.and_then(|details| details.cache_write_tokens.count()),
            output.and_then(|details| details.reasoning_tokens.count()),
        )
    }
}

impl TokenUsage for ResponseUsage {
    fn token_usage(&self) -> Option<Usage> {
        let input = &self.input_tokens_details;
        openai::usage(
            self.input_tokens.count(),
            self.output_tokens.count(),
            self.total_tokens.count(),
            input.cached_tokens.count(),
            input.cache_write_tokens.count(),
            self.output_tokens_details.reasoning_tokens.count(),
        )
    }
}

macro_rules! chats {
    ($($reply:ty),*) => {$(
        impl TokenUsage for $reply {
            fn token_usage(&self) -> Option<Usage> {
                self.usage.token_usage()
            }

            fn model(&self) -> Option<&str> {
                Some(&self.model)
            }

            fn __finish_reason(&self) -> FinishReason {
                let reasons = self.choices.iter().filter_map(|choice| choice.finish_reason);
                reasons.last().map_or(FinishReason::Unknown, of_chat)
            }
        }
    )*};
}

chats!(CreateChatCompletionResponse, CreateChatCompletionStreamResponse);

fn of_chat(reason: ChatReason) -> FinishReason {
    match reason {
        ChatReason::Stop => FinishReason::Stop,
        ChatReason::Length => FinishReason::Length,
        ChatReason::ToolCalls | ChatReason::FunctionCall => FinishReason::ToolCalls,
        ChatReason::ContentFilter => FinishReason::ContentFilter,
    }
}

impl TokenUsage for Response {
    fn token_usage(&self) -> Option<Usage> {
        self.usage.token_usage()
    }

    fn model(&self) -> Option<&str> {
        Some(&self.model)
    }

    fn __finish_reason(&self) -> FinishReason {
        let is_call = |item: &OutputItem| {
            matches!(
                item,
                OutputItem::FunctionCall(_)
                    | OutputItem::CustomToolCall(_)
                    | OutputItem::ComputerCall(_)
                    | OutputItem::LocalShellCall(_)
            )
        };
        let reason = self.incomplete_details.as_ref().map(|details| &*details.reason);
        match (&self.status, reason) {
            (Status::Failed, _) => FinishReason::Error,
            (Status::Cancelled, _) => FinishReason::Cancelled,
            (Status::Incomplete, Some("max_output_tokens")) => FinishReason::Length,
            (Status::Incomplete, Some("content_filter")) => FinishReason::ContentFilter,
            (Status::Incomplete, _) => FinishReason::Other,
            (Status::Completed, _) if self.output.iter().any(is_call) => FinishReason::ToolCalls,
            (Status::Completed, _) => FinishReason::Stop,
            (Status::InProgress | Status::Queued, _) => FinishReason::Unknown,
        }
    }
}
