//! Parses JSON into values with their lines.
//!
//! `serde_json` validates the text and names the line of a syntax error. It does not say where a
//! valid value is, so the valid text is then read once more.

use memchr::memchr_iter;

use super::Mistake;
use super::node::{Entry, Node, Value};

/// Parses a text.
pub(super) fn parse(text: &str) -> Result<Node, Mistake> {
    if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(&*message, |(message, _)| message);
        let column = error.column();
        let reason = format!("the text is not valid JSON at column {column}: {message}");
        return Err(Mistake::at(error.line().max(1), reason));
    }
    let mut reader = Reader { rest: text, line: 1 };
    reader.value().ok_or_else(|| Mistake::at(reader.line, "the text is not valid JSON"))
}

/// Reads a text that is valid JSON. The depth of its values is limited by `serde_json`.
struct Reader<'a> {
    rest: &'a str,
    /// The line on which the rest begins.
    line: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Option<Node> {
        let first = self.peek()?;
        let line = self.line;
        let value = match first {
            b'{' => Value::Table(self.items(b'}', Self::entry)?),
            b'[' => Value::List(self.items(b']', Self::value)?),
            b'"' => {
                self.string()?;
                Value::TEXT
            }
            b't' | b'f' => self.word(Value::Other("a boolean"))?,
            b'n' => self.word(Value::Other("null"))?,
            _ => {
                let length =
                    self.rest.find(|c: char| !matches!(c, '+' | '-' | '.' | 'e' | 'E' | '0'..='9'));
                let number = self.take(length.unwrap_or(self.rest.len()))?;
                Value::Number(number.parse().ok()?)
            }
        };
        Some(Node { line, value })
    }

    /// Reads the items of a table or a list, which are between brackets and separated by commas.
    fn items<T>(&mut self, end: u8, item: fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.take(1)?;
        let mut items = Vec::new();
        while self.peek()? != end {
            items.push(item(self)?);
            if self.peek()? == b',' {
                self.take(1)?;
            }
        }
        self.take(1)?;
        Some(items)
    }

    fn entry(&mut self) -> Option<Entry> {
        self.peek()?;
        let (line, key) = (self.line, self.string()?);
        self.peek()?;
        self.take(1)?;
        Some(Entry { key, line, value: self.value()? })
    }

    fn string(&mut self) -> Option<String> {
        let mut bytes = self.rest.bytes().enumerate().skip(1);
        let end = loop {
            match bytes.next()? {
                (_, b'\\') => bytes.next().map(drop)?,
                (end, b'"') => break end,
                _ => {}
            }
        };
        serde_json::from_str(self.take(end + 1)?).ok()
    }

    fn word(&mut self, value: Value) -> Option<Value> {
        let length = self.rest.find(|c: char| !c.is_ascii_lowercase());
        self.take(length.unwrap_or(self.rest.len()))?;
        Some(value)
    }

    /// Skips white space, and returns the first byte after it.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let skipped = &self.rest[..self.rest.len() - rest.len()];
        self.line += memchr_iter(b'\n', skipped.as_bytes()).count();
        self.rest = rest;
        rest.bytes().next()
    }

    fn take(&mut self, length: usize) -> Option<&str> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }
}
