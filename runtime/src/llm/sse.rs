//! The lines of an event stream, fed piece by piece. Nothing is kept of a line but what it is so far.

use memchr::memchr2;

/// The name of an event that is an error.
const ERROR: &[u8] = b"error";

/// The data that ends a stream of `OpenAI`'s chat.
const DONE: &[u8] = b"[DONE]";

/// What the next bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// A part of a line of data.
    Data {
        part: &'a [u8],
        /// It is the whole line.
        whole: bool,
    },
    /// A line of data has ended.
    DataEnd {
        /// The line was `[DONE]`.
        done: bool,
    },
    /// The event has been named.
    NameEnd,
    /// The event has ended.
    EventEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    LineStart,
    /// So many bytes of the field's name have been read.
    Field(Name, usize),
    /// After the colon: one space may come.
    Colon(Name),
    /// A part of the data has been read, or none.
    Data {
        begun: bool,
    },
    EventName,
    Comment,
    Ignored,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Data,
    Event,
}

impl Name {
    const fn text(self) -> &'static [u8] {
        match self {
            Self::Data => b"data",
            Self::Event => b"event",
        }
    }
}

/// The event at hand, as far as it has been read.
#[derive(Clone, Copy, Debug)]
struct Event {
    /// Its name is that of an error.
    error: bool,
    data: bool,
    /// It has been reported as an error, which it may be in two ways.
    reported: bool,
}

impl Event {
    const NEW: Self = Self { error: false, data: false, reported: false };
}

#[derive(Debug)]
pub(super) struct Events {
    at: At,
    /// A line feed that follows belongs to this line end, whose line was a part of an event, or not.
    after_return: Option<bool>,
    /// How many bytes of the value at hand are as expected; more than all: it is something else.
    matched: usize,
    event: Event,
    /// The event at hand has a line that is no comment.
    begun: bool,
    /// A line that is no comment has been read from.
    spoken: bool,
}

impl Events {
    pub(super) const fn new() -> Self {
        Self {
            at: At::LineStart,
            after_return: None,
            matched: 0,
            event: Event::NEW,
            begun: false,
            spoken: false,
        }
    }

    /// Whether the event at hand has data and the name of an error.
    pub(super) const fn is_error(&self) -> bool {
        self.event.error && self.event.data
    }

    /// Whether the event at hand has not been reported as an error, and now is.
    pub(super) const fn report(&mut self) -> bool {
        !std::mem::replace(&mut self.event.reported, true)
    }

    /// Whether more than comments has been read since the last time.
    pub(super) const fn take_spoken(&mut self) -> bool {
        std::mem::replace(&mut self.spoken, false)
    }

    /// Whether no line and no event is open.
    pub(super) fn is_between(&self) -> bool {
        self.at == At::LineStart && !self.begun && self.after_return.is_none()
    }

    /// Takes what comes next from the bytes; `None` when they are used up.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Item<'a>> {
        while let Some(&byte) = bytes.first() {
            if let Some(of_event) = self.after_return.take().filter(|_| byte == b'\n') {
                *bytes = &bytes[1..];
                self.spoken |= of_event;
                continue;
            }
            if matches!(byte, b'\r' | b'\n') {
                *bytes = &bytes[1..];
                let of_event = match self.at {
                    At::LineStart => self.begun,
                    At::Comment => false,
                    _ => true,
                };
                self.spoken |= of_event;
                self.after_return = (byte == b'\r').then_some(of_event);
                let item = self.end_line();
                if item.is_some() {
                    return item;
                }
                continue;
            }
            self.spoken |= self.at != At::Comment && !(self.at == At::LineStart && byte == b':');
            match self.at {
                At::LineStart => self.begin_line(bytes),
                At::Field(name, read) => self.field(name, read, bytes),
                At::Colon(name) => {
                    if byte == b' ' {
                        *bytes = &bytes[1..];
                    }
                    self.begin_value(name);
                }
                At::Data { begun } => {
                    let part = take_line(bytes);
                    self.match_value(DONE, part);
                    self.at = At::Data { begun: true };
                    return Some(Item::Data { part, whole: !begun && !bytes.is_empty() });
                }
                At::EventName => {
                    let name = take_line(bytes);
                    self.match_value(ERROR, name);
                }
                At::Comment | At::Ignored => {
                    take_line(bytes);
                }
            }
        }
        None
    }

    /// The last line and the last event have ended, though nothing says so.
    pub(super) fn end(&mut self) -> Option<Item<'static>> {
        self.end_line()
    }

    fn begin_line(&mut self, bytes: &mut &[u8]) {
        if let Some(rest) = bytes.strip_prefix(b"data:") {
            *bytes = rest;
            self.at = At::Colon(Name::Data);
            return;
        }
        self.at = match bytes[0] {
            b':' => At::Comment,
            b'd' => At::Field(Name::Data, 0),
            b'e' => At::Field(Name::Event, 0),
            _ => At::Ignored,
        };
    }

    fn field(&mut self, name: Name, read: usize, bytes: &mut &[u8]) {
        let expected = name.text().get(read).copied().unwrap_or(b':');
        if bytes[0] != expected {
            self.at = At::Ignored;
            return;
        }
        *bytes = &bytes[1..];
        self.at =
            if read == name.text().len() { At::Colon(name) } else { At::Field(name, read + 1) };
    }

    fn begin_value(&mut self, name: Name) {
        self.matched = 0;
        self.at = match name {
            Name::Data => At::Data { begun: false },
            Name::Event => At::EventName,
        };
    }

    fn match_value(&mut self, expected: &[u8], part: &[u8]) {
        let matches = expected.get(self.matched..).is_some_and(|rest| rest.starts_with(part));
        self.matched = if matches { self.matched + part.len() } else { usize::MAX };
    }

    fn end_line(&mut self) -> Option<Item<'static>> {
        self.begun |= !matches!(self.at, At::LineStart | At::Comment);
        match std::mem::replace(&mut self.at, At::LineStart) {
            At::LineStart => {
                self.event = Event::NEW;
                self.begun = false;
                Some(Item::EventEnd)
            }
            At::Colon(Name::Data) => {
                self.event.data = true;
                Some(Item::DataEnd { done: false })
            }
            At::Data { .. } => {
                self.event.data = true;
                Some(Item::DataEnd { done: self.matched == DONE.len() })
            }
            At::EventName => {
                self.event.error = self.matched == ERROR.len();
                Some(Item::NameEnd)
            }
            At::Field(..) | At::Colon(Name::Event) | At::Comment | At::Ignored => None,
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
