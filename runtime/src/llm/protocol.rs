//! Protocols of model APIs.

/// The protocol in which a model is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Whichever the first frame that tells is of.
    #[default]
    Auto,
    /// `OpenAI`'s chat or Responses, or who speaks as they do.
    OpenAi,
    /// Anthropic's Messages.
    Anthropic,
    /// Gemini's `generateContent` and `streamGenerateContent`.
    Gemini,
    /// Ollama's own interface.
    Ollama,
    /// Bedrock's Converse.
    Bedrock,
}
