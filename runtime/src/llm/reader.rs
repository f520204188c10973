//! The reader: bytes in, what they tell out.

use super::counts::{Counts, Normal};
use super::json::JsonReader;
use super::sse::{Events, Item};
use crate::llm::Protocol;
use crate::usage::FinishReason;
use crate::usage::Usage;

/// Some begin their bytes with this mark, and neither events nor JSON have use for it.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What a piece of the bytes had in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// A token: content, reasoning, or a call. A role alone is none.
    pub(crate) content: bool,
    /// Comments and line ends of an event stream, and nothing else.
    pub(crate) comment_only: bool,
    /// An error within the protocol.
    pub(crate) error: bool,
}

/// What the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// Not known yet: so much of a byte order mark has been seen.
    Unknown(usize),
    Events,
    /// JSON objects: one, lines of them, or an array of them.
    Objects,
}

/// Reads one reply, plain or streamed, from bytes that are split anywhere.
#[derive(Debug)]
pub(crate) struct Reader {
    protocol: Protocol,
    framing: Framing,
    events: Events,
    json: JsonReader,
    /// The numbers as they were told last.
    counts: Counts,
    /// What they have meant, frame by frame.
    usage: Normal,
    model: Option<String>,
    finish: FinishReason,
    calls: bool,
    ended: bool,
    /// The name of the first error, empty if it has none.
    error: Option<String>,
    /// Usage that is no number was seen.
    odd_usage: bool,
    /// Tells frames that need not be read, when there has been a token and the model's name.
    quiet: Option<fn(&[u8]) -> bool>,
}

impl Reader {
    pub(crate) const fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            framing: Framing::Unknown(0),
            events: Events::new(),
            json: JsonReader::new(),
            counts: Counts::new(),
            usage: Normal::NONE,
            model: None,
            finish: FinishReason::Unknown,
            calls: false,
            ended: false,
            error: None,
            odd_usage: false,
            quiet: None,
        }
    }

    /// Reads a piece of the bytes.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Seen {
        let mut seen = Seen::default();
        let rest = self.begin(bytes);
        match self.framing {
            Framing::Unknown(_) => {
                seen.comment_only = bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
            }
            Framing::Objects => self.read_objects(rest, &mut seen),
            Framing::Events => {
                self.read_events(rest, &mut seen);
                seen.comment_only = !bytes.is_empty() && !self.events.take_spoken();
            }
        }
        seen
    }

    /// The bytes have ended: so has the last line, whether it says so or not.
    pub(crate) fn end(&mut self) -> Seen {
        let mut seen = Seen::default();
        if let Some(item) = self.events.end() {
            self.take_item(item, &mut seen);
        }
        self.json.finish();
        seen
    }

    /// Whether the protocol's end marker was seen; a plain reply ends with its object.
    pub(crate) const fn ended(&self) -> bool {
        self.ended
    }

    /// Whether the protocol is known, and so that there is a marker at the end of what is whole.
    pub(crate) fn has_end_marker(&self) -> bool {
        self.protocol != Protocol::Auto
    }

    /// Whether an error within the protocol was seen.
    pub(crate) const fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// What the first error calls itself, if it does.
    pub(crate) fn error(&self) -> Option<&str> {
        self.error.as_deref().filter(|name| !name.is_empty())
    }

    /// The usage that was seen, merged per field: the larger one counts.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.usage.into()
    }

    /// The model that the reply names.
    pub(crate) fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Why the model stopped.
    pub(crate) const fn finish_reason(&self) -> FinishReason {
        finish_reason(self.failed(), self.finish, self.calls)
    }

    /// Whether usage was there, or may have been, that could not be read.
    pub(crate) const fn unparsed(&self) -> bool {
        self.odd_usage || self.json.lost_usage()
    }

    /// Decides what the bytes are by the first that tells, and steps over those before it.
    fn begin<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Framing::Unknown(mut mark) = self.framing else { return bytes };
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => {}
                _ if BYTE_ORDER_MARK.get(mark) == Some(byte) => mark += 1,
                _ => {
                    self.framing = if matches!(byte, b'{' | b'[') {
                        self.json.expect_lines();
                        Framing::Objects
                    } else {
                        Framing::Events
                    };
                    return &bytes[at..];
                }
            }
        }
        self.framing = Framing::Unknown(mark);
        &[]
    }

    fn read_events(&mut self, mut bytes: &[u8], seen: &mut Seen) {
        while let Some(item) = self.events.next(&mut bytes) {
            self.take_item(item, seen);
        }
    }

    fn take_item(&mut self, item: Item<'_>, seen: &mut Seen) {
        match item {
            Item::Data { part, whole } if whole && self.is_quiet(part) => seen.content = true,
            Item::Data { part, .. } => self.read_objects(part, seen),
            Item::DataEnd { done } => {
                self.read_objects(b"\n", seen);
                if done {
                    self.take_done();
                }
            }
            Item::NameEnd => {}
            Item::EventEnd => self.json.finish(),
        }
        if self.events.is_error() && !matches!(item, Item::Data { .. }) {
            self.fail(None, seen);
        }
    }

    fn is_quiet(&self, frame: &[u8]) -> bool {
        self.json.is_idle() && self.quiet.is_some_and(|quiet| quiet(frame))
    }

    fn take_done(&mut self) {
        if self.protocol == Protocol::Auto {
            self.protocol = Protocol::OpenAi;
        }
        self.ended |= self.protocol == Protocol::OpenAi;
    }

    fn read_objects(&mut self, mut bytes: &[u8], seen: &mut Seen) {
        while !bytes.is_empty() {
            let (taken, object) = self.json.read(bytes);
            if object {
                self.take_object(seen);
            }
            bytes = &bytes[taken..];
        }
    }

    /// Takes what a whole object has told.
    fn take_object(&mut self, seen: &mut Seen) {
        let in_array = self.json.in_array();
        let facts = self.json.facts();
        let protocol = self.protocol.or_of(facts);
        // Only Gemini streams its frames as an array.
        if in_array && protocol != Protocol::Gemini {
            return;
        }
        self.protocol = protocol;
        let reading = protocol.read(facts);
        seen.content |= reading.content;
        self.ended |= reading.end;
        self.calls |= reading.calls;
        if reading.finish != FinishReason::Unknown {
            self.finish = reading.finish;
        }
        if let Some(rules) = protocol.rules() {
            if facts.has_usage(rules.owners) {
                let mut counts = Counts::new();
                rules.owners.iter().for_each(|owner| counts.merge(facts.counts(*owner)));
                self.counts.update(&counts);
                self.usage = self.usage.or_more((rules.normal)(&self.counts));
                self.odd_usage |= (rules.normal)(&counts) == Normal::NONE;
            }
            if self.model.is_none() {
                self.model = facts.take_model(rules.models);
                facts.wants_model = self.model.is_none();
            }
            if seen.content && self.model.is_some() {
                self.quiet = Some(rules.quiet);
            }
        }
        let error = reading.failed.then(|| facts.take_error());
        if let Some(name) = error {
            self.fail(name, seen);
        }
        if self.framing == Framing::Objects {
            self.ended |= protocol.ends_with_object();
        }
    }

    fn fail(&mut self, name: Option<String>, seen: &mut Seen) {
        seen.error |= self.framing == Framing::Objects || self.events.report();
        let error = self.error.get_or_insert_default();
        if let Some(name) = name.filter(|_| error.is_empty()) {
            *error = name;
        }
    }
}

/// One reason of what is known. Some protocols call it a stop when the model asks for a tool.
pub(super) const fn finish_reason(failed: bool, finish: FinishReason, calls: bool) -> FinishReason {
    match finish {
        _ if failed => FinishReason::Error,
        FinishReason::Stop if calls => FinishReason::ToolCalls,
        finish => finish,
    }
}
