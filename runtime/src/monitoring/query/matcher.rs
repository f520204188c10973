//! Matchers of labels, and the literals of `PromQL`.

use std::fmt::{self, Display};

/// A condition on the value of a label.
#[derive(Clone, Copy, Debug)]
pub(in crate::monitoring) enum Matcher<'a> {
    Is(&'a str),
    IsNot(&'a str),
    OneOf(&'a [&'a str]),
    NoneOf(&'a [&'a str]),
}

impl Matcher<'_> {
    pub(super) fn of(&self, label: &str) -> String {
        match self {
            Self::Is(value) => format!("{label}={}", Quoted(value)),
            Self::IsNot(value) => format!("{label}!={}", Quoted(value)),
            Self::OneOf(values) => format!("{label}=~{}", Quoted(&alternatives(values))),
            Self::NoneOf(values) => format!("{label}!~{}", Quoted(&alternatives(values))),
        }
    }
}

/// Returns a regular expression that matches exactly these values.
fn alternatives(values: &[&str]) -> String {
    values.iter().map(|value| escape_regex(value)).collect::<Vec<_>>().join("|")
}

/// Escapes the characters that have a meaning in the regular expressions of Prometheus (RE2).
pub(super) fn escape_regex(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// A string literal of `PromQL`, which has the escapes of Go.
///
/// `$` and `[` are written as escapes, too: a dashboard would take `$name` and `[[name]]` for its
/// variables.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for character in self.0.chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '$' | '[' => write!(f, "\\x{:02x}", u32::from(character))?,
                character if character.is_control() => {
                    write!(f, "\\u{:04x}", u32::from(character))?;
                }
                character => write!(f, "{character}")?,
            }
        }
        f.write_str("\"")
    }
}
