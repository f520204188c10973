//! Parses TOML into values with their lines.

use std::ops::Range;

use memchr::memchr_iter;
use toml::Spanned;
use toml::de::{DeInteger, DeString, DeTable, DeValue};

use super::Mistake;
use super::node::{Entry, Node, Value};

/// The depth of values that are read. Prices need four levels, so whatever is nested deeper is not
/// valid, and must not be read by unlimited recursion.
const MAX_DEPTH: usize = 8;

/// Parses a text.
pub(super) fn parse(text: &str) -> Result<Node, Mistake> {
    let lines = Lines::new(text);
    let root = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| lines.of(&span));
        Mistake::at(line, format!("the text is not valid TOML: {}", error.message()))
    })?;
    let value = Value::Table(entries(root.get_ref(), &lines, MAX_DEPTH));
    Ok(Node { line: 1, value })
}

fn entries(table: &DeTable<'_>, lines: &Lines, depth: usize) -> Vec<Entry> {
    let entry = |(key, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)| Entry {
        key: key.get_ref().to_string(),
        line: lines.of(&key.span()),
        value: node(value, lines, depth),
    };
    let mut entries: Vec<_> = table.iter().map(entry).collect();
    // The first mistake is reported, and the parser sorts keys by name.
    entries.sort_by_key(|entry| entry.line);
    entries
}

fn node(value: &Spanned<DeValue<'_>>, lines: &Lines, depth: usize) -> Node {
    let line = lines.of(&value.span());
    let value = match (value.get_ref(), depth.checked_sub(1)) {
        (DeValue::Integer(integer), _) => Value::Number(number(integer)),
        (DeValue::Float(float), _) => Value::Number(float.as_str().parse().unwrap_or(f64::NAN)),
        (DeValue::Array(items), Some(depth)) => {
            Value::List(items.iter().map(|item| node(item, lines, depth)).collect())
        }
        (DeValue::Table(table), Some(depth)) => Value::Table(entries(table, lines, depth)),
        (DeValue::Array(_) | DeValue::Table(_), None) => Value::Other("a deeply nested value"),
        (DeValue::String(_), _) => Value::TEXT,
        (DeValue::Boolean(_), _) => Value::Other("a boolean"),
        (DeValue::Datetime(_), _) => Value::Other("a date or a time"),
    };
    Node { line, value }
}

fn number(integer: &DeInteger<'_>) -> f64 {
    match integer.radix() {
        // A decimal integer may exceed 64 bits.
        10 => integer.as_str().parse().unwrap_or(f64::NAN),
        radix => u32::from_str_radix(integer.as_str(), radix).map_or(f64::NAN, f64::from),
    }
}

/// The positions at which the lines of a text end.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        Self(memchr_iter(b'\n', text.as_bytes()).collect())
    }

    /// Returns the line on which a part of the text begins.
    fn of(&self, span: &Range<usize>) -> usize {
        1 + self.0.partition_point(|end| *end < span.start)
    }
}
