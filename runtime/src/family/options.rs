//! The settings of the families of one instance: limits, allowed values and request labels.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use prometheus::core::Desc;

use super::limit::LabelLimit;
use super::request_labels::RequestLabels;
use super::snapshot::ConstLabels;

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
    pub(crate) request_labels: Arc<RequestLabels>,
}

impl FamilyOptions {
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
