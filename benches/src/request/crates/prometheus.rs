//! The metrics of a request, recorded with the crate `prometheus`.

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
};

use super::labels::{ENDPOINT, METHOD, STATUS};
use crate::peers::{DURATION_BUCKETS, HELP, SIZE_BUCKETS};
use crate::request::{Observation, Recorder};

/// `prometheus`: looks the series up by labels for each request.
pub(crate) struct PrometheusByLabel {
    in_flight: IntGaugeVec,
    requests: IntCounterVec,
    duration: HistogramVec,
    received: HistogramVec,
    sent: HistogramVec,
}

impl PrometheusByLabel {
    pub(crate) fn new() -> Self {
        let labels = &["method", "endpoint"];
        let histogram = |name: &str, bounds: &[f64]| {
            let options = HistogramOpts::new(name, HELP).buckets(bounds.to_vec());
            HistogramVec::new(options, labels).expect("name and buckets are valid")
        };
        let options = |name: &str| Opts::new(name, HELP);
        let requests = IntCounterVec::new(options("requests"), &["method", "endpoint", "status"]);
        Self {
            in_flight: IntGaugeVec::new(options("in_flight"), labels).expect("the name is valid"),
            requests: requests.expect("the name is valid"),
            duration: histogram("duration_seconds", &DURATION_BUCKETS),
            received: histogram("received_bytes", &SIZE_BUCKETS),
            sent: histogram("sent_bytes", &SIZE_BUCKETS),
        }
    }
}

impl Recorder for PrometheusByLabel {
    fn start(&self) {
        self.in_flight.with_label_values(&[METHOD, ENDPOINT]).inc();
    }

    fn finish(&self, observation: Observation) {
        let labels = &[METHOD, ENDPOINT];
        self.in_flight.with_label_values(labels).dec();
        self.requests.with_label_values(&[METHOD, ENDPOINT, STATUS]).inc();
        self.duration.with_label_values(labels).observe(observation.duration.as_secs_f64());
        self.received.with_label_values(labels).observe(observation.received_bytes.into());
        self.sent.with_label_values(labels).observe(observation.sent_bytes.into());
    }
}

/// `prometheus`: holds handles of the series.
pub(crate) struct Prometheus {
    in_flight: IntGauge,
    requests: IntCounter,
    duration: Histogram,
    received: Histogram,
    sent: Histogram,
}

impl Prometheus {
    pub(crate) fn new() -> Self {
        let families = PrometheusByLabel::new();
        let labels = &[METHOD, ENDPOINT];
        Self {
            in_flight: families.in_flight.with_label_values(labels),
            requests: families.requests.with_label_values(&[METHOD, ENDPOINT, STATUS]),
            duration: families.duration.with_label_values(labels),
            received: families.received.with_label_values(labels),
            sent: families.sent.with_label_values(labels),
        }
    }
}

impl Recorder for Prometheus {
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
