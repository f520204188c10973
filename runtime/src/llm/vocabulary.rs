//! The words of all protocols: types of frames, types of output items, finish reasons.
//!
//! They are in one place because a frame is scanned before its protocol is known.

use crate::usage::FinishReason;

/// The `type` member of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum FrameType {
    #[default]
    Unknown,
    Error,
    Responses(ResponsesEvent),
    Anthropic(AnthropicEvent),
    /// An event of `OpenAI`'s streamed transcriptions.
    Transcription,
    /// An event of `OpenAI`'s streamed images.
    Image,
}

impl FrameType {
    pub(super) fn from_word(word: &[u8]) -> Self {
        if word == b"error" {
            return Self::Error;
        }
        if word.starts_with(b"transcript.") {
            return Self::Transcription;
        }
        if word.starts_with(b"image_generation.") || word.starts_with(b"image_edit.") {
            return Self::Image;
        }
        ResponsesEvent::from_word(word)
            .map(Self::Responses)
            .or_else(|| AnthropicEvent::from_word(word).map(Self::Anthropic))
            .unwrap_or_default()
    }
}

/// An event of `OpenAI`'s Responses API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponsesEvent {
    /// Adds to text, a refusal, or the arguments of a tool call.
    Delta,
    /// Adds to reasoning, or to a summary of reasoning.
    ReasoningDelta,
    Failed,
    /// The response is completed or incomplete.
    End,
    Other,
}

impl ResponsesEvent {
    fn from_word(word: &[u8]) -> Option<Self> {
        let name = word.strip_prefix(b"response.")?;
        Some(match name {
            b"completed" | b"incomplete" => Self::End,
            b"failed" => Self::Failed,
            _ if !name.ends_with(b".delta") => Self::Other,
            _ if name.starts_with(b"reasoning") => Self::ReasoningDelta,
            _ => Self::Delta,
        })
    }
}

/// An event of Anthropic's Messages API, or a whole message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnthropicEvent {
    /// A whole message: a reply that is not streamed.
    Message,
    MessageStart,
    ContentDelta,
    MessageStop,
    Other,
}

impl AnthropicEvent {
    fn from_word(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"message" => Self::Message,
            b"message_start" => Self::MessageStart,
            b"content_block_delta" => Self::ContentDelta,
            b"message_stop" => Self::MessageStop,
            b"message_delta" | b"content_block_start" | b"content_block_stop" => Self::Other,
            _ => return None,
        })
    }
}

/// Returns whether an output item of `OpenAI`'s Responses API, by its `type`, asks the client to
/// call a tool.
pub(super) fn is_tool_call(item_type: &[u8]) -> bool {
    matches!(
        item_type,
        b"function_call" | b"custom_tool_call" | b"computer_call" | b"local_shell_call"
    )
}

/// Returns whether an output item, a content block or a part of a message is reasoning, by its
/// `type`.
pub(super) fn is_reasoning(item_type: &[u8]) -> bool {
    matches!(item_type, b"reasoning" | b"thinking" | b"redacted_thinking")
}

/// Returns whether a content delta of Anthropic's Messages API is reasoning, by its `type`.
pub(super) fn is_reasoning_delta(delta_type: &[u8]) -> bool {
    matches!(delta_type, b"thinking_delta" | b"signature_delta")
}

/// Returns whether the `task` of a reply is a transcription, or a translation of speech.
pub(super) fn is_audio_task(task: &[u8]) -> bool {
    matches!(task, b"transcribe" | b"translate")
}

/// Returns whether usage, by its `type`, is that of a transcription.
pub(super) fn is_audio_usage(usage_type: &[u8]) -> bool {
    matches!(usage_type, b"duration" | b"tokens")
}

/// The API whose words a finish reason is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The `finish_reason` of a choice.
    OpenAiChat,
    /// The `status` of a response, and the `reason` of its `incomplete_details`.
    OpenAiResponses,
    Anthropic,
    Gemini,
    Ollama,
    Bedrock,
}

impl Dialect {
    pub(super) const COUNT: usize = 6;

    /// Returns the finish reason that a word of this dialect means.
    pub(crate) fn finish_reason(self, word: &[u8]) -> FinishReason {
        match self {
            Self::OpenAiChat => chat_finish_reason(word),
            Self::OpenAiResponses => response_status(word),
            Self::Anthropic => anthropic_stop_reason(word),
            Self::Gemini => gemini_finish_reason(word),
            Self::Ollama => ollama_done_reason(word),
            Self::Bedrock => bedrock_stop_reason(word),
        }
    }
}

fn chat_finish_reason(word: &[u8]) -> FinishReason {
    match word {
        b"stop" => FinishReason::Stop,
        b"length" | b"model_length" => FinishReason::Length,
        b"tool_calls" | b"function_call" => FinishReason::ToolCalls,
        b"content_filter" => FinishReason::ContentFilter,
        b"error" => FinishReason::Error,
        b"abort" | b"cancelled" => FinishReason::Cancelled,
        _ => FinishReason::Other,
    }
}

/// Also accepts the reasons of an incomplete response: both stand in one frame.
fn response_status(word: &[u8]) -> FinishReason {
    match word {
        b"in_progress" | b"queued" => FinishReason::Unknown,
        b"completed" => FinishReason::Stop,
        b"failed" => FinishReason::Error,
        b"cancelled" => FinishReason::Cancelled,
        _ => response_incomplete_reason(word),
    }
}

/// Returns the finish reason of an incomplete response of `OpenAI`'s Responses API, by the `reason`
/// of its `incomplete_details`.
pub(crate) fn response_incomplete_reason(word: &[u8]) -> FinishReason {
    match word {
        b"max_output_tokens" => FinishReason::Length,
        b"content_filter" => FinishReason::ContentFilter,
        _ => FinishReason::Other,
    }
}

fn anthropic_stop_reason(word: &[u8]) -> FinishReason {
    match word {
        b"end_turn" | b"stop_sequence" => FinishReason::Stop,
        b"max_tokens" | b"model_context_window_exceeded" => FinishReason::Length,
        b"tool_use" => FinishReason::ToolCalls,
        b"refusal" => FinishReason::ContentFilter,
        _ => FinishReason::Other,
    }
}

fn gemini_finish_reason(word: &[u8]) -> FinishReason {
    match word {
        b"FINISH_REASON_UNSPECIFIED" => FinishReason::Unknown,
        b"STOP" => FinishReason::Stop,
        b"MAX_TOKENS" => FinishReason::Length,
        b"SAFETY"
        | b"RECITATION"
        | b"BLOCKLIST"
        | b"PROHIBITED_CONTENT"
        | b"SPII"
        | b"IMAGE_SAFETY"
        | b"IMAGE_PROHIBITED_CONTENT"
        | b"IMAGE_RECITATION" => FinishReason::ContentFilter,
        _ => FinishReason::Other,
    }
}

fn ollama_done_reason(word: &[u8]) -> FinishReason {
    match word {
        b"stop" => FinishReason::Stop,
        b"length" => FinishReason::Length,
        _ => FinishReason::Other,
    }
}

fn bedrock_stop_reason(word: &[u8]) -> FinishReason {
    match word {
        b"end_turn" | b"stop_sequence" => FinishReason::Stop,
        b"max_tokens" | b"model_context_window_exceeded" => FinishReason::Length,
        b"tool_use" => FinishReason::ToolCalls,
        b"content_filtered" | b"guardrail_intervened" => FinishReason::ContentFilter,
        b"malformed_model_output" | b"malformed_tool_use" => FinishReason::Error,
        _ => FinishReason::Other,
    }
}

/// Returns the finish reason of a whole reply. Some protocols report `stop` although the model has
/// called a tool.
pub(crate) const fn reply_finish_reason(
    is_failed: bool,
    reason: FinishReason,
    has_tool_calls: bool,
) -> FinishReason {
    match reason {
        _ if is_failed => FinishReason::Error,
        FinishReason::Stop if has_tool_calls => FinishReason::ToolCalls,
        reason => reason,
    }
}
