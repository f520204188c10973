//! The words of all protocols: types of frames, types of output items, finish reasons.
//!
//! They are in one place because a frame is scanned before its protocol is known.

use super::flags::FrameFlag;
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
    Cohere(CohereEvent),
    /// An event of Gemini's streamed Interactions.
    Interaction(InteractionEvent),
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
            .or_else(|| CohereEvent::from_word(word).map(Self::Cohere))
            .or_else(|| InteractionEvent::from_word(word).map(Self::Interaction))
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

/// The event of a message of a binary event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventType {
    /// An event of Bedrock's Converse API.
    Converse,
    /// A frame of the model's own protocol, in base64: Bedrock's invoke API.
    Chunk,
    Other,
}

impl EventType {
    pub(super) fn from_word(word: &[u8]) -> Self {
        match word {
            b"messageStart" | b"contentBlockStart" | b"contentBlockDelta" | b"contentBlockStop"
            | b"messageStop" | b"metadata" => Self::Converse,
            b"chunk" => Self::Chunk,
            _ => Self::Other,
        }
    }
}

/// An event of Cohere's API: the `type` of version 2, the `event_type` of version 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CohereEvent {
    End,
    Other,
}

impl CohereEvent {
    fn from_word(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"message-end" | b"stream-end" => Self::End,
            b"message-start"
            | b"content-start"
            | b"content-delta"
            | b"content-end"
            | b"tool-plan-delta"
            | b"tool-call-start"
            | b"tool-call-delta"
            | b"tool-call-end"
            | b"citation-start"
            | b"citation-end"
            | b"stream-start"
            | b"text-generation"
            | b"search-queries-generation"
            | b"search-results"
            | b"citation-generation"
            | b"tool-calls-generation"
            | b"tool-calls-chunk" => Self::Other,
            _ => return None,
        })
    }
}

/// An event of Gemini's Interactions API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InteractionEvent {
    Delta,
    /// The interaction has ended, or waits for the client.
    End,
    Other,
}

impl InteractionEvent {
    fn from_word(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"step.delta" | b"content.delta" => Self::Delta,
            b"interaction.completed" | b"interaction.complete" => Self::End,
            b"step.start" | b"step.stop" | b"content.start" | b"content.stop" => Self::Other,
            _ if word.starts_with(b"interaction.") => Self::Other,
            _ => return None,
        })
    }
}

/// Returns what the `object` of a frame shows.
pub(super) fn object_flags(object: &[u8]) -> &'static [FrameFlag] {
    match object {
        b"response" => &[FrameFlag::ResponseObject],
        b"chat.completion.chunk" => &[FrameFlag::ChatObject, FrameFlag::ChatChunkObject],
        b"text_completion" => &[FrameFlag::ChatObject, FrameFlag::CompletionObject],
        b"interaction" => &[FrameFlag::InteractionObject],
        b"thread.run" => &[FrameFlag::AssistantObject, FrameFlag::AssistantRun],
        // The usage of a step is part of that of its run.
        b"thread.run.step" => &[FrameFlag::AssistantObject, FrameFlag::PartialUsage],
        // A batch repeats the usage of its results whenever a client asks for its status.
        b"batch" => &[FrameFlag::BatchObject, FrameFlag::PartialUsage],
        _ if object.starts_with(b"chat.completion") => &[FrameFlag::ChatObject],
        _ if object.starts_with(b"thread.") => &[FrameFlag::AssistantObject],
        _ => &[],
    }
}

/// Returns whether an output item of `OpenAI`'s Responses API, a step of Gemini's Interactions API
/// or a content block of Anthropic's, by its `type`, asks the client to act: to call a tool, or to
/// approve a call.
pub(super) fn is_tool_call(item_type: &[u8]) -> bool {
    matches!(
        item_type,
        b"function_call"
            | b"custom_tool_call"
            | b"computer_call"
            | b"local_shell_call"
            | b"shell_call"
            | b"apply_patch_call"
            | b"mcp_approval_request"
            | b"tool_use"
    )
}

/// Returns whether an output item, a content block or a part of a message is reasoning, by its
/// `type`.
pub(super) fn is_reasoning(item_type: &[u8]) -> bool {
    matches!(item_type, b"reasoning" | b"thinking" | b"redacted_thinking" | b"thought")
}

/// Returns whether a content delta of Anthropic's Messages API or of Gemini's Interactions API is
/// reasoning, by its `type`.
pub(super) fn is_reasoning_delta(delta_type: &[u8]) -> bool {
    matches!(
        delta_type,
        b"thinking_delta"
            | b"signature_delta"
            | b"thought"
            | b"thought_summary"
            | b"thought_signature"
    )
}

/// Returns whether the `task` of a reply is a transcription, or a translation of speech.
pub(super) fn is_audio_task(task: &[u8]) -> bool {
    matches!(task, b"transcribe" | b"translate")
}

/// Returns whether usage, by its `type`, is that of a transcription.
pub(super) fn is_audio_usage(usage_type: &[u8]) -> bool {
    matches!(usage_type, b"duration" | b"tokens")
}

/// The member that says why the model stopped. A frame is scanned before its protocol is known, so
/// the reasons of all members are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FinishMember {
    /// The `finish_reason` of a choice.
    Choice,
    /// The `status` of a response, and the `reason` of its `incomplete_details`.
    Status,
    /// Anthropic's `stop_reason`.
    StopReason,
    /// The `finishReason` of a candidate.
    Candidate,
    /// Ollama's `done_reason`.
    DoneReason,
    /// Converse's `stopReason`, and the reasons of the models that Bedrock's invoke requests name.
    BedrockStopReason,
    /// Cohere's `finish_reason`, which is not part of a choice.
    Cohere,
}

impl FinishMember {
    pub(super) const COUNT: usize = Self::Cohere as usize + 1;
}

/// The finish reasons of all protocols. No two protocols use one word for different reasons, and
/// servers that imitate a protocol keep words of their own.
const FINISH_REASONS: &[(FinishReason, &[&str])] = &[
    (FinishReason::Unknown, &["in_progress", "queued", "cancelling", "finish_reason_unspecified"]),
    (
        FinishReason::Stop,
        &[
            "stop",
            "stop_sequence",
            "stop_criteria_met",
            "end_turn",
            "eos",
            "eos_token",
            "endoftext",
            "complete",
            "completed",
            "finish",
            "finished",
        ],
    ),
    (
        FinishReason::Length,
        &[
            "length",
            "max_tokens",
            "max_output_tokens",
            "max_completion_tokens",
            "max_prompt_tokens",
            "model_length",
            "model_context_window_exceeded",
            "error_limit",
        ],
    ),
    (
        FinishReason::ToolCalls,
        &["tool_calls", "tool_call", "tool_use", "function_call", "requires_action"],
    ),
    (
        FinishReason::ContentFilter,
        &[
            "content_filter",
            "content_filtered",
            "refusal",
            "guardrail_intervened",
            "safety",
            "recitation",
            "blocklist",
            "prohibited_content",
            "spii",
            "image_safety",
            "image_prohibited_content",
            "image_recitation",
            "error_toxic",
            "sensitive",
        ],
    ),
    (
        FinishReason::Error,
        &[
            "error",
            "failed",
            "network_error",
            "malformed_model_output",
            "malformed_tool_use",
            "timeout",
        ],
    ),
    (FinishReason::Cancelled, &["abort", "cancelled", "user_cancel"]),
];

/// Returns the finish reason that a word means, whatever its case.
pub(crate) fn finish_reason(word: &[u8]) -> FinishReason {
    let is_word = |known: &&str| known.as_bytes().eq_ignore_ascii_case(word);
    FINISH_REASONS
        .iter()
        .find(|(_, words)| words.iter().any(is_word))
        .map_or(FinishReason::Other, |(reason, _)| *reason)
}

/// Returns the name of one of Gemini's finish reasons, which some transports send as its number.
pub(super) fn gemini_finish_reason(number: &[u8]) -> &'static [u8] {
    match number {
        b"0" => b"FINISH_REASON_UNSPECIFIED",
        b"1" => b"STOP",
        b"2" => b"MAX_TOKENS",
        b"3" => b"SAFETY",
        b"4" => b"RECITATION",
        b"7" => b"BLOCKLIST",
        b"8" => b"PROHIBITED_CONTENT",
        b"9" => b"SPII",
        // Among others, 5 is `OTHER`, 6 `LANGUAGE`, and 10 `MALFORMED_FUNCTION_CALL`.
        _ => b"OTHER",
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
