//! The protocols, and which one a frame belongs to.

use super::flags::FrameFlag;
use super::frame::Frame;
use super::spec::{FrameFindings, ProtocolSpec};
use super::vocabulary::FrameType;
use super::{anthropic, bedrock, cohere, gemini, ollama, openai};

/// The protocol of a model API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Detected by the first frame that can only belong to one protocol.
    #[default]
    Auto,
    /// `OpenAI`'s chat completions, Responses and other operations, also as served by compatible
    /// servers.
    OpenAi,
    /// Anthropic's Messages, and its older text completions.
    Anthropic,
    /// Gemini's `generateContent` and `streamGenerateContent`, and its Interactions.
    Gemini,
    /// Ollama's own API.
    Ollama,
    /// Bedrock's Converse, and replies to its invoke requests, in JSON or as a binary event stream.
    Bedrock,
    /// Cohere's API, versions 1 and 2.
    Cohere,
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
            Self::Cohere => Some(&cohere::SPEC),
        }
    }

    /// Returns the protocol that interprets a frame: this one, unless this is `Auto` or a service
    /// that passes on the replies of other protocols.
    pub(super) fn or_detect(self, frame: &Frame) -> Self {
        // Anthropic is first because its messages have counts that Responses has, too. Bedrock is
        // last because it adds its metrics to the frames of others.
        let all = [
            Self::Anthropic,
            Self::OpenAi,
            Self::Gemini,
            Self::Ollama,
            Self::Cohere,
            Self::Bedrock,
        ];
        let detects = |protocol: &Self| protocol.spec().is_some_and(|spec| (spec.detects)(frame));
        match self {
            Self::Auto => all.into_iter().find(detects).unwrap_or(Self::Auto),
            // The metadata of another protocol's reply may look like Bedrock's usage, so Bedrock's
            // own shapes come last.
            Self::Bedrock => {
                let others = [Self::Anthropic, Self::OpenAi, Self::Cohere];
                others.into_iter().find(detects).unwrap_or(Self::Bedrock)
            }
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

    /// Returns whether a frame is only a part of a reply, even if no other frame is known.
    pub(super) fn is_event(self, frame: &Frame) -> bool {
        match self {
            Self::Anthropic => anthropic::is_event(frame),
            Self::Ollama => frame.has(FrameFlag::NotDone),
            Self::Bedrock => bedrock::is_event(frame),
            Self::Cohere => cohere::is_event(frame),
            Self::OpenAi => openai::is_event(frame),
            Self::Gemini => matches!(frame.kind, FrameType::Interaction(_)),
            Self::Auto => false,
        }
    }

    /// Returns whether a reply that is not streamed is one object without an end marker.
    pub(super) const fn ends_with_object(self) -> bool {
        matches!(self, Self::OpenAi | Self::Anthropic | Self::Bedrock | Self::Cohere)
    }

    /// Returns whether the metrics count that Bedrock adds to the last frame of a stream.
    pub(super) const fn has_invocation_metrics(self) -> bool {
        matches!(self, Self::Auto | Self::Bedrock)
    }
}
