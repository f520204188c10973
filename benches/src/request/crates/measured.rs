//! The metrics of a request, recorded with the crate `measured`.

use measured::metric::LabelId;
use measured::metric::histogram::Thresholds;
use measured::{CounterVec, FixedCardinalityLabel, GaugeVec, HistogramVec, LabelGroup};

use crate::peers::{DURATION_BUCKETS, SIZE_BUCKETS};
use crate::request::{Observation, Recorder};

#[derive(Clone, Copy, FixedCardinalityLabel)]
#[label(rename_all = "SHOUTY-KEBAB-CASE")]
enum Method {
    Get,
}

#[derive(Clone, Copy, FixedCardinalityLabel)]
enum Endpoint {
    #[label(rename = "/items/{id}")]
    Items,
}

#[derive(Clone, Copy, FixedCardinalityLabel)]
enum Status {
    Ok = 200,
}

#[derive(Clone, Copy, LabelGroup)]
#[label(set = LabelsSet)]
struct Labels {
    method: Method,
    endpoint: Endpoint,
}

#[derive(Clone, Copy, LabelGroup)]
#[label(set = StatusLabelsSet)]
struct StatusLabels {
    method: Method,
    endpoint: Endpoint,
    status: Status,
}

const LABELS: Labels = Labels { method: Method::Get, endpoint: Endpoint::Items };
const STATUS_LABELS: StatusLabels =
    StatusLabels { method: Method::Get, endpoint: Endpoint::Items, status: Status::Ok };

/// `measured`: computes the index of a series from its labels, which are enums.
pub(crate) struct MeasuredByLabel {
    in_flight: GaugeVec<LabelsSet>,
    requests: CounterVec<StatusLabelsSet>,
    duration: HistogramVec<LabelsSet, { DURATION_BUCKETS.len() }>,
    received: HistogramVec<LabelsSet, { SIZE_BUCKETS.len() }>,
    sent: HistogramVec<LabelsSet, { SIZE_BUCKETS.len() }>,
}

impl Default for MeasuredByLabel {
    fn default() -> Self {
        let sizes = || HistogramVec::with_metadata(Thresholds::with_buckets(SIZE_BUCKETS));
        Self {
            in_flight: GaugeVec::new(),
            requests: CounterVec::new(),
            duration: HistogramVec::with_metadata(Thresholds::with_buckets(DURATION_BUCKETS)),
            received: sizes(),
            sent: sizes(),
        }
    }
}

impl Recorder for MeasuredByLabel {
    fn start(&self) {
        self.in_flight.inc(LABELS);
    }

    fn finish(&self, observation: Observation) {
        self.in_flight.dec(LABELS);
        self.requests.inc(STATUS_LABELS);
        self.duration.observe_duration(LABELS, observation.duration);
        self.received.observe(LABELS, observation.received_bytes.into());
        self.sent.observe(LABELS, observation.sent_bytes.into());
    }
}

/// `measured`: holds the identifiers of the series, which are what this crate has for handles.
pub(crate) struct Measured {
    families: MeasuredByLabel,
    in_flight: LabelId<LabelsSet>,
    requests: LabelId<StatusLabelsSet>,
    duration: LabelId<LabelsSet>,
    received: LabelId<LabelsSet>,
    sent: LabelId<LabelsSet>,
}

impl Default for Measured {
    fn default() -> Self {
        let families = MeasuredByLabel::default();
        Self {
            in_flight: families.in_flight.with_labels(LABELS),
            requests: families.requests.with_labels(STATUS_LABELS),
            duration: families.duration.with_labels(LABELS),
            received: families.received.with_labels(LABELS),
            sent: families.sent.with_labels(LABELS),
            families,
        }
    }
}

impl Recorder for Measured {
    fn start(&self) {
        self.families.in_flight.get_metric(self.in_flight).inc();
    }

    fn finish(&self, observation: Observation) {
        let families = &self.families;
        families.in_flight.get_metric(self.in_flight).dec();
        families.requests.get_metric(self.requests).inc();
        families.duration.get_metric(self.duration).observe_duration(observation.duration);
        families.received.get_metric(self.received).observe(observation.received_bytes.into());
        families.sent.get_metric(self.sent).observe(observation.sent_bytes.into());
    }
}
