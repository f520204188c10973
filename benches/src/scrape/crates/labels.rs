//! The labels of the series on a page.

use fastmetrics::derive::LabelSet;
use prometheus_client::encoding::EncodeLabelSet;

use crate::scrape::{ENDPOINT, failures, observations};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet, LabelSet)]
pub(super) struct FailureLabels {
    endpoint: &'static str,
    exception_type: String,
    status: String,
}

impl FailureLabels {
    /// Returns the labels of all counters.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        failures().map(|(exception_type, status)| Self {
            endpoint: ENDPOINT,
            exception_type,
            status,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet, LabelSet)]
pub(super) struct ModelLabels {
    endpoint: &'static str,
    model: String,
}

impl ModelLabels {
    /// Returns the labels of all histograms of a family, with the values to record.
    pub(super) fn all() -> impl Iterator<Item = (Self, f64)> {
        observations().map(|(model, value)| (Self { endpoint: ENDPOINT, model }, value))
    }
}
