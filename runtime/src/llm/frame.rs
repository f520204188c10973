//! The content of one frame, collected before its protocol is known.

use serde_json::{Number, Value};

use super::counts::RawCounts;
use super::schema::{Container, Field};
use super::vocabulary::{Dialect, FrameType, is_tool_call};
use crate::usage::{FinishReason, MAX_TOKENS};

/// The longest text that is buffered, in bytes; the rest is cut. A frame itself has no maximum
/// size, because no frame is buffered.
pub(super) const MAX_BUFFERED_TEXT: usize = 160;

/// The maximum length of an error type.
const MAX_ERROR_TYPE: usize = 64;

/// A fact about a frame.
#[derive(Clone, Copy, Debug)]
pub(super) enum FrameFlag {
    Error,
    /// `object` is that of a chat completion or of a text completion.
    ChatObject,
    /// `object` is that of Responses.
    ResponseObject,
    Model,
    Choices,
    ChoiceContent,
    /// `response` is text, as in Ollama's replies.
    ResponseText,
    Output,
    /// An output item is a tool call.
    OutputToolCall,
    DeltaText,
    EmptyDeltaText,
    ContentBlocks,
    /// A member that only Gemini has.
    Gemini,
    GeminiPart,
    GeminiToolCall,
    PromptBlocked,
    Done,
    NotDone,
    OllamaText,
    OllamaToolCalls,
}

/// A JSON value that is neither an object nor an array, as sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scalar<'a> {
    /// The bytes between the quotes of a string.
    Text(&'a [u8]),
    /// A number, `true`, `false`, or `null`.
    Literal(&'a [u8]),
}

/// The content of one frame.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: FrameType,
    /// One bit for each [`FrameFlag`].
    flags: u32,
    finish_reasons: [FinishReason; Dialect::COUNT],
    counts: [RawCounts; Container::COUNT],
    /// Whether each container has usage, readable or not.
    has_usage: [bool; Container::COUNT],
    /// Whether to copy the model's name. The reader clears it once it has the name.
    pub(super) wants_model: bool,
    model: Option<(Field, String)>,
    error_type: Option<String>,
}

impl Frame {
    pub(super) const fn new() -> Self {
        Self {
            kind: FrameType::Unknown,
            flags: 0,
            finish_reasons: [FinishReason::Unknown; Dialect::COUNT],
            counts: [const { RawCounts::new() }; Container::COUNT],
            has_usage: [false; Container::COUNT],
            wants_model: true,
            model: None,
            error_type: None,
        }
    }

    pub(super) fn clear(&mut self) {
        self.kind = FrameType::Unknown;
        self.flags = 0;
        self.finish_reasons = [FinishReason::Unknown; Dialect::COUNT];
        self.counts.iter_mut().for_each(RawCounts::clear);
        self.has_usage = [false; Container::COUNT];
        self.model = None;
        self.error_type = None;
    }

    pub(super) const fn has(&self, flag: FrameFlag) -> bool {
        self.flags & (1 << flag as u32) != 0
    }

    pub(super) const fn finish_reason(&self, dialect: Dialect) -> FinishReason {
        self.finish_reasons[dialect as usize]
    }

    pub(super) const fn counts(&self, container: Container) -> &RawCounts {
        &self.counts[container as usize]
    }

    /// Returns whether one of the containers has usage, readable or not.
    pub(super) fn has_usage(&self, containers: &[Container]) -> bool {
        containers.iter().any(|container| self.has_usage[*container as usize])
    }

    /// Takes the model's name, if one of the fields has it.
    pub(super) fn take_model(&mut self, fields: &[Field]) -> Option<String> {
        self.model.take_if(|(field, _)| fields.contains(field)).map(|(_, name)| name)
    }

    pub(super) fn take_error_type(&mut self) -> Option<String> {
        self.error_type.take()
    }

    const fn set(&mut self, flag: FrameFlag) {
        self.flags |= 1 << flag as u32;
    }

    const fn set_has_usage(&mut self, container: Container) {
        self.has_usage[container as usize] = true;
    }

    /// Notes the start of an object or array.
    pub(super) fn note_open(&mut self, field: Field) {
        match field {
            Field::Error => self.set(FrameFlag::Error),
            Field::Choices => self.set(FrameFlag::Choices),
            Field::UsageMetadata | Field::Candidates | Field::PromptFeedback => {
                self.set(FrameFlag::Gemini);
            }
            Field::PartData => self.set(FrameFlag::GeminiPart),
            Field::FunctionCall => {
                self.set(FrameFlag::GeminiPart);
                self.set(FrameFlag::GeminiToolCall);
            }
            _ => {}
        }
    }

    /// Notes that an object or array is not empty.
    pub(super) fn note_not_empty(&mut self, field: Field) {
        match field {
            Field::Usage(container) => self.set_has_usage(container),
            Field::UsageMetadata => self.set_has_usage(Container::Frame),
            Field::ChoiceContent => self.set(FrameFlag::ChoiceContent),
            Field::Output => self.set(FrameFlag::Output),
            Field::ContentBlocks => self.set(FrameFlag::ContentBlocks),
            Field::OllamaToolCalls => self.set(FrameFlag::OllamaToolCalls),
            _ => {}
        }
    }

    pub(super) fn note_scalar(&mut self, field: Field, value: Scalar<'_>) {
        match value {
            _ if field == Field::Ignored => {}
            Scalar::Text(text) => self.note_text(field, &text[..text.len().min(MAX_BUFFERED_TEXT)]),
            Scalar::Literal(b"null") => {}
            Scalar::Literal(literal) => self.note_literal(field, literal),
        }
    }

    fn note_text(&mut self, field: Field, text: &[u8]) {
        match field {
            Field::Type => self.kind = FrameType::from_word(text),
            Field::Object => match text {
                b"response" => self.set(FrameFlag::ResponseObject),
                b"text_completion" => self.set(FrameFlag::ChatObject),
                _ if text.starts_with(b"chat.completion") => self.set(FrameFlag::ChatObject),
                _ => {}
            },
            Field::Model(_) | Field::ModelVersion => self.note_model(field, text),
            Field::Error => self.set(FrameFlag::Error),
            Field::ErrorType if self.error_type.is_none() => self.error_type = error_type(text),
            Field::FinishReason(dialect) => self.note_finish_reason(dialect, text),
            Field::BlockReason => self.set(FrameFlag::PromptBlocked),
            Field::DeltaText if text.is_empty() => self.set(FrameFlag::EmptyDeltaText),
            Field::OutputItemType if is_tool_call(text) => self.set(FrameFlag::OutputToolCall),
            _ if text.is_empty() => {}
            Field::Delta => self.set(FrameFlag::DeltaText),
            Field::ChoiceContent => self.set(FrameFlag::ChoiceContent),
            Field::PartText => self.set(FrameFlag::GeminiPart),
            Field::OllamaText => self.set(FrameFlag::OllamaText),
            Field::Response => self.set(FrameFlag::ResponseText),
            _ => self.note_unreadable_usage(field),
        }
    }

    fn note_literal(&mut self, field: Field, literal: &[u8]) {
        match field {
            Field::Count(container, count) => {
                if let Some(tokens) = token_count(literal) {
                    self.counts[container as usize].insert_max(count, tokens);
                }
                self.set_has_usage(container);
            }
            Field::Done => {
                let is_done = literal == b"true";
                self.set(if is_done { FrameFlag::Done } else { FrameFlag::NotDone });
            }
            Field::Error => self.set(FrameFlag::Error),
            _ => self.note_unreadable_usage(field),
        }
    }

    /// Notes usage that is not an object, or a count that is not a number.
    fn note_unreadable_usage(&mut self, field: Field) {
        match field {
            Field::Usage(container) | Field::Count(container, _) => self.set_has_usage(container),
            Field::UsageMetadata => self.set_has_usage(Container::Frame),
            _ => {}
        }
    }

    fn note_model(&mut self, field: Field, text: &[u8]) {
        // Text of this length may have been cut.
        if text.is_empty() || text.len() >= MAX_BUFFERED_TEXT {
            return;
        }
        self.set(FrameFlag::Model);
        if self.wants_model && self.model.is_none() {
            self.model = unescape(text).map(|name| (field, name));
        }
    }

    /// Keeps the most specific of several finish reasons.
    fn note_finish_reason(&mut self, dialect: Dialect, word: &[u8]) {
        if word.is_empty() {
            return;
        }
        let current = &mut self.finish_reasons[dialect as usize];
        match dialect.finish_reason(word) {
            FinishReason::Unknown => {}
            FinishReason::Other if *current != FinishReason::Unknown => {}
            reason => *current = reason,
        }
    }

    /// Notes a value that is already parsed, and all values within it.
    pub(super) fn note_value(&mut self, field: Field, value: &Value) {
        match value {
            _ if field == Field::Ignored => {}
            Value::Null => {}
            Value::Bool(true) => self.note_scalar(field, Scalar::Literal(b"true")),
            Value::Bool(false) => self.note_scalar(field, Scalar::Literal(b"false")),
            Value::Number(number) => {
                self.note_scalar(field, Scalar::Literal(number.to_string().as_bytes()));
            }
            Value::String(text) => self.note_scalar(field, Scalar::Text(text.as_bytes())),
            Value::Array(elements) => {
                self.note_open(field);
                for element in elements {
                    self.note_not_empty(field);
                    self.note_value(field.element(), element);
                }
            }
            Value::Object(members) => {
                self.note_open(field);
                for (key, member) in members {
                    self.note_not_empty(field);
                    self.note_value(field.member(key.as_bytes()), member);
                }
            }
        }
    }
}

/// Parses a whole number that is not negative. Accepts `10.0` and `1e1`, because some languages
/// have only floating-point numbers.
///
/// Returns `None` for a number larger than any call's tokens. Such a number is an error of the
/// server, for example a wrapped -1, and would make a counter wrap around.
fn token_count(literal: &[u8]) -> Option<u64> {
    let number: Number = serde_json::from_slice(literal).ok()?;
    // The text of a floating-point number without a fraction consists of digits only.
    let whole = || number.as_f64()?.to_string().parse().ok();
    number.as_u64().or_else(whole).filter(|number| *number <= MAX_TOKENS)
}

/// Returns the text of a JSON string, given the bytes between its quotes.
fn unescape(raw: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(raw).ok()?;
    if !text.contains('\\') {
        return Some(text.to_owned());
    }
    serde_json::from_str(&format!("\"{text}\"")).ok()
}

/// Returns the text if it can be the `error_type` label: an identifier, not a sentence.
fn error_type(text: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(text).ok()?;
    let is_identifier = !name.is_empty()
        && name.len() <= MAX_ERROR_TYPE
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    is_identifier.then(|| name.to_owned())
}
