//! One series of a page.

use std::fmt;

/// A series of a [`Page`](super::Page): a name, labels and a value.
///
/// `Display` and `Debug` print the series as a page in the text format does.
#[derive(Clone, PartialEq)]
pub struct Series {
    pub(super) name: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) value: f64,
}

impl Series {
    /// Returns the name, with the prefix and the suffix that it has on the page.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the names and values of the labels, in the order of the page.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Returns the value of a label, or `None` if the series does not have the label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels().find(|(label, _)| *label == name).map(|(_, value)| value)
    }

    /// Returns the value.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value
    }

    /// Returns whether the series has all of these labels.
    pub(super) fn has(&self, labels: &[(&str, &str)]) -> bool {
        labels.iter().all(|(name, value)| self.label(name) == Some(value))
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if !self.labels.is_empty() {
            write!(f, "{}", Labels(&self.labels().collect::<Vec<_>>()))?;
        }
        if self.value.is_infinite() {
            f.write_str(if self.value > 0.0 { " +Inf" } else { " -Inf" })
        } else {
            write!(f, " {}", self.value)
        }
    }
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Prints labels in braces.
pub(super) struct Labels<'a>(pub(super) &'a [(&'a str, &'a str)]);

impl fmt::Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, (name, value)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            write!(f, "{comma}{name}=\"{value}\"")?;
        }
        f.write_str("}")
    }
}
