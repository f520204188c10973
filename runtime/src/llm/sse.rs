//! Server-sent events, parsed line by line from chunks that may be split at any byte.
//!
//! The parser keeps no text of a line, only its position within the line.

use std::mem;

use memchr::memchr2;

/// The name of an event that is an error.
const ERROR: &[u8] = b"error";

/// The data that ends a stream of chat completions.
const DONE: &[u8] = b"[DONE]";

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
    /// The event has been reported as an error. Both its name and its data can show an error.
    is_reported: bool,
}

impl CurrentEvent {
    const NEW: Self = Self { is_named_error: false, has_data: false, is_reported: false };
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
    /// Bytes that are not part of a comment have been read.
    has_non_comment: bool,
}

impl SseParser {
    pub(super) const fn new() -> Self {
        Self {
            position: Position::LineStart,
            after_carriage_return: None,
            matched: 0,
            event: CurrentEvent::NEW,
            has_begun: false,
            has_non_comment: false,
        }
    }

    /// Returns whether the current event has data and is named `error`.
    pub(super) const fn is_error_event(&self) -> bool {
        self.event.is_named_error && self.event.has_data
    }

    /// Marks the current event as reported. Returns whether it was not reported before.
    pub(super) const fn mark_error_reported(&mut self) -> bool {
        !mem::replace(&mut self.event.is_reported, true)
    }

    /// Returns whether anything but comments has been read since the last call.
    pub(super) const fn take_non_comment(&mut self) -> bool {
        mem::replace(&mut self.has_non_comment, false)
    }

    /// Returns whether the parser is neither within a line nor within an event.
    fn is_between_events(&self) -> bool {
        self.position == Position::LineStart
            && !self.has_begun
            && self.after_carriage_return.is_none()
    }

    /// Takes the next item from the front of `bytes`. Returns `None` once `bytes` is empty.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<SseItem<'a>> {
        while let Some(&byte) = bytes.first() {
            let line_feed_of_event = self.after_carriage_return.take().filter(|_| byte == b'\n');
            if let Some(of_event) = line_feed_of_event {
                *bytes = &bytes[1..];
                self.has_non_comment |= of_event;
                continue;
            }
            if matches!(byte, b'\r' | b'\n') {
                *bytes = &bytes[1..];
                let of_event = match self.position {
                    Position::LineStart => self.has_begun,
                    Position::Comment => false,
                    _ => true,
                };
                self.has_non_comment |= of_event;
                self.after_carriage_return = (byte == b'\r').then_some(of_event);
                let item = self.end_line();
                if item.is_some() {
                    return item;
                }
                continue;
            }
            let begins_comment = self.position == Position::LineStart && byte == b':';
            self.has_non_comment |= self.position != Position::Comment && !begins_comment;
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
                Position::Comment | Position::Ignored => {
                    take_line(bytes);
                }
            }
        }
        None
    }

    /// Ends the last line, which may lack its line end.
    pub(super) fn end(&mut self) -> Option<SseItem<'static>> {
        self.end_line()
    }

    fn begin_line(&mut self, bytes: &mut &[u8]) {
        if let Some(rest) = bytes.strip_prefix(b"data:") {
            *bytes = rest;
            self.position = Position::Colon(LineField::Data);
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

/// Takes the bytes up to the end of the line.
fn take_line<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let end = memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at(end);
    *bytes = rest;
    line
}

/// Recognizes the keep-alive chunks of an event stream: chunks that consist of comments alone.
///
/// For streams without a `protocol`, of which nothing else is read.
#[derive(Debug)]
pub(crate) struct KeepAliveFilter(SseParser);

impl KeepAliveFilter {
    pub(crate) const fn new() -> Self {
        Self(SseParser::new())
    }

    /// Returns whether the next chunk of the stream is a keep-alive.
    pub(crate) fn is_keep_alive(&mut self, chunk: &[u8]) -> bool {
        let Some(first) = chunk.first() else { return false };
        let is_complete = chunk.ends_with(b"\n\n") && self.0.is_between_events();
        if is_complete && !matches!(first, b':' | b'\r' | b'\n') {
            // Nearly all chunks are whole events. They leave the parser between events.
            return false;
        }
        let mut rest = chunk;
        while self.0.next(&mut rest).is_some() {}
        !self.0.take_non_comment()
    }
}

#[cfg(test)]
mod tests {
    use super::KeepAliveFilter;

    /// Returns for each chunk whether it is a keep-alive.
    fn keep_alives<const N: usize>(chunks: [&str; N]) -> [bool; N] {
        let mut filter = KeepAliveFilter::new();
        chunks.map(|chunk| filter.is_keep_alive(chunk.as_bytes()))
    }

    #[test]
    fn keep_alive_comments_are_distinguished_from_events() {
        assert_eq!(keep_alives([":\n\n", ": a\n\n", "data: a\n\n"]), [true, true, false]);
        assert_eq!(keep_alives([": a\r\n\r\n", ": a\ndata: b\n\n", ": a\n"]), [true, false, true]);
    }

    #[test]
    fn keep_alive_excludes_the_line_end_of_an_event() {
        assert_eq!(keep_alives(["data: a\n", "\n", ": a\n\n"]), [false, false, true]);
        assert_eq!(keep_alives(["data: a", "\r\n\r\n", ":\n\n"]), [false, false, true]);
        assert_eq!(keep_alives(["data: a\r", "\n", "\r\n", "\n"]), [false, false, false, true]);
        assert_eq!(keep_alives(["data: a", "\n", "\n", "\n"]), [false, false, false, true]);
        assert_eq!(keep_alives(["data: a\n\n", "\n", "\r\n"]), [false, true, true]);
    }

    #[test]
    fn keep_alive_excludes_the_continuation_of_an_event() {
        assert_eq!(keep_alives(["data: a", ": b\n\n", ": b\n\n"]), [false, false, true]);
    }

    #[test]
    fn keep_alive_comments_may_be_split() {
        assert_eq!(keep_alives([": a", "b", "c\n\n", "data: d\n\n"]), [true, true, true, false]);
        assert_eq!(keep_alives([": a", "b\ndata: c\n\n", ":\n\n"]), [true, false, true]);
    }

    #[test]
    fn keep_alive_excludes_an_empty_chunk() {
        assert_eq!(keep_alives(["", ":\n\n"]), [false, true]);
        assert_eq!(keep_alives(["data: a", "", ": b\n\n"]), [false, false, false]);
    }
}
