//! What a model call does.

use super::cohere::has_is_finished;
use super::counts::RawCount;
use super::flags::FrameFlag;
use super::frame::Frame;
use super::interactions::is_interaction;
use super::schema::Container;
use super::vocabulary::{AnthropicEvent, FinishMember, FrameType};
use crate::label::closed_set;
use crate::usage::FinishReason;

closed_set! {
    /// The `operation` label of a model call.
    #[doc(hidden)]
    #[derive(Default)]
    pub Operation {
        /// Not known.
        #[default]
        Unknown = "",
        /// A chat, or a reply of a conversational API.
        Chat = "chat",
        /// A completion of a text.
        Completion = "completion",
        /// Embeddings.
        Embedding = "embedding",
        /// A ranking of documents.
        Rerank = "rerank",
        /// A transcription or translation of speech.
        Transcription = "transcription",
        /// The generation of images.
        Image = "image",
        /// Anything else.
        Other = "other",
    }
}

/// Returns the operation that a frame belongs to, by the members that only its replies have.
///
/// Returns `Unknown` for a frame that may belong to several operations, such as the last frame of a
/// stream, which has usage alone.
pub(super) fn operation(frame: &Frame) -> Operation {
    let has = |flag| frame.has(flag);
    let has_done = has(FrameFlag::Done) || has(FrameFlag::NotDone);
    let is_ollama = has_done && has(FrameFlag::Model);
    if has(FrameFlag::BatchObject) || has(FrameFlag::BatchResult) || has(FrameFlag::CategoryScores)
    {
        Operation::Other
    } else if has(FrameFlag::Embedding) {
        Operation::Embedding
    } else if has(FrameFlag::RelevanceScore) {
        Operation::Rerank
    } else if is_image(frame) {
        Operation::Image
    } else if is_transcription(frame) {
        Operation::Transcription
    } else if is_chat(frame) || (is_ollama && has(FrameFlag::Message)) {
        Operation::Chat
    } else if has(FrameFlag::CompletionObject)
        || has(FrameFlag::TextChoice)
        || is_text_completion(frame)
        || (is_ollama && has(FrameFlag::Response))
    {
        Operation::Completion
    } else if has(FrameFlag::ChatObject) {
        Operation::Chat
    } else {
        Operation::Unknown
    }
}

fn is_image(frame: &Frame) -> bool {
    frame.kind == FrameType::Image
        || frame.has(FrameFlag::ImageBytes)
        || (frame.has(FrameFlag::DataUrl) && frame.has(FrameFlag::Created))
}

fn is_transcription(frame: &Frame) -> bool {
    let is_audio = frame.has(FrameFlag::AudioUsage)
        || frame.has(FrameFlag::AudioTask)
        || frame.counts(Container::Frame).has(RawCount::PromptAudioSeconds);
    frame.kind == FrameType::Transcription || (frame.has(FrameFlag::Text) && is_audio)
}

/// Some servers send chats with the `object` of a text completion, or with a text beside each
/// message. So a message is the better evidence.
fn is_chat(frame: &Frame) -> bool {
    let is_event = match frame.kind {
        // Other replies than Anthropic's may have this type.
        FrameType::Anthropic(AnthropicEvent::Message) => frame.has(FrameFlag::ContentBlocks),
        FrameType::Anthropic(_) | FrameType::Responses(_) | FrameType::Interaction(_) => true,
        _ => false,
    };
    is_event
        || frame.has(FrameFlag::ChatChoice)
        || frame.has(FrameFlag::ResponseObject)
        || frame.has(FrameFlag::AssistantObject)
        || is_interaction(frame)
        || frame.has(FrameFlag::Candidates)
        || frame.has(FrameFlag::ConverseMessage)
        || is_cohere_or_converse_chat(frame)
}

fn is_cohere_or_converse_chat(frame: &Frame) -> bool {
    let has_reason = frame.finish_reason(FinishMember::Cohere) != FinishReason::Unknown;
    // Only replies of chats have these texts beside a finish reason. Completions have generations.
    let is_cohere = has_reason
        && !has_is_finished(frame)
        && (frame.has(FrameFlag::Message) || frame.has(FrameFlag::Text));
    is_cohere
        || matches!(frame.kind, FrameType::Cohere(_))
        || frame.has(FrameFlag::ConverseEvent)
        || frame.has(FrameFlag::ConverseStop)
}

/// Returns whether a frame is a text completion of Cohere, of Anthropic, or of a model that one of
/// Bedrock's invoke requests names.
fn is_text_completion(frame: &Frame) -> bool {
    frame.has(FrameFlag::Generation)
        || frame.has(FrameFlag::InvokeText)
        || frame.has(FrameFlag::TextCompletion)
        || (frame.has(FrameFlag::Text) && has_is_finished(frame))
}
