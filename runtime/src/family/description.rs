//! The name, the labels, the unit and the type of a family, for queries.

use std::marker::PhantomData;

/// The unit of the values of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BaseUnit {
    Seconds,
    Bytes,
    Dollars,
    Requests,
    /// A number of other things, such as tokens.
    Number,
}

/// A family of the table whose values are of the type `P`.
pub(crate) struct Described<P> {
    name: &'static str,
    labels: &'static [&'static str],
    has_request_labels: bool,
    primitive: PhantomData<fn() -> P>,
}

impl<P> Described<P> {
    pub(super) const fn new(
        name: &'static str,
        labels: &'static [&'static str],
        has_request_labels: bool,
    ) -> Self {
        Self { name, labels, has_request_labels, primitive: PhantomData }
    }

    /// Returns the name without prefix.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the unit of the values, which is the last word of the name before `_total`.
    pub(crate) fn unit(&self) -> BaseUnit {
        let name = self.name.strip_suffix("_total").unwrap_or(self.name);
        match name.rsplit('_').next() {
            Some("seconds") => BaseUnit::Seconds,
            Some("bytes") => BaseUnit::Bytes,
            Some("usd") => BaseUnit::Dollars,
            Some("requests") => BaseUnit::Requests,
            _ => BaseUnit::Number,
        }
    }

    /// Returns whether the family has the request labels of its instance.
    pub(crate) const fn has_request_labels(&self) -> bool {
        self.has_request_labels
    }

    /// Returns whether the family has a label of this name, apart from request labels.
    pub(crate) const fn has_label(&self, name: &str) -> bool {
        let mut index = 0;
        while index < self.labels.len() {
            if is_same(self.labels[index], name) {
                return true;
            }
            index += 1;
        }
        false
    }
}

/// Compares two texts in a constant expression.
const fn is_same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut index = 0;
    while index < left.len() {
        if left[index] != right[index] {
            return false;
        }
        index += 1;
    }
    true
}
