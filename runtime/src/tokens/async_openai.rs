//! Replies of the crate `async-openai`.

use async_openai::types::chat::{
    CompletionUsage, CreateChatCompletionResponse, CreateChatCompletionStreamResponse,
    FinishReason as ChatFinishReason, FunctionCall, FunctionCallStream,
};
use async_openai::types::responses::{OutputItem, Response, ResponseUsage, Status};

use super::{ReplyDetails, TokenUsage};
use crate::llm::vocabulary::{finish_reason, reply_finish_reason};
use crate::llm::{Operation, openai};
use crate::usage::{FinishReason, TokenCount, Usage, UsageCount};

impl TokenUsage for CompletionUsage {
    fn token_usage(&self) -> Option<Usage> {
        let input = self.prompt_tokens_details.as_ref();
        let output = self.completion_tokens_details.as_ref();
        let counts = [
            (UsageCount::Input, self.prompt_tokens.count()),
            (UsageCount::CacheRead, input.and_then(|details| details.cached_tokens.count())),
            (UsageCount::CacheWrite, input.and_then(|details| details.cache_write_tokens.count())),
            (UsageCount::InputAudio, input.and_then(|details| details.audio_tokens.count())),
            (UsageCount::Output, self.completion_tokens.count()),
            (UsageCount::Reasoning, output.and_then(|details| details.reasoning_tokens.count())),
            (UsageCount::OutputAudio, output.and_then(|details| details.audio_tokens.count())),
        ];
        openai::usage(counts, self.total_tokens.count())
    }
}

impl TokenUsage for ResponseUsage {
    fn token_usage(&self) -> Option<Usage> {
        let input = &self.input_tokens_details;
        let counts = [
            (UsageCount::Input, self.input_tokens.count()),
            (UsageCount::CacheRead, input.cached_tokens.count()),
            (UsageCount::CacheWrite, input.cache_write_tokens.count()),
            (UsageCount::Output, self.output_tokens.count()),
            (UsageCount::Reasoning, self.output_tokens_details.reasoning_tokens.count()),
        ];
        openai::usage(counts, self.total_tokens.count())
    }
}

macro_rules! impl_for_chat_replies {
    ($($reply:ty, $message:ident;)*) => {$(
        impl TokenUsage for $reply {
            fn token_usage(&self) -> Option<Usage> {
                self.usage.token_usage()
            }

            fn model(&self) -> Option<&str> {
                Some(&self.model)
            }

            #[expect(deprecated, reason = "compatible servers send function calls")]
            fn __details(&self) -> ReplyDetails {
                let reasons = self.choices.iter().filter_map(|choice| choice.finish_reason);
                let reason = reasons.last().map_or(FinishReason::Unknown, chat_finish_reason);
                let has_tool_calls = self.choices.iter().any(|choice| {
                    let calls = choice.$message.tool_calls.as_ref();
                    let function = choice.$message.function_call.as_ref();
                    calls.is_some_and(|calls| !calls.is_empty())
                        || function.is_some_and(|function| function.is_named())
                });
                let finish = reply_finish_reason(false, reason, has_tool_calls);
                ReplyDetails { finish, operation: Operation::Chat, ..ReplyDetails::default() }
            }
        }
    )*};
}

impl_for_chat_replies! {
    CreateChatCompletionResponse, message;
    CreateChatCompletionStreamResponse, delta;
}

/// A function call, or a part of one. Some servers send an empty one instead of none.
trait Named {
    fn is_named(&self) -> bool;
}

impl Named for FunctionCall {
    fn is_named(&self) -> bool {
        !self.name.is_empty()
    }
}

impl Named for FunctionCallStream {
    fn is_named(&self) -> bool {
        self.name.as_ref().is_some_and(|name| !name.is_empty())
    }
}

fn chat_finish_reason(reason: ChatFinishReason) -> FinishReason {
    let word: &[u8] = match reason {
        ChatFinishReason::Stop => b"stop",
        ChatFinishReason::Length => b"length",
        ChatFinishReason::ToolCalls => b"tool_calls",
        ChatFinishReason::FunctionCall => b"function_call",
        ChatFinishReason::ContentFilter => b"content_filter",
    };
    finish_reason(word)
}

impl TokenUsage for Response {
    fn token_usage(&self) -> Option<Usage> {
        self.usage.token_usage()
    }

    fn model(&self) -> Option<&str> {
        Some(&self.model)
    }

    fn __details(&self) -> ReplyDetails {
        let finish = response_finish_reason(self);
        ReplyDetails { finish, operation: Operation::Chat, ..ReplyDetails::default() }
    }
}

fn response_finish_reason(response: &Response) -> FinishReason {
    let status: &[u8] = match response.status {
        Status::Completed => b"completed",
        Status::Failed => b"failed",
        Status::InProgress => b"in_progress",
        Status::Cancelled => b"cancelled",
        Status::Queued => b"queued",
        Status::Incomplete => {
            let details = response.incomplete_details.as_ref();
            let reason = details.map_or("", |details| &*details.reason);
            return finish_reason(reason.as_bytes());
        }
    };
    let reason = finish_reason(status);
    reply_finish_reason(false, reason, response.output.iter().any(is_tool_call))
}

/// Returns whether an output item asks the client to act.
fn is_tool_call(item: &OutputItem) -> bool {
    matches!(
        item,
        OutputItem::FunctionCall(_)
            | OutputItem::CustomToolCall(_)
            | OutputItem::ComputerCall(_)
            | OutputItem::LocalShellCall(_)
            | OutputItem::ShellCall(_)
            | OutputItem::ApplyPatchCall(_)
            | OutputItem::McpApprovalRequest(_)
    )
}
