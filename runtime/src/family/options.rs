//! The settings of the families of one instance: limits, allowed values, and the request label.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use prometheus::core::Desc;

use super::snapshot::ConstLabels;

/// The label value that replaces values beyond a limit and values that are not allowed.
pub(crate) const OVERFLOW: &str = "other";

/// The settings of the families of one instance.
pub(crate) struct FamilyOptions {
    pub(crate) prefix: String,
    pub(crate) const_labels: ConstLabels,
    /// The upper bounds of the histograms that do not have the default ones, by name without
    /// prefix.
    pub(crate) buckets: HashMap<&'static str, Vec<f64>>,
    pub(crate) limits: SeriesLimits,
    /// Whether the `status` label is the class of a status, such as `2xx`.
    pub(crate) group_status: bool,
    pub(crate) request_label: RequestLabelValues,
    /// Whether any model has a price.
    pub(crate) has_prices: bool,
}

impl FamilyOptions {
    /// Returns the name of the request label if a family with these labels has one. Only the
    /// families of requests do, and they are the ones with a `method` label.
    pub(super) fn request_label_for(&self, labels: &[&str]) -> Option<Box<str>> {
        self.request_label.name.clone().filter(|_| labels.contains(&"method"))
    }

    pub(super) fn desc(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<Desc> {
        let separator = if self.prefix.is_empty() { "" } else { "_" };
        Desc::new(
            format!("{}{separator}{name}", self.prefix),
            help.to_owned(),
            labels.iter().map(|&label| label.to_owned()).collect(),
            self.const_labels.pairs.iter().cloned().collect(),
        )
    }
}

/// The label that a user has configured for requests, and its allowed values.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestLabelValues {
    /// The name of the label, or `None` if no label is configured.
    pub(crate) name: Option<Box<str>>,
    pub(crate) allowed: Arc<[Box<str>]>,
}

/// A value of the request label: the empty value, an allowed value, or `other`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RequestLabelValue(usize);

impl RequestLabelValue {
    /// The empty value: the request does not carry the label, or no label is configured.
    pub(crate) const EMPTY: Self = Self(0);

    /// Returns the index of this value in a table with [`RequestLabelValues::count`] entries.
    pub(crate) fn index(self) -> usize {
        self.0
    }
}

impl RequestLabelValues {
    /// Returns the label value for the bytes that a request carries.
    pub(crate) fn find(&self, bytes: &[u8]) -> RequestLabelValue {
        if bytes.is_empty() {
            return RequestLabelValue::EMPTY;
        }
        let index = self.allowed.iter().position(|allowed| allowed.as_bytes() == bytes);
        RequestLabelValue(index.unwrap_or(self.allowed.len()) + 1)
    }

    /// Returns the number of distinct values: one if no label is configured.
    pub(super) fn count(&self) -> usize {
        // The empty value and `other` exist beside the allowed values.
        if self.name.is_some() { self.allowed.len() + 2 } else { 1 }
    }

    /// Returns a value as text.
    pub(super) fn text(&self, value: RequestLabelValue) -> &str {
        match value.0.checked_sub(1) {
            None => "",
            Some(index) => self.allowed.get(index).map_or(OVERFLOW, |text| text),
        }
    }
}

/// The limit of a label. Values beyond the limit are recorded as `other`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LabelLimit {
    /// The number of distinct values in one family.
    pub(crate) max_values: usize,
    /// The length of a value, in bytes.
    pub(crate) max_bytes: usize,
}

/// The allowed values of the labels for which a user has listed them. The list replaces the
/// [`LabelLimit`] of the label.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllowedValues {
    pub(crate) models: Option<ValueSet>,
    pub(crate) providers: Option<ValueSet>,
}

/// A set of label values.
pub(crate) type ValueSet = Arc<BTreeSet<Box<str>>>;

impl AllowedValues {
    pub(super) fn get(&self, label: &str) -> Option<&ValueSet> {
        match label {
            "model" => self.models.as_ref(),
            "provider" => self.providers.as_ref(),
            _ => None,
        }
    }
}

/// The limits that keep the number of series of an instance bounded.
#[derive(Clone, Debug)]
pub(crate) struct SeriesLimits {
    /// The limit of labels whose values come from outside of the program's source: replies of
    /// models, errors.
    pub(crate) labels: LabelLimit,
    /// The limit of `endpoint`. Its values are route templates and names in attributes, so only a
    /// program that generates routes at run time reaches this limit.
    pub(crate) endpoints: LabelLimit,
    /// The number of series in one family. In every series beyond it all limited labels are
    /// `other`.
    pub(crate) max_series: usize,
    pub(crate) allowed: AllowedValues,
}

impl SeriesLimits {
    /// Returns the limit of a label in a family, or `None` if the label has a closed set of values.
    pub(super) fn for_label(&self, family: &str, label: &str) -> Option<LabelLimit> {
        match (family, label) {
            // Values of `ErrorType`.
            ("errors_total", "error_type") => None,
            (_, "endpoint") => Some(self.endpoints),
            (_, "provider" | "model" | "error_type" | "exception_type") => Some(self.labels),
            _ => None,
        }
    }
}
