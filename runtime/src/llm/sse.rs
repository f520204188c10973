//! Server-sent events, parsed line by line from chunks that may be split at any byte.
//!
//! The parser keeps no text of a line, only its position within the line.

use std::mem;

use memchr::memchr2;

/// The name of an event that is an error.
const ERROR: &[u8] = b"error";

/// The data that ends a stream of chat completions.
const DONE: &[u8] = b"[DONE]";

/// Some servers begin a reply with this mark. It is part of neither events nor JSON.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The next part of an event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SseItem<'a> {
    /// A part of a line of data.
    Data {
        part: &'a [u8],
        /// The part is the whole line.
        is_whole_line: bool,
    },
    /// The end of a line of data.
    DataEnd {
        /// The line was `[DONE]`.
        is_done: bool,
    },
    /// The end of a line that names the event.
    EventNameEnd,
    /// The end of an event.
    EventEnd,
}

/// A position within a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    LineStart,
    /// Within the name of a field, of which this many bytes have been read.
    FieldName(LineField, usize),
    /// After the colon, where a space may follow.
    Colon(LineField),
    /// Within the data of a line.
    Data {
        has_begun: bool,
    },
    EventName,
    Comment,
    /// Within a line of a field that does not matter.
    Ignored,
}

/// A field of an event that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineField {
    Data,
    Event,
}

impl LineField {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Data => b"data",
            Self::Event => b"event",
        }
    }
}

/// The current event, as far as it has been read.
#[derive(Clone, Copy, Debug)]
struct CurrentEvent {
    is_named_error: bool,
    has_data: bool,
}

impl CurrentEvent {
    const NEW: Self = Self { is_named_error: false, has_data: false };
}

#[derive(Debug)]
pub(super) struct SseParser {
    position: Position,
    /// Set after a carriage return, because a line feed that follows belongs to the same line end.
    /// The value is whether the line belongs to an event.
    after_carriage_return: Option<bool>,
    /// How many bytes of the current value match the expected ones. Larger than their number if the
    /// value differs.
    matched: usize,
    event: CurrentEvent,
    /// The current event has a line that is not a comment.
    has_begun: bool,
    /// The bytes of comments that have been read since [`Self::take_comment_bytes`].
    comment_bytes: usize,
}

impl SseParser {
    pub(super) const fn new() -> Self {
        Self {
            position: Position::LineStart,
            after_carriage_return: None,
            matched: 0,
            event: CurrentEvent::NEW,
            has_begun: false,
            comment_bytes: 0,
        }
    }

    /// Returns whether the current event has data and is named `error`.
    pub(super) const fn is_error_event(&self) -> bool {
        self.event.is_named_error && self.event.has_data
    }

    /// Returns how many bytes of comments have been read since [`Self::take_comment_bytes`].
    pub(super) const fn comment_bytes(&self) -> usize {
        self.comment_bytes
    }

    /// Returns how many bytes of comments have been read since the last call: the lines of
    /// comments, and blank lines that end no event.
    pub(super) const fn take_comment_bytes(&mut self) -> usize {
        mem::replace(&mut self.comment_bytes, 0)
    }

    /// Returns whether the parser is neither within a line nor within an event.
    pub(super) fn is_between_events(&self) -> bool {
        self.position == Position::LineStart
            && !self.has_begun
            && self.after_carriage_return.is_none()
    }

    /// Takes the next item from the front of `bytes`. Returns `None` once `bytes` is empty.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<SseItem<'a>> {
        self.complete_line_end(bytes);
        while let Some(&byte) = bytes.first() {
            if matches!(byte, b'\r' | b'\n') {
                *bytes = &bytes[1..];
                let of_event = match self.position {
                    Position::LineStart => self.has_begun,
                    Position::Comment => false,
                    _ => true,
                };
                self.comment_bytes += usize::from(!of_event);
                self.after_carriage_return = (byte == b'\r').then_some(of_event);
                let item = self.end_line();
                if item.is_some() {
                    return item;
                }
                self.complete_line_end(bytes);
                continue;
            }
            match self.position {
                Position::LineStart => self.begin_line(bytes),
                Position::FieldName(field, read) => self.read_field_name(field, read, bytes),
                Position::Colon(field) => {
                    if byte == b' ' {
                        *bytes = &bytes[1..];
                    }
                    self.begin_value(field);
                }
                Position::Data { has_begun } => {
                    let part = take_line(bytes);
                    self.match_value(DONE, part);
                    self.position = Position::Data { has_begun: true };
                    let is_whole_line = !has_begun && !bytes.is_empty();
                    return Some(SseItem::Data { part, is_whole_line });
                }
                Position::EventName => {
                    let name = take_line(bytes);
                    self.match_value(ERROR, name);
                }
                Position::Comment => self.comment_bytes += take_line(bytes).len(),
                Position::Ignored => {
                    take_line(bytes);
                }
            }
        }
        None
    }

    /// Takes the line feed that belongs to the last line end, if it is at the front of `bytes`.
    #[inline]
    pub(super) fn complete_line_end(&mut self, bytes: &mut &[u8]) {
        let (Some(of_event), Some(byte)) = (self.after_carriage_return, bytes.first()) else {
            return;
        };
        self.after_carriage_return = None;
        if *byte == b'\n' {
            *bytes = &bytes[1..];
            self.comment_bytes += usize::from(!of_event);
        }
    }

    /// Ends the last line, which may lack its line end.
    pub(super) fn end(&mut self) -> Option<SseItem<'static>> {
        self.end_line()
    }

    fn begin_line(&mut self, bytes: &mut &[u8]) {
        if let Some(rest) = bytes.strip_prefix(b"data:") {
            *bytes = rest.strip_prefix(b" ").unwrap_or(rest);
            if rest.is_empty() {
                self.position = Position::Colon(LineField::Data);
            } else {
                self.begin_value(LineField::Data);
            }
            return;
        }
        self.position = match bytes[0] {
            b':' => Position::Comment,
            b'd' => Position::FieldName(LineField::Data, 0),
            b'e' => Position::FieldName(LineField::Event, 0),
            _ => Position::Ignored,
        };
    }

    fn read_field_name(&mut self, field: LineField, read: usize, bytes: &mut &[u8]) {
        let name = field.name();
        let expected = name.get(read).copied().unwrap_or(b':');
        if bytes[0] != expected {
            self.position = Position::Ignored;
            return;
        }
        *bytes = &bytes[1..];
        self.position = if read == name.len() {
            Position::Colon(field)
        } else {
            Position::FieldName(field, read + 1)
        };
    }

    fn begin_value(&mut self, field: LineField) {
        self.matched = 0;
        self.position = match field {
            LineField::Data => Position::Data { has_begun: false },
            LineField::Event => Position::EventName,
        };
    }

    fn match_value(&mut self, expected: &[u8], part: &[u8]) {
        let matches = expected.get(self.matched..).is_some_and(|rest| rest.starts_with(part));
        self.matched = if matches { self.matched + part.len() } else { usize::MAX };
    }

    fn end_line(&mut self) -> Option<SseItem<'static>> {
        self.has_begun |= !matches!(self.position, Position::LineStart | Position::Comment);
        match mem::replace(&mut self.position, Position::LineStart) {
            Position::LineStart => {
                self.event = CurrentEvent::NEW;
                self.has_begun = false;
                Some(SseItem::EventEnd)
            }
            Position::Colon(LineField::Data) => {
                self.event.has_data = true;
                Some(SseItem::DataEnd { is_done: false })
            }
            Position::Data { .. } => {
                self.event.has_data = true;
                Some(SseItem::DataEnd { is_done: self.matched == DONE.len() })
            }
            Position::EventName => {
                self.event.is_named_error = self.matched == ERROR.len();
                Some(SseItem::EventNameEnd)
            }
            Position::FieldName(..)
            | Position::Colon(LineField::Event)
            | Position::Comment
            | Position::Ignored => None,
        }
    }
}

/// Skips white space and a byte order mark, which may come before the first frame. Returns the rest
/// of the chunk, and the number of line ends that were skipped: blank lines, which count as
/// comments. `mark_bytes` is how much of the byte order mark has been read.
pub(super) fn skip_preamble<'a>(chunk: &'a [u8], mark_bytes: &mut usize) -> (&'a [u8], usize) {
    let mut line_ends = 0;
    for (at, byte) in chunk.iter().enumerate() {
        match byte {
            b' ' | b'\t' => {}
            b'\r' | b'\n' => line_ends += 1,
            _ if BYTE_ORDER_MARK.get(*mark_bytes) == Some(byte) => *mark_bytes += 1,
            _ => return (&chunk[at..], line_ends),
        }
    }
    (&[], line_ends)
}

/// Takes the bytes up to the end of the line.
fn take_line<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let end = memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at(end);
    *bytes = rest;
    line
}
