//! What one frame has told, whatever protocol it will turn out to be of.

use crate::usage::MOST_TOKENS;
use serde_json::{Number, Value};

use super::counts::{Counts, Owner};
use super::schema::{Dialect, Place};
use super::{anthropic, bedrock, gemini, ollama, openai};
use crate::usage::FinishReason;

/// The longest text that is looked at, in bytes as sent: a longer one is no model's name.
pub(super) const LONGEST_TEXT: usize = 160;

/// The longest name of an error that is taken over.
const LONGEST_ERROR: usize = 64;

/// What a frame's `type` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Unknown,
    Error,
    Responses(openai::Event),
    Anthropic(anthropic::Event),
}

/// Something that a frame has in it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
    Error,
    /// `object` is one of the chat's or of the completions before it.
    ChatObject,
    /// `object` is that of Responses.
    ResponseObject,
    Model,
    Choices,
    ChoiceContent,
    /// `response` is text, as Ollama's is.
    ResponseText,
    Output,
    CallOutput,
    DeltaText,
    NoDeltaText,
    Blocks,
    Gemini,
    GeminiPart,
    GeminiCall,
    Blocked,
    Done,
    NotDone,
    OllamaText,
    OllamaCalls,
}

/// A value without members, as it is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scalar<'a> {
    /// The bytes between the quotes.
    Text(&'a [u8]),
    /// A number, or `true`, `false`, `null`.
    Bare(&'a [u8]),
}

#[derive(Debug)]
pub(super) struct Facts {
    pub(super) kind: Kind,
    marks: u32,
    finish: [FinishReason; Dialect::COUNT],
    counts: [Counts; Owner::COUNT],
    /// Whether there was usage at all, of any form.
    usage: [bool; Owner::COUNT],
    /// Cleared by the reader once it has a model, so that no name is kept again.
    pub(super) wants_model: bool,
    model: Option<(Place, String)>,
    error: Option<String>,
}

impl Facts {
    pub(super) const fn new() -> Self {
        Self {
            kind: Kind::Unknown,
            marks: 0,
            finish: [FinishReason::Unknown; Dialect::COUNT],
            counts: [const { Counts::new() }; Owner::COUNT],
            usage: [false; Owner::COUNT],
            wants_model: true,
            model: None,
            error: None,
        }
    }

    pub(super) fn clear(&mut self) {
        self.kind = Kind::Unknown;
        self.marks = 0;
        self.finish = [FinishReason::Unknown; Dialect::COUNT];
        self.counts.iter_mut().for_each(Counts::clear);
        self.usage = [false; Owner::COUNT];
        self.model = None;
        self.error = None;
    }

    pub(super) const fn has(&self, mark: Mark) -> bool {
        self.marks & (1 << mark as u32) != 0
    }

    pub(super) const fn finish(&self, dialect: Dialect) -> FinishReason {
        self.finish[dialect as usize]
    }

    pub(super) const fn counts(&self, owner: Owner) -> &Counts {
        &self.counts[owner as usize]
    }

    /// Whether any of these has usage, be it numbers or not.
    pub(super) fn has_usage(&self, owners: &[Owner]) -> bool {
        owners.iter().any(|owner| self.usage[*owner as usize])
    }

    /// The model's name, if it stands at one of these places.
    pub(super) fn take_model(&mut self, places: &[Place]) -> Option<String> {
        self.model.take_if(|(place, _)| places.contains(place)).map(|(_, name)| name)
    }

    pub(super) fn take_error(&mut self) -> Option<String> {
        self.error.take()
    }

    const fn mark(&mut self, mark: Mark) {
        self.marks |= 1 << mark as u32;
    }

    /// An object or array begins.
    pub(super) fn open(&mut self, place: Place) {
        match place {
            Place::Error => self.mark(Mark::Error),
            Place::Choices => self.mark(Mark::Choices),
            Place::UsageMetadata | Place::Candidates | Place::PromptFeedback => {
                self.mark(Mark::Gemini);
            }
            Place::PartData => self.mark(Mark::GeminiPart),
            Place::FunctionCall => {
                self.mark(Mark::GeminiPart);
                self.mark(Mark::GeminiCall);
            }
            _ => {}
        }
    }

    /// Something is in an object or array.
    pub(super) fn filled(&mut self, place: Place) {
        match place {
            Place::Usage(owner) => self.usage[owner as usize] = true,
            Place::UsageMetadata => self.usage[Owner::Frame as usize] = true,
            Place::ChoiceContent => self.mark(Mark::ChoiceContent),
            Place::Output => self.mark(Mark::Output),
            Place::Blocks => self.mark(Mark::Blocks),
            Place::OllamaCalls => self.mark(Mark::OllamaCalls),
            _ => {}
        }
    }

    pub(super) fn note(&mut self, place: Place, value: Scalar<'_>) {
        match value {
            _ if place == Place::Elsewhere => {}
            Scalar::Text(text) => self.note_text(place, &text[..text.len().min(LONGEST_TEXT)]),
            Scalar::Bare(b"null") => {}
            Scalar::Bare(bare) => self.note_bare(place, bare),
        }
    }

    fn note_text(&mut self, place: Place, text: &[u8]) {
        match place {
            Place::Kind => self.kind = kind(text),
            Place::Object => match text {
                b"response" => self.mark(Mark::ResponseObject),
                b"text_completion" => self.mark(Mark::ChatObject),
                _ if text.starts_with(b"chat.completion") => self.mark(Mark::ChatObject),
                _ => {}
            },
            Place::Model(_) | Place::ModelVersion => self.note_model(place, text),
            Place::Error => self.mark(Mark::Error),
            Place::ErrorName if self.error.is_none() => self.error = error_name(text),
            Place::Finish(dialect) => self.note_finish(dialect, text),
            Place::BlockReason => self.mark(Mark::Blocked),
            Place::DeltaText if text.is_empty() => self.mark(Mark::NoDeltaText),
            Place::OutputKind if openai::is_call(text) => self.mark(Mark::CallOutput),
            _ if text.is_empty() => {}
            Place::Delta => self.mark(Mark::DeltaText),
            Place::ChoiceContent => self.mark(Mark::ChoiceContent),
            Place::PartText => self.mark(Mark::GeminiPart),
            Place::OllamaText => self.mark(Mark::OllamaText),
            Place::Response => self.mark(Mark::ResponseText),
            _ => self.note_misplaced(place),
        }
    }

    fn note_bare(&mut self, place: Place, bare: &[u8]) {
        match place {
            Place::Count(owner, count) => {
                if let Some(tokens) = natural(bare) {
                    self.counts[owner as usize].add(count, tokens);
                }
                self.usage[owner as usize] = true;
            }
            Place::Done => self.mark(if bare == b"true" { Mark::Done } else { Mark::NotDone }),
            Place::Error => self.mark(Mark::Error),
            _ => self.note_misplaced(place),
        }
    }

    /// Usage that is no object, a count that is no number: it was there, and nobody can read it.
    fn note_misplaced(&mut self, place: Place) {
        match place {
            Place::Usage(owner) | Place::Count(owner, _) => self.usage[owner as usize] = true,
            Place::UsageMetadata => self.usage[Owner::Frame as usize] = true,
            _ => {}
        }
    }

    fn note_model(&mut self, place: Place, text: &[u8]) {
        if text.is_empty() || text.len() >= LONGEST_TEXT {
            return;
        }
        self.mark(Mark::Model);
        if self.wants_model && self.model.is_none() {
            self.model = unescaped(text).map(|name| (place, name));
        }
    }

    /// A word that says more beats one that says less.
    fn note_finish(&mut self, dialect: Dialect, text: &[u8]) {
        let reason = match dialect {
            _ if text.is_empty() => return,
            Dialect::Chat => openai::finish_reason(text),
            Dialect::Responses => openai::status(text),
            Dialect::Anthropic => anthropic::finish_reason(text),
            Dialect::Gemini => gemini::finish_reason(text),
            Dialect::Ollama => ollama::finish_reason(text),
            Dialect::Bedrock => bedrock::finish_reason(text),
        };
        let finish = &mut self.finish[dialect as usize];
        let vague = match reason {
            FinishReason::Unknown => true,
            FinishReason::Other => *finish != FinishReason::Unknown,
            _ => false,
        };
        if !vague {
            *finish = reason;
        }
    }

    /// Notes a value that has been parsed already.
    pub(super) fn note_value(&mut self, place: Place, value: &Value) {
        match value {
            _ if place == Place::Elsewhere => {}
            Value::Null => {}
            Value::Bool(true) => self.note(place, Scalar::Bare(b"true")),
            Value::Bool(false) => self.note(place, Scalar::Bare(b"false")),
            Value::Number(number) => {
                self.note(place, Scalar::Bare(number.to_string().as_bytes()));
            }
            Value::String(text) => self.note(place, Scalar::Text(text.as_bytes())),
            Value::Array(elements) => {
                self.open(place);
                for element in elements {
                    self.filled(place);
                    self.note_value(place.element(), element);
                }
            }
            Value::Object(members) => {
                self.open(place);
                for (key, member) in members {
                    self.filled(place);
                    self.note_value(place.member(key.as_bytes()), member);
                }
            }
        }
    }
}

fn kind(text: &[u8]) -> Kind {
    if text == b"error" {
        return Kind::Error;
    }
    openai::event(text)
        .map(Kind::Responses)
        .or_else(|| anthropic::event(text).map(Kind::Anthropic))
        .unwrap_or_default()
}

/// The number that this is, if it is whole and not negative: some languages write 10 as 10.0.
///
/// One that no model could have read is a mistake upstream (-1, say, in another guise), and would wrap a
/// counter around.
fn natural(bare: &[u8]) -> Option<u64> {
    let number: Number = serde_json::from_slice(bare).ok()?;
    // Of a whole number only digits are shown.
    let whole = || number.as_f64()?.to_string().parse().ok();
    number.as_u64().or_else(whole).filter(|number| *number <= MOST_TOKENS)
}

/// The text that a JSON string's inside stands for.
fn unescaped(raw: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(raw).ok()?;
    if !text.contains('\\') {
        return Some(text.to_owned());
    }
    serde_json::from_str(&format!("\"{text}\"")).ok()
}

/// An error's name, if it is a name and no sentence.
fn error_name(text: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(text).ok()?;
    let is_name = !name.is_empty()
        && name.len() <= LONGEST_ERROR
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    is_name.then(|| name.to_owned())
}
