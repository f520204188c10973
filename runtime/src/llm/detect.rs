//! The protocols, and which one a frame belongs to.

use super::flags::FrameFlag;
use super::frame::Frame;
use super::spec::{FrameFindings, ProtocolSpec};
use super::vocabulary::FrameType;
use super::{anthropic, bedrock, gemini, ollama, openai};

/// The protocol of a model API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Detected by the first frame that can only belong to one protocol.
    #[default]
    Auto,
    /// `OpenAI`'s chat completions and Responses, also as served by compatible servers.
    OpenAi,
    /// Anthropic's Messages.
    Anthropic,
    /// Gemini's `generateContent` and `streamGenerateContent`.
    Gemini,
    /// Ollama's own API.
    Ollama,
    /// Bedrock's Converse.
    Bedrock,
}

impl Protocol {
    /// Returns how to read frames of this protocol. Returns `None` for `Auto`.
    pub(super) const fn spec(self) -> Option<&'static ProtocolSpec> {
        match self {
            Self::Auto => None,
            Self::OpenAi => Some(&openai::SPEC),
            Self::Anthropic => Some(&anthropic::SPEC),
            Self::Gemini => Some(&gemini::SPEC),
            Self::Ollama => Some(&ollama::SPEC),
            Self::Bedrock => Some(&bedrock::SPEC),
        }
    }

    /// Returns this protocol, or the detected one if this is `Auto`.
    pub(super) fn or_detect(self, frame: &Frame) -> Self {
        // Anthropic is first because its messages have counts that Responses has, too.
        let all = [Self::Anthropic, Self::OpenAi, Self::Gemini, Self::Ollama, Self::Bedrock];
        let detects = |protocol: &Self| protocol.spec().is_some_and(|spec| (spec.detects)(frame));
        match self {
            Self::Auto => all.into_iter().find(detects).unwrap_or(Self::Auto),
            known => known,
        }
    }

    /// Interprets a frame. Errors are found while the protocol is `Auto`, too.
    pub(super) fn read_frame(self, frame: &Frame) -> FrameFindings {
        let mut findings = match self.spec() {
            Some(spec) => (spec.read_frame)(frame),
            None => FrameFindings {
                is_error: frame.kind == FrameType::Error,
                ..FrameFindings::default()
            },
        };
        findings.is_error |= frame.has(FrameFlag::Error);
        findings
    }

    /// Returns whether a reply that is not streamed is one object without an end marker.
    pub(super) const fn ends_with_object(self) -> bool {
        matches!(self, Self::OpenAi | Self::Anthropic | Self::Bedrock)
    }
}
