//! The metrics of a request, recorded with the crate `prometheus-client`.

use prometheus_client::metrics as client;
use prometheus_client::metrics::family::Family;

use super::labels::{LABELS, Labels, STATUS_LABELS, StatusLabels};
use crate::peers::{DURATION_BUCKETS, SIZE_BUCKETS};
use crate::request::{Observation, Recorder};

type MakeHistogram = fn() -> client::histogram::Histogram;

/// `prometheus-client`: looks the series up by labels for each request.
pub(crate) struct PrometheusClientByLabel {
    in_flight: Family<Labels, client::gauge::Gauge>,
    requests: Family<StatusLabels, client::counter::Counter>,
    duration: Family<Labels, client::histogram::Histogram, MakeHistogram>,
    received: Family<Labels, client::histogram::Histogram, MakeHistogram>,
    sent: Family<Labels, client::histogram::Histogram, MakeHistogram>,
}

impl Default for PrometheusClientByLabel {
    fn default() -> Self {
        let sizes: MakeHistogram = || client::histogram::Histogram::new(SIZE_BUCKETS);
        let seconds: MakeHistogram = || client::histogram::Histogram::new(DURATION_BUCKETS);
        Self {
            in_flight: Family::default(),
            requests: Family::default(),
            duration: Family::new_with_constructor(seconds),
            received: Family::new_with_constructor(sizes),
            sent: Family::new_with_constructor(sizes),
        }
    }
}

impl Recorder for PrometheusClientByLabel {
    fn start(&self) {
        self.in_flight.get_or_create(&LABELS).inc();
    }

    fn finish(&self, observation: Observation) {
        self.in_flight.get_or_create(&LABELS).dec();
        self.requests.get_or_create(&STATUS_LABELS).inc();
        self.duration.get_or_create(&LABELS).observe(observation.duration.as_secs_f64());
        self.received.get_or_create(&LABELS).observe(observation.received_bytes.into());
        self.sent.get_or_create(&LABELS).observe(observation.sent_bytes.into());
    }
}

/// `prometheus-client`: holds handles of the series.
pub(crate) struct PrometheusClient {
    in_flight: client::gauge::Gauge,
    requests: client::counter::Counter,
    duration: client::histogram::Histogram,
    received: client::histogram::Histogram,
    sent: client::histogram::Histogram,
}

impl Default for PrometheusClient {
    fn default() -> Self {
        let families = PrometheusClientByLabel::default();
        Self {
            in_flight: families.in_flight.get_or_create_owned(&LABELS),
            requests: families.requests.get_or_create_owned(&STATUS_LABELS),
            duration: families.duration.get_or_create_owned(&LABELS),
            received: families.received.get_or_create_owned(&LABELS),
            sent: families.sent.get_or_create_owned(&LABELS),
        }
    }
}

impl Recorder for PrometheusClient {
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
