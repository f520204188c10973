//! The headers of a message of a binary event stream, parsed from parts that may be split at any
//! byte.

use super::scalar::Identifier;
use super::vocabulary::EventType;

/// The longest name or value that matters. It is that of an identifier.
const MAX_TEXT: usize = 64;

/// What kind of message the header `:message-type` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageType {
    Event,
    /// An exception that the service's model names, or an error that it does not name.
    Error,
    /// Absent, or a word that is not known.
    Unknown,
}

/// The headers that matter.
#[derive(Clone, Copy, Debug)]
pub(super) struct MessageHeaders {
    pub(super) kind: MessageType,
    pub(super) event: EventType,
    /// The type of the exception, or the code of the error. Empty if there is none.
    pub(super) error: Identifier,
}

impl MessageHeaders {
    const NONE: Self =
        Self { kind: MessageType::Unknown, event: EventType::Other, error: Identifier::EMPTY };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeaderName {
    MessageType,
    EventType,
    /// `:exception-type` or `:error-code`. A message has no more than one of them.
    ErrorType,
    Other,
}

impl HeaderName {
    fn from_word(word: &[u8]) -> Self {
        match word {
            b":message-type" => Self::MessageType,
            b":event-type" => Self::EventType,
            b":exception-type" | b":error-code" => Self::ErrorType,
            _ => Self::Other,
        }
    }
}

/// A position within the headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// Before a header.
    NameLength,
    /// Within a name, of which this many bytes are missing.
    Name(usize),
    ValueType,
    /// Before the length of a value, which has two bytes.
    ValueLength,
    /// Before the second byte of that length; holds the first.
    ValueLengthEnd(u8),
    /// Within a value, of which this many bytes are missing.
    Value(usize),
    /// After a value type that does not exist. The rest cannot be parsed.
    Malformed,
}

#[derive(Debug)]
pub(super) struct HeaderParser {
    position: Position,
    /// The current name or value, as far as it fits.
    text: [u8; MAX_TEXT],
    /// The number of bytes of the current name or value so far. Larger than `MAX_TEXT` if they do
    /// not fit.
    length: usize,
    name: HeaderName,
    /// The current value is a string.
    is_string: bool,
    headers: MessageHeaders,
}

impl HeaderParser {
    pub(super) const fn new() -> Self {
        Self {
            position: Position::NameLength,
            text: [0; MAX_TEXT],
            length: 0,
            name: HeaderName::Other,
            is_string: false,
            headers: MessageHeaders::NONE,
        }
    }

    /// Begins the headers of the next message.
    pub(super) fn begin(&mut self) {
        self.position = Position::NameLength;
        self.headers = MessageHeaders::NONE;
    }

    /// Returns the headers that have been parsed.
    pub(super) const fn headers(&self) -> &MessageHeaders {
        &self.headers
    }

    /// Returns whether the bytes so far are whole headers.
    pub(super) fn is_complete(&self) -> bool {
        self.position == Position::NameLength
    }

    /// Parses the next part of the headers.
    pub(super) fn parse(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            match self.position {
                Position::Name(missing) => {
                    let missing = self.take_text(&mut bytes, missing);
                    self.enter_name(missing);
                    continue;
                }
                Position::Value(missing) => {
                    let missing = self.take_text(&mut bytes, missing);
                    self.enter_value(missing);
                    continue;
                }
                Position::NameLength => {
                    self.length = 0;
                    self.enter_name(usize::from(byte));
                }
                Position::ValueType => self.begin_value(byte),
                Position::ValueLength => self.position = Position::ValueLengthEnd(byte),
                Position::ValueLengthEnd(first) => {
                    self.enter_value(usize::from(u16::from_be_bytes([first, byte])));
                }
                Position::Malformed => return,
            }
            bytes = rest;
        }
    }

    fn begin_value(&mut self, value_type: u8) {
        self.length = 0;
        self.is_string = value_type == 7;
        match value_type {
            // True and false have no value.
            0 | 1 => self.enter_value(0),
            // Integers of one, two, four and eight bytes. A timestamp has eight, too.
            2 => self.enter_value(1),
            3 => self.enter_value(2),
            4 => self.enter_value(4),
            5 | 8 => self.enter_value(8),
            // An array of bytes, or a string.
            6 | 7 => self.position = Position::ValueLength,
            // A UUID.
            9 => self.enter_value(16),
            _ => self.position = Position::Malformed,
        }
    }

    /// Takes a part of the current name or value. Returns how many bytes are still missing.
    fn take_text(&mut self, bytes: &mut &[u8], missing: usize) -> usize {
        let (part, rest) = bytes.split_at(missing.min(bytes.len()));
        *bytes = rest;
        let free = self.text.get_mut(self.length..).unwrap_or_default();
        let kept = part.len().min(free.len());
        free[..kept].copy_from_slice(&part[..kept]);
        self.length += part.len();
        missing - part.len()
    }

    /// Returns the current name or value. Empty if it is too long to matter.
    fn text(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }

    fn enter_name(&mut self, missing: usize) {
        if missing > 0 {
            self.position = Position::Name(missing);
            return;
        }
        self.name = HeaderName::from_word(self.text());
        self.position = Position::ValueType;
    }

    fn enter_value(&mut self, missing: usize) {
        if missing > 0 {
            self.position = Position::Value(missing);
            return;
        }
        self.position = Position::NameLength;
        if !self.is_string {
            return;
        }
        match self.name {
            HeaderName::MessageType => {
                self.headers.kind = match self.text() {
                    b"event" => MessageType::Event,
                    b"exception" | b"error" => MessageType::Error,
                    _ => MessageType::Unknown,
                };
            }
            HeaderName::EventType => self.headers.event = EventType::from_word(self.text()),
            HeaderName::ErrorType => {
                let text = self.text.get(..self.length).unwrap_or_default();
                self.headers.error.replace(text);
            }
            HeaderName::Other => {}
        }
    }
}
