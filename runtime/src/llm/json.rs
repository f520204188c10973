//! A JSON scanner that reads chunks split at any byte and keeps only what a protocol names.
//!
//! The library has a scanner of its own because `serde_json` needs a whole value in memory, or a
//! blocking reader. This scanner reads a reply of any size in constant memory, as its bytes pass,
//! and skips every value that no protocol names.
//!
//! The input is a sequence of objects: JSON lines, one whole reply, the elements of a top-level
//! array, or the data of events. The scanner does not validate JSON fully. It only makes sure of
//! the path of each value and of the end of each object.

use memchr::{memchr, memchr3};

use super::frame::Frame;
use super::malformed::MalformedUsage;
use super::scalar::{MAX_BUFFERED_TEXT, Scalar};
use super::schema::{Container, Field};

/// The maximum nesting depth. It is that of `serde_json`.
const MAX_DEPTH: usize = 128;

/// The maximum depth at which a protocol names a field.
const MAX_FIELD_DEPTH: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between objects.
    TopLevel,
    /// Before a value.
    Value,
    /// Before a value or `]`.
    FirstValue,
    /// Before a key.
    Key,
    /// Before a key or `}`.
    FirstKey,
    InKey,
    Colon,
    InString,
    /// Within a number, `true`, `false`, or `null`.
    InLiteral,
    /// Before a comma or a closing bracket.
    AfterValue,
    /// Within malformed input, which is skipped up to the end of the line.
    Malformed,
    /// At the start of a line after malformed input. With JSON lines, scanning may resume here.
    MalformedLineStart,
}

/// Whether the input is JSON lines, so that scanning may resume at a line that begins with `{`.
///
/// Without this proof the scanner must not resume: malformed input may contain lines that someone
/// has forged to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum JsonLines {
    /// The input is events, or an array.
    No,
    /// No object has ended together with its line so far.
    Unproven,
    Proven,
}

#[derive(Debug)]
pub(super) struct JsonScanner {
    state: State,
    /// The last byte of the current string was a backslash.
    is_escaped: bool,
    /// The number of open objects and arrays.
    depth: usize,
    /// One bit for each open object or array, set for an object.
    objects: u128,
    /// The fields of the open objects and arrays.
    open_fields: [Field; MAX_FIELD_DEPTH],
    /// The field of the next value.
    field: Field,
    /// The bytes of the current key or value that earlier chunks contained, as far as they matter.
    buffer: [u8; MAX_BUFFERED_TEXT],
    buffered: usize,
    /// No byte but white space has been read of the current line.
    is_line_start: bool,
    json_lines: JsonLines,
    in_array: bool,
    frame: Frame,
    malformed_usage: MalformedUsage,
}

impl JsonScanner {
    pub(super) const fn new() -> Self {
        Self {
            state: State::TopLevel,
            is_escaped: false,
            depth: 0,
            objects: 0,
            open_fields: [Field::Ignored; MAX_FIELD_DEPTH],
            field: Field::Ignored,
            buffer: [0; MAX_BUFFERED_TEXT],
            buffered: 0,
            is_line_start: true,
            json_lines: JsonLines::No,
            in_array: false,
            frame: Frame::new(),
            malformed_usage: MalformedUsage::new(),
        }
    }

    /// Declares that the input has no other framing, so that it may be JSON lines.
    pub(super) const fn allow_json_lines(&mut self) {
        self.json_lines = JsonLines::Unproven;
    }

    /// Returns the content of the last complete object.
    pub(super) const fn frame(&mut self) -> &mut Frame {
        &mut self.frame
    }

    /// Returns the service tier that the last object with one names, also an incomplete object.
    pub(super) fn service_tier(&self) -> Option<&str> {
        self.frame.service_tier.as_str()
    }

    /// Returns whether no object and no top-level array is open.
    pub(super) fn is_idle(&self) -> bool {
        self.state == State::TopLevel && !self.in_array
    }

    /// Returns whether the input is JSON lines.
    pub(super) fn has_lines(&self) -> bool {
        self.json_lines == JsonLines::Proven
    }

    /// Returns whether the scanner is at the start of a line, and no object is open.
    pub(super) fn is_between_lines(&self) -> bool {
        self.is_line_start && self.is_idle()
    }

    /// Returns whether a top-level array has begun.
    pub(super) const fn in_array(&self) -> bool {
        self.in_array
    }

    /// Returns whether malformed input may have held usage.
    pub(super) const fn may_have_lost_usage(&self) -> bool {
        self.malformed_usage.is_found()
    }

    /// Ends the input, or the data of an event. An object that is still open is incomplete.
    pub(super) fn finish(&mut self) {
        self.enter_malformed();
        self.state = State::TopLevel;
        self.is_line_start = true;
        self.in_array = false;
    }

    /// Scans up to the end of an object, or of `bytes`. Returns the number of scanned bytes, and
    /// whether an object has ended.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            match self.state {
                State::InString | State::InKey => at += self.scan_string(rest),
                State::InLiteral => at += self.scan_literal(rest),
                State::Malformed => at += self.skip_malformed(rest),
                _ => {
                    if !self.scan_structure(rest[0]) {
                        continue;
                    }
                    at += 1;
                    if self.state == State::TopLevel && rest[0] == b'}' {
                        return (at, true);
                    }
                }
            }
        }
        (at, false)
    }

    /// Scans a byte outside of strings and literals. Returns false if the state has changed and the
    /// byte must be scanned again.
    fn scan_structure(&mut self, byte: u8) -> bool {
        if self.state == State::MalformedLineStart {
            let resumes = byte == b'{' && self.json_lines == JsonLines::Proven;
            self.state = if resumes { State::TopLevel } else { State::Malformed };
            return false;
        }
        if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            let is_after_object = byte == b'\n' && self.state == State::TopLevel;
            if is_after_object && self.json_lines == JsonLines::Unproven {
                self.json_lines = JsonLines::Proven;
            }
            self.is_line_start = byte == b'\n' || (self.is_line_start && byte == b'\r');
            return true;
        }
        let is_line_start = std::mem::take(&mut self.is_line_start);
        match (self.state, byte) {
            (State::TopLevel, b'{') => {
                self.frame.clear();
                self.depth = 0;
                self.field = Field::Root;
                self.open(true);
            }
            (State::TopLevel, b'[') => {
                self.in_array = true;
                self.json_lines = JsonLines::No;
            }
            (State::TopLevel, b',' | b']') => {}
            (State::Value | State::FirstValue, b'{' | b'[') => {
                self.begin_value();
                self.frame.note_open(self.field);
                self.open(byte == b'{');
            }
            (State::Value | State::FirstValue, b'"') => {
                self.begin_value();
                self.begin_text(State::InString);
            }
            (State::Value | State::FirstValue, _) if is_in_literal(byte) => {
                self.begin_value();
                self.begin_text(State::InLiteral);
                return false;
            }
            (State::Key | State::FirstKey, b'"') => self.begin_text(State::InKey),
            (State::Colon, b':') => self.state = State::Value,
            (State::AfterValue, b',') => {
                self.state = if self.in_object() { State::Key } else { State::Value };
            }
            (State::AfterValue | State::FirstKey, b'}') if self.in_object() => self.close(),
            (State::AfterValue | State::FirstValue, b']') if !self.in_object() => self.close(),
            _ => {
                self.enter_malformed();
                // The previous line was cut off, and this line is a new object.
                if byte == b'{' && is_line_start && self.json_lines == JsonLines::Proven {
                    self.state = State::TopLevel;
                }
                return false;
            }
        }
        true
    }

    fn in_object(&self) -> bool {
        self.objects & 1 << (self.depth - 1) != 0
    }

    /// Returns the field of the innermost open object or array.
    fn enclosing_field(&self) -> Field {
        self.open_fields.get(self.depth - 1).copied().unwrap_or(Field::Ignored)
    }

    fn begin_value(&mut self) {
        let enclosing = self.enclosing_field();
        if !enclosing.is_ignored() {
            self.frame.note_not_empty(enclosing);
        }
        if !self.in_object() {
            self.field = enclosing.element();
        }
    }

    fn begin_text(&mut self, state: State) {
        self.state = state;
        self.buffered = 0;
        self.is_escaped = false;
    }

    fn open(&mut self, is_object: bool) {
        if self.depth == MAX_DEPTH {
            return self.enter_malformed();
        }
        let bit = 1 << self.depth;
        self.objects = if is_object { self.objects | bit } else { self.objects & !bit };
        if let Some(field) = self.open_fields.get_mut(self.depth) {
            *field = self.field;
        }
        self.depth += 1;
        self.state = if is_object { State::FirstKey } else { State::FirstValue };
    }

    const fn close(&mut self) {
        self.depth -= 1;
        self.state = if self.depth == 0 { State::TopLevel } else { State::AfterValue };
    }

    fn scan_string(&mut self, bytes: &[u8]) -> usize {
        if std::mem::take(&mut self.is_escaped) {
            self.buffer(&bytes[..1]);
            return 1;
        }
        let end = find_string_end(bytes);
        let part = &bytes[..end];
        match bytes.get(end) {
            Some(b'"') => {
                if self.buffered == 0 {
                    self.end_string(Some(part));
                } else {
                    self.buffer(part);
                    self.end_string(None);
                }
                // A colon nearly always follows a key at once, and a comma often a value.
                match (self.state, bytes.get(end + 1)) {
                    (State::Colon, Some(b':')) => self.state = State::Value,
                    (State::AfterValue, Some(b',')) if self.in_object() => self.state = State::Key,
                    _ => return end + 1,
                }
                return end + 2;
            }
            Some(b'\\') => {
                self.buffer(&bytes[..=end]);
                self.is_escaped = true;
            }
            // JSON strings contain no line feed.
            Some(_) => {
                self.enter_malformed();
                return end;
            }
            None => {
                self.buffer(part);
                return end;
            }
        }
        end + 1
    }

    /// Ends a string, given its bytes if all of them are in the current chunk and not in the
    /// buffer.
    fn end_string(&mut self, unbuffered: Option<&[u8]>) {
        let text = unbuffered.unwrap_or(&self.buffer[..self.buffered]);
        if self.state == State::InKey {
            self.field = self.enclosing_field().member(text);
            self.state = State::Colon;
        } else {
            if !self.field.is_ignored() {
                self.frame.note_scalar(self.field, Scalar::Text(text));
            }
            self.state = State::AfterValue;
        }
    }

    fn scan_literal(&mut self, bytes: &[u8]) -> usize {
        let end = bytes.iter().position(|byte| !is_in_literal(*byte)).unwrap_or(bytes.len());
        self.buffer(&bytes[..end]);
        if end < bytes.len() {
            if !self.field.is_ignored() {
                let literal = Scalar::Literal(&self.buffer[..self.buffered]);
                self.frame.note_scalar(self.field, literal);
            }
            self.state = State::AfterValue;
        }
        end
    }

    /// Buffers a part of a key or value, unless no protocol names it.
    fn buffer(&mut self, part: &[u8]) {
        let in_key = self.state == State::InKey;
        let field = if in_key { self.enclosing_field() } else { self.field };
        if field.is_ignored() {
            return;
        }
        let free = &mut self.buffer[self.buffered..];
        let length = part.len().min(free.len());
        free[..length].copy_from_slice(&part[..length]);
        self.buffered += length;
    }

    fn enter_malformed(&mut self) {
        let is_open =
            !matches!(self.state, State::TopLevel | State::Malformed | State::MalformedLineStart);
        let had_usage = is_open && (self.frame.has_usage(&Container::ALL) || self.in_usage());
        self.malformed_usage.begin(had_usage);
        self.state = State::Malformed;
    }

    /// Returns whether the innermost open object is usage.
    fn in_usage(&self) -> bool {
        self.depth > 0 && self.enclosing_field().usage_container().is_some()
    }

    fn skip_malformed(&mut self, bytes: &[u8]) -> usize {
        let end = memchr(b'\n', bytes);
        self.malformed_usage.search(&bytes[..end.unwrap_or(bytes.len())]);
        let Some(end) = end else { return bytes.len() };
        self.state = State::MalformedLineStart;
        end + 1
    }
}

/// Returns whether a byte can be part of a number, `true`, `false`, or `null`.
pub(super) const fn is_in_literal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

/// Returns the index of the first quote, backslash or line feed, or the length.
fn find_string_end(bytes: &[u8]) -> usize {
    // Most strings are short. For them a plain loop is faster than memchr, which has a fixed cost.
    const SHORT: usize = 16;
    let short = bytes.len().min(SHORT);
    bytes[..short]
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | b'\n'))
        .or_else(|| memchr3(b'"', b'\\', b'\n', &bytes[short..]).map(|at| short + at))
        .unwrap_or(bytes.len())
}
