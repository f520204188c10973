//! The name, the labels and the type of a family, for queries.

use std::marker::PhantomData;

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
