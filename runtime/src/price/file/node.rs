//! What a price file contains, in JSON and TOML alike.

/// A value, and the line on which it begins.
#[derive(Debug, PartialEq)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

#[derive(Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    List(Vec<Node>),
    Table(Vec<Entry>),
    /// A value of a type that prices do not have, with the name of the type.
    Other(&'static str),
}

/// A key and its value. A key may occur several times.
#[derive(Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) value: Node,
}

impl Value {
    /// The name of the type of a text.
    pub(super) const TEXT: Self = Self::Other("a text");

    /// Returns the name of the type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(name) => name,
        }
    }
}
