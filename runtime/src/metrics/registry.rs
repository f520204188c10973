//! The names that a registry made with `Registry::new_custom` adds.

use std::borrow::Cow;

use crate::family::push_label;

/// The prefix and the labels that a registry adds to everything that is gathered from it.
///
/// `prometheus` gives no access to the two, so the user repeats them in the options
/// `registry_prefix` and `registry_label`. The export module writes the families without gathering
/// them and adds both itself.
#[derive(Debug, Default)]
pub(crate) struct RegistryNames {
    /// Includes the `_` that separates the prefix from the name. Empty without a prefix.
    prefix: String,
    /// The labels as they are exported, with a comma after each.
    labels: String,
    #[cfg(feature = "monitoring")]
    pairs: Vec<(String, String)>,
}

impl RegistryNames {
    /// The labels must be sorted by name, without duplicates.
    pub(super) fn new<'a>(
        prefix: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let separator = if prefix.is_empty() { "" } else { "_" };
        let mut text = Vec::new();
        #[cfg(feature = "monitoring")]
        let mut pairs = Vec::new();
        for (name, value) in labels {
            push_label(&mut text, name, value);
            text.push(b',');
            #[cfg(feature = "monitoring")]
            pairs.push((name.to_owned(), value.to_owned()));
        }
        let labels = String::from_utf8_lossy(&text).into_owned();
        Self {
            prefix: format!("{prefix}{separator}"),
            labels,
            #[cfg(feature = "monitoring")]
            pairs,
        }
    }

    /// Returns the name under which a family is exported.
    pub(crate) fn exported_name<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if self.prefix.is_empty() {
            Cow::Borrowed(name)
        } else {
            Cow::Owned(format!("{}{name}", self.prefix))
        }
    }

    /// Returns the names and values of these labels.
    #[cfg(feature = "monitoring")]
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the labels that are added to every series, with a comma after each.
    pub(crate) fn labels(&self) -> &str {
        &self.labels
    }
}
