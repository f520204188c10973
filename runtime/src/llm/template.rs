//! Recognition of frames that differ from an earlier one in their content alone.
//!
//! Nearly all frames of a stream repeat the one before them, byte for byte, except for the text
//! between two quotes, and perhaps a number that counts the frames. A [`Template`] keeps the bytes
//! of one such frame together with its framing, and where the values are that may differ. A later
//! frame that matches the template has the same members, so it has the same findings and need not
//! be scanned.
//!
//! The reader decides which frames become the template, and discards it as soon as it reads any
//! other frame. A matching frame therefore changes nothing that the template's own frame has not
//! changed already: protocol, model, operation and service tier are those of the template.

use std::ops::Range;

use memchr::{memchr, memchr3};

use super::json::is_in_literal;
use super::schema::Field;
use super::spec::Content;

/// The largest frame that becomes a template, in bytes, with its framing.
const MAX_LENGTH: usize = 768;

/// The number of values of a frame that may differ. Further values must be equal.
const MAX_VALUES: usize = 16;

/// The maximum nesting depth of a frame that becomes a template.
const MAX_DEPTH: usize = 16;

/// After this many templates in a row that no frame has matched, a reply gets no further one: its
/// frames differ too much.
const MAX_UNUSED: u8 = 32;

/// The values that may replace a value of the template without changing what the frame means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variants {
    /// Any text.
    Text,
    /// Any text that is not empty.
    Content,
    /// Any number, `true`, `false`, or `null`.
    Literal,
    /// Digits.
    Digits,
}

impl Variants {
    /// Returns which texts may replace `text`, or `None` if the text must stay the same.
    fn of_text(field: Field, text: &[u8]) -> Option<Self> {
        match field {
            Field::Ignored => Some(Self::Text),
            _ if text.is_empty() => None,
            Field::ChoiceText
            | Field::ChoiceAnswer
            | Field::ChoiceReasoning
            | Field::ChoiceCompletion
            | Field::Delta
            | Field::DeltaText
            | Field::MessageContent
            | Field::OllamaThinking
            | Field::Response
            | Field::Text
            | Field::ModelText(_)
            | Field::NonEmpty(_) => Some(Self::Content),
            _ => None,
        }
    }

    /// Returns the literals that stand for `literal`.
    fn of_literal(field: Field, literal: &[u8]) -> Option<Self> {
        match field {
            Field::Ignored => Some(Self::Literal),
            Field::Created if literal.iter().all(u8::is_ascii_digit) => Some(Self::Digits),
            _ => None,
        }
    }

    /// Skips a value at the start of `bytes`. Returns `None` if there is none of these.
    fn skip(self, bytes: &[u8]) -> Option<&[u8]> {
        let length = match self {
            Self::Text | Self::Content => text_length(bytes)?,
            Self::Literal => prefix_length(bytes, is_in_literal),
            Self::Digits => prefix_length(bytes, |byte| byte.is_ascii_digit()),
        };
        (length > 0 || self == Self::Text).then(|| &bytes[length..])
    }
}

/// A value of the template's frame that may differ in other frames. Texts are without quotes.
#[derive(Clone, Copy, Debug)]
struct Variable {
    start: u16,
    end: u16,
    variants: Variants,
    /// The value has differed already, or is content. Other values are compared together with the
    /// bytes around them, which is faster.
    differs: bool,
}

impl Variable {
    const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// The values of a frame that may differ, in their order.
#[derive(Clone, Copy, Debug)]
struct Variables {
    list: [Variable; MAX_VALUES],
    length: usize,
}

impl Variables {
    const NONE: Self = Self {
        list: [Variable { start: 0, end: 0, variants: Variants::Text, differs: false }; MAX_VALUES],
        length: 0,
    };

    fn as_slice(&self) -> &[Variable] {
        &self.list[..self.length]
    }

    fn push(&mut self, variable: Variable) {
        if let Some(next) = self.list.get_mut(self.length) {
            *next = variable;
            self.length += 1;
        }
    }
}

/// A frame that later frames are compared with. Created with the first frame of a reply that can
/// be repeated.
#[derive(Debug)]
pub(super) struct Template {
    bytes: [u8; MAX_LENGTH],
    length: usize,
    variables: Variables,
    /// Those of the variables that differ.
    differing: Variables,
    /// What kind of content the frame has, and with it each frame that matches. `None` if the
    /// template is discarded.
    content: Option<Content>,
    /// How many templates have been kept since the last match.
    unused: u8,
}

impl Template {
    pub(super) const NONE: Self = Self {
        bytes: [0; MAX_LENGTH],
        length: 0,
        variables: Variables::NONE,
        differing: Variables::NONE,
        content: None,
        unused: 0,
    };

    /// If `bytes` begin with a frame that matches, removes that frame from `bytes` and returns its
    /// content.
    #[inline]
    pub(super) fn take_match(&mut self, bytes: &mut &[u8]) -> Option<Content> {
        let content = self.content?;
        *bytes = self.after_match(bytes)?;
        self.unused = 0;
        Some(content)
    }

    fn after_match<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (mut rest, mut start) = (bytes, 0);
        for variable in self.differing.as_slice() {
            let range = variable.range();
            rest = rest.strip_prefix(&self.bytes[start..range.start])?;
            rest = variable.variants.skip(rest)?;
            start = range.end;
        }
        rest.strip_prefix(&self.bytes[start..self.length])
    }

    #[cfg(test)]
    pub(super) fn has_content(&self) -> bool {
        self.content.is_some()
    }

    /// Discards the template. Another frame of the same shape may become the next one.
    pub(super) fn discard(&mut self) {
        self.content = None;
    }

    /// Makes a frame with `content` the template. `framed` is the object together with its framing,
    /// and `object` begins at `start` of it.
    pub(super) fn keep(&mut self, framed: &[u8], start: usize, object: &[u8], content: Content) {
        self.content = None;
        // After a bare CR, a scan would take a following LF for a part of the same line end.
        if framed.len() > MAX_LENGTH || framed.ends_with(b"\r") || self.unused == MAX_UNUSED {
            return;
        }
        let mut walk = Walk { object, at: 0, start, variables: Variables::NONE };
        if walk.object(Field::Root, MAX_DEPTH).is_none() || walk.at != object.len() {
            return;
        }
        let mut variables = walk.variables;
        if self.has_shape_of(framed, &variables) {
            for (new, old) in variables.list.iter_mut().zip(self.variables.as_slice()) {
                let differs = framed[new.range()] != self.bytes[old.range()];
                new.differs |= old.differs || differs;
            }
        }
        self.bytes[..framed.len()].copy_from_slice(framed);
        self.length = framed.len();
        self.variables = variables;
        self.differing = Variables::NONE;
        for variable in variables.as_slice().iter().filter(|variable| variable.differs) {
            self.differing.push(*variable);
        }
        self.content = Some(content);
        self.unused += 1;
    }

    /// Returns whether a frame differs from the last template only in its variables.
    fn has_shape_of(&self, framed: &[u8], variables: &Variables) -> bool {
        if self.variables.length != variables.length {
            return false;
        }
        let (mut own_start, mut start) = (0, 0);
        for (own, new) in self.variables.as_slice().iter().zip(variables.as_slice()) {
            let (own_range, range) = (own.range(), new.range());
            let own_before = &self.bytes[own_start..own_range.start];
            if own.variants != new.variants || own_before != &framed[start..range.start] {
                return false;
            }
            (own_start, start) = (own_range.end, range.end);
        }
        self.bytes[own_start..self.length] == framed[start..]
    }
}

/// A walk through one object, which the scanner has already read.
struct Walk<'a> {
    object: &'a [u8],
    at: usize,
    /// Where the object begins in the template.
    start: usize,
    variables: Variables,
}

impl<'a> Walk<'a> {
    fn object(&mut self, field: Field, depth: usize) -> Option<()> {
        self.expect(b'{')?;
        self.list(b'}', |walk| {
            let key = walk.text()?;
            walk.skip_white_space();
            walk.expect(b':')?;
            walk.value(field.member(key), depth)
        })
    }

    fn array(&mut self, field: Field, depth: usize) -> Option<()> {
        self.expect(b'[')?;
        self.list(b']', |walk| walk.value(field.element(), depth))
    }

    /// Walks through the members or elements up to the closing bracket.
    fn list(&mut self, close: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.skip_white_space();
        if self.expect(close).is_some() {
            return Some(());
        }
        loop {
            self.skip_white_space();
            item(self)?;
            self.skip_white_space();
            if self.expect(close).is_some() {
                return Some(());
            }
            self.expect(b',')?;
        }
    }

    fn value(&mut self, field: Field, depth: usize) -> Option<()> {
        self.skip_white_space();
        let depth = depth.checked_sub(1)?;
        match self.object.get(self.at)? {
            b'{' => self.object(field, depth),
            b'[' => self.array(field, depth),
            b'"' => {
                let text = self.text()?;
                let end = self.at - 1;
                self.note(end - text.len()..end, Variants::of_text(field, text))
            }
            _ => {
                let length = prefix_length(&self.object[self.at..], is_in_literal);
                let literal = &self.object[self.at..self.at + length];
                let start = self.at;
                self.at += length;
                self.note(start..self.at, Variants::of_literal(field, literal))?;
                (length > 0).then_some(())
            }
        }
    }

    /// Notes a value that may differ, if `variants` stand for it.
    fn note(&mut self, range: Range<usize>, variants: Option<Variants>) -> Option<()> {
        if let Some(variants) = variants {
            let start = u16::try_from(self.start + range.start).ok()?;
            let end = u16::try_from(self.start + range.end).ok()?;
            let differs = variants == Variants::Content;
            self.variables.push(Variable { start, end, variants, differs });
        }
        Some(())
    }

    /// Returns the text between two quotes.
    fn text(&mut self) -> Option<&'a [u8]> {
        self.expect(b'"')?;
        let rest = &self.object[self.at..];
        let text = &rest[..text_length(rest)?];
        self.at += text.len();
        self.expect(b'"')?;
        Some(text)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.object.get(self.at) == Some(&byte)).then(|| self.at += 1)
    }

    fn skip_white_space(&mut self) {
        self.at += prefix_length(&self.object[self.at..], |byte| matches!(byte, b' ' | b'\t'));
    }
}

fn prefix_length(bytes: &[u8], is_part: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !is_part(*byte)).unwrap_or(bytes.len())
}

/// Returns the length of a text up to its closing quote. Returns `None` if the text is not whole,
/// or contains a line end, which may end the frame.
fn text_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += plain_length(&bytes[at..]);
        match bytes.get(at)? {
            b'"' => return Some(at),
            // The escaped byte may be a quote or a further backslash.
            b'\\' if !matches!(bytes.get(at + 1)?, b'\r' | b'\n') => at += 2,
            _ => return None,
        }
    }
}

/// Returns the index of the first quote, backslash or line end, or the length.
fn plain_length(bytes: &[u8]) -> usize {
    // Most texts are short. For them a plain loop is faster than memchr, which has a fixed cost.
    const SHORT: usize = 16;
    let is_end = |byte: u8| matches!(byte, b'"' | b'\\' | b'\n' | b'\r');
    let (short, long) = bytes.split_at(bytes.len().min(SHORT));
    let in_short = prefix_length(short, |byte| !is_end(byte));
    if in_short < short.len() || long.is_empty() {
        return in_short;
    }
    let end = memchr3(b'"', b'\\', b'\n', long).unwrap_or(long.len());
    SHORT + memchr(b'\r', &long[..end]).unwrap_or(end)
}
