//! A JSON reader that is fed piece by piece and keeps nothing but what the protocols name.
//!
//! It reads a sequence of objects: the lines of NDJSON, a whole reply, the elements of an array at the
//! top, the data of an event. A value of any length costs no memory. It is no judge of JSON: what it
//! must be sure of is where a value stands, and whether it is whole.

use memchr::{memchr, memchr3};

use super::counts::Owner;
use super::frame::{Facts, LONGEST_TEXT, Scalar};
use super::lost::Lost;
use super::schema::Place;

/// Deeper than this is broken: `serde_json` stops here, too.
const DEEPEST: usize = 128;

/// No protocol names a place deeper than this.
const DEEPEST_PLACE: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between objects.
    Top,
    /// A value comes.
    Value,
    /// A value comes, or `]`.
    FirstValue,
    /// A key comes.
    Key,
    /// A key comes, or `}`.
    FirstKey,
    InKey,
    Colon,
    InText,
    InBare,
    /// A comma comes, or the end of what is open.
    After,
    /// What comes cannot be understood, up to the end of the line.
    Lost,
    /// The same, and a line begins: among lines of objects, one there is a new one.
    LostAtLine,
}

/// Whether objects come one a line, so that a line that begins with one is no part of another. What is
/// broken may hold the lines of a text that somebody has written to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lines {
    /// They come in events, or in an array.
    No,
    /// No object has ended with its line so far.
    Unproven,
    Yes,
}

#[derive(Debug)]
pub(super) struct JsonReader {
    state: State,
    /// Within a string, the byte before was a backslash.
    escape: bool,
    depth: usize,
    /// What is open: one bit each, set for an object.
    objects: u128,
    /// Where that stands.
    places: [Place; DEEPEST_PLACE],
    /// Where the value that comes stands.
    place: Place,
    /// As much of a key or value as is kept.
    text: [u8; LONGEST_TEXT],
    kept: usize,
    line_begins: bool,
    lines: Lines,
    in_array: bool,
    facts: Facts,
    lost: Lost,
}

impl JsonReader {
    pub(super) const fn new() -> Self {
        Self {
            state: State::Top,
            escape: false,
            depth: 0,
            objects: 0,
            places: [Place::Elsewhere; DEEPEST_PLACE],
            place: Place::Elsewhere,
            text: [0; LONGEST_TEXT],
            kept: 0,
            line_begins: true,
            lines: Lines::No,
            in_array: false,
            facts: Facts::new(),
            lost: Lost::new(),
        }
    }

    /// The bytes are objects and nothing else.
    pub(super) const fn expect_lines(&mut self) {
        self.lines = Lines::Unproven;
    }

    /// What the last whole object has told.
    pub(super) const fn facts(&mut self) -> &mut Facts {
        &mut self.facts
    }

    /// Whether nothing is open.
    pub(super) fn is_idle(&self) -> bool {
        self.state == State::Top && !self.in_array
    }

    /// Whether an array at the top has begun.
    pub(super) const fn in_array(&self) -> bool {
        self.in_array
    }

    /// Whether usage may have been in what could not be read.
    pub(super) const fn lost_usage(&self) -> bool {
        self.lost.had_usage()
    }

    /// What follows is something new. An object that is still open was cut off.
    pub(super) fn finish(&mut self) {
        self.lose();
        self.state = State::Top;
        self.line_begins = true;
        self.in_array = false;
    }

    /// Reads up to the end of an object, or of the bytes. Says how many bytes that took, and whether an
    /// object has ended.
    pub(super) fn read(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            match self.state {
                State::InText | State::InKey => at += self.in_string(rest),
                State::InBare => at += self.in_bare(rest),
                State::Lost => at += self.in_lost(rest),
                _ => {
                    if !self.between(rest[0]) {
                        continue;
                    }
                    at += 1;
                    if self.state == State::Top && rest[0] == b'}' {
                        return (at, true);
                    }
                }
            }
        }
        (at, false)
    }

    /// Reads a byte that is in no string, number or literal; or does not, and has changed the state.
    fn between(&mut self, byte: u8) -> bool {
        if self.state == State::LostAtLine {
            let new = byte == b'{' && self.lines == Lines::Yes;
            self.state = if new { State::Top } else { State::Lost };
            return false;
        }
        if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            if byte == b'\n' && self.state == State::Top && self.lines == Lines::Unproven {
                self.lines = Lines::Yes;
            }
            self.line_begins = byte == b'\n' || (self.line_begins && byte == b'\r');
            return true;
        }
        let line_begins = std::mem::take(&mut self.line_begins);
        match (self.state, byte) {
            (State::Top, b'{') => {
                self.facts.clear();
                self.depth = 0;
                self.place = Place::Root;
                self.open(true);
            }
            (State::Top, b'[') => {
                self.in_array = true;
                self.lines = Lines::No;
            }
            (State::Top, b',' | b']') => {}
            (State::Value | State::FirstValue, b'{' | b'[') => {
                self.begin();
                self.facts.open(self.place);
                self.open(byte == b'{');
            }
            (State::Value | State::FirstValue, b'"') => {
                self.begin();
                self.begin_text(State::InText);
            }
            (State::Value | State::FirstValue, _) if is_bare(byte) => {
                self.begin();
                self.begin_text(State::InBare);
                return false;
            }
            (State::Key | State::FirstKey, b'"') => self.begin_text(State::InKey),
            (State::Colon, b':') => self.state = State::Value,
            (State::After, b',') => {
                self.state = if self.in_object() { State::Key } else { State::Value };
            }
            (State::After | State::FirstKey, b'}') if self.in_object() => self.close(),
            (State::After | State::FirstValue, b']') if !self.in_object() => self.close(),
            _ => {
                self.lose();
                // The line before was cut off, and this is the next one.
                if byte == b'{' && line_begins && self.lines == Lines::Yes {
                    self.state = State::Top;
                }
                return false;
            }
        }
        true
    }

    fn in_object(&self) -> bool {
        self.objects & 1 << (self.depth - 1) != 0
    }

    /// The place of what is open.
    fn container(&self) -> Place {
        self.places.get(self.depth - 1).copied().unwrap_or(Place::Elsewhere)
    }

    /// A value begins.
    fn begin(&mut self) {
        let container = self.container();
        if container != Place::Elsewhere {
            self.facts.filled(container);
        }
        if !self.in_object() {
            self.place = container.element();
        }
    }

    fn begin_text(&mut self, state: State) {
        self.state = state;
        self.kept = 0;
        self.escape = false;
    }

    fn open(&mut self, object: bool) {
        if self.depth == DEEPEST {
            return self.lose();
        }
        let bit = 1 << self.depth;
        self.objects = if object { self.objects | bit } else { self.objects & !bit };
        if let Some(place) = self.places.get_mut(self.depth) {
            *place = self.place;
        }
        self.depth += 1;
        self.state = if object { State::FirstKey } else { State::FirstValue };
    }

    const fn close(&mut self) {
        self.depth -= 1;
        self.state = if self.depth == 0 { State::Top } else { State::After };
    }

    fn in_string(&mut self, bytes: &[u8]) -> usize {
        if std::mem::take(&mut self.escape) {
            self.keep(&bytes[..1]);
            return 1;
        }
        let end = string_end(bytes);
        let part = &bytes[..end];
        match bytes.get(end) {
            Some(b'"') if self.kept == 0 => self.end_string(Some(part)),
            Some(b'"') => {
                self.keep(part);
                self.end_string(None);
            }
            Some(b'\\') => {
                self.keep(&bytes[..=end]);
                self.escape = true;
            }
            // A line never ends within a string.
            Some(_) => {
                self.lose();
                return end;
            }
            None => {
                self.keep(part);
                return end;
            }
        }
        end + 1
    }

    /// A string is whole: it lies in the bytes at hand, or has been kept.
    fn end_string(&mut self, at_hand: Option<&[u8]>) {
        let text = at_hand.unwrap_or(&self.text[..self.kept]);
        if self.state == State::InKey {
            self.place = self.container().member(text);
            self.state = State::Colon;
        } else {
            self.facts.note(self.place, Scalar::Text(text));
            self.state = State::After;
        }
    }

    fn in_bare(&mut self, bytes: &[u8]) -> usize {
        let end = bytes.iter().position(|byte| !is_bare(*byte)).unwrap_or(bytes.len());
        self.keep(&bytes[..end]);
        if end < bytes.len() {
            self.facts.note(self.place, Scalar::Bare(&self.text[..self.kept]));
            self.state = State::After;
        }
        end
    }

    /// Keeps what is of interest.
    fn keep(&mut self, part: &[u8]) {
        let place = if self.state == State::InKey { self.container() } else { self.place };
        if place == Place::Elsewhere {
            return;
        }
        let room = &mut self.text[self.kept..];
        let fits = part.len().min(room.len());
        room[..fits].copy_from_slice(&part[..fits]);
        self.kept += fits;
    }

    fn lose(&mut self) {
        let open = !matches!(self.state, State::Top | State::Lost | State::LostAtLine);
        let usage = open && (self.facts.has_usage(&Owner::ALL) || self.is_in_usage());
        self.lost.begin(usage);
        self.state = State::Lost;
    }

    /// Whether what is open holds usage, if there is more in it.
    fn is_in_usage(&self) -> bool {
        self.depth > 0 && matches!(self.container(), Place::Usage(_) | Place::UsageMetadata)
    }

    fn in_lost(&mut self, bytes: &[u8]) -> usize {
        let end = memchr(b'\n', bytes);
        self.lost.read(&bytes[..end.unwrap_or(bytes.len())]);
        let Some(end) = end else { return bytes.len() };
        self.state = State::LostAtLine;
        end + 1
    }
}

/// Whether a byte can be in a number or literal.
const fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

/// Where a string ends, or is interrupted.
fn string_end(bytes: &[u8]) -> usize {
    // Most strings are short, and a search by hand has begun sooner.
    const SHORT: usize = 16;
    let short = bytes.len().min(SHORT);
    bytes[..short]
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | b'\n'))
        .or_else(|| memchr3(b'"', b'\\', b'\n', &bytes[short..]).map(|at| short + at))
        .unwrap_or(bytes.len())
}
