//! The metrics of a request, recorded with the crate `fastmetrics`.

use fastmetrics::metrics::counter::Counter;
use fastmetrics::metrics::family::Family;
use fastmetrics::metrics::gauge::Gauge;
use fastmetrics::metrics::histogram::Histogram;

use super::labels::{LABELS, Labels, STATUS_LABELS, StatusLabels};
use crate::peers::{DURATION_BUCKETS, SIZE_BUCKETS};
use crate::request::{Observation, Recorder};

/// `fastmetrics`: looks the series up by labels for each request.
pub(crate) struct FastMetricsByLabel {
    in_flight: Family<Labels, Gauge>,
    requests: Family<StatusLabels, Counter>,
    duration: Family<Labels, Histogram>,
    received: Family<Labels, Histogram>,
    sent: Family<Labels, Histogram>,
}

impl Default for FastMetricsByLabel {
    fn default() -> Self {
        let sizes = || Family::new(|| Histogram::new(SIZE_BUCKETS));
        Self {
            in_flight: Family::default(),
            requests: Family::default(),
            duration: Family::new(|| Histogram::new(DURATION_BUCKETS)),
            received: sizes(),
            sent: sizes(),
        }
    }
}

impl Recorder for FastMetricsByLabel {
    fn start(&self) {
        self.in_flight.with_or_new(&LABELS, Gauge::inc);
    }

    fn finish(&self, observation: Observation) {
        let record = |family: &Family<_, Histogram>, value: f64| {
            family.with_or_new(&LABELS, |histogram| histogram.observe(value));
        };
        self.in_flight.with_or_new(&LABELS, Gauge::dec);
        self.requests.with_or_new(&STATUS_LABELS, Counter::inc);
        record(&self.duration, observation.duration.as_secs_f64());
        record(&self.received, observation.received_bytes.into());
        record(&self.sent, observation.sent_bytes.into());
    }
}

/// `fastmetrics`: holds handles of the series.
pub(crate) struct FastMetrics {
    in_flight: Gauge,
    requests: Counter,
    duration: Histogram,
    received: Histogram,
    sent: Histogram,
}

impl Default for FastMetrics {
    fn default() -> Self {
        let families = FastMetricsByLabel::default();
        Self {
            in_flight: families.in_flight.with_or_new(&LABELS, Clone::clone),
            requests: families.requests.with_or_new(&STATUS_LABELS, Clone::clone),
            duration: families.duration.with_or_new(&LABELS, Clone::clone),
            received: families.received.with_or_new(&LABELS, Clone::clone),
            sent: families.sent.with_or_new(&LABELS, Clone::clone),
        }
    }
}

impl Recorder for FastMetrics {
    fn start(&self) {
        self.in_flight.inc();
    }

    fn finish(&self, observation: Observation) {
        self.in_flight.dec();
        self.requests.inc();
        self.duration.observe(observation.duration.as_secs_f64());
        self.received.observe(observation.received_bytes.into());
        self.sent.observe(observation.sent_bytes.into());
    }
}
