//! The labels of a request's series.

use fastmetrics::derive::LabelSet;
use prometheus_client::encoding::EncodeLabelSet;

pub(super) const METHOD: &str = "GET";
pub(super) const ENDPOINT: &str = "/items/{id}";
pub(super) const STATUS: &str = "200";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet, LabelSet)]
pub(super) struct Labels {
    method: &'static str,
    endpoint: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet, LabelSet)]
pub(super) struct StatusLabels {
    method: &'static str,
    endpoint: &'static str,
    status: &'static str,
}

pub(super) const LABELS: Labels = Labels { method: METHOD, endpoint: ENDPOINT };
pub(super) const STATUS_LABELS: StatusLabels =
    StatusLabels { method: METHOD, endpoint: ENDPOINT, status: STATUS };
