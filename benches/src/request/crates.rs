//! The metrics of a request, recorded with the crates `prometheus`, `prometheus-client` and
//! `metrics`.

use metrics::{counter, gauge, histogram};
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics as client;
use prometheus_client::metrics::family::Family;

use super::{Observation, Recorder};
use crate::peers::{DURATION_BUCKETS, HELP, SIZE_BUCKETS};

const METHOD: &str = "GET";
const ENDPOINT: &str = "/items/{id}";
const STATUS: &str = "200";

/// `prometheus`: looks the series up by labels for each request.
pub(super) struct PrometheusByLabel {
    in_flight: IntGaugeVec,
    requests: IntCounterVec,
    duration: HistogramVec,
    received: HistogramVec,
    sent: HistogramVec,
}

impl PrometheusByLabel {
    pub(super) fn new() -> Self {
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
pub(super) struct Prometheus {
    in_flight: IntGauge,
    requests: IntCounter,
    duration: Histogram,
    received: Histogram,
    sent: Histogram,
}

impl Prometheus {
    pub(super) fn new() -> Self {
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

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    method: &'static str,
    endpoint: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabels {
    method: &'static str,
    endpoint: &'static str,
    status: &'static str,
}

const LABELS: Labels = Labels { method: METHOD, endpoint: ENDPOINT };
const STATUS_LABELS: StatusLabels =
    StatusLabels { method: METHOD, endpoint: ENDPOINT, status: STATUS };

type MakeHistogram = fn() -> client::histogram::Histogram;

/// `prometheus-client`: looks the series up by labels for each request.
pub(super) struct PrometheusClientByLabel {
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
pub(super) struct PrometheusClient {
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

/// `metrics`: uses the macros with literal labels, from which they create keys at compile time.
pub(super) struct MetricsMacros;

impl Recorder for MetricsMacros {
    fn start(&self) {
        gauge!("in_flight", "method" => "GET", "endpoint" => "/items/{id}").increment(1.0);
    }

    fn finish(&self, observation: Observation) {
        gauge!("in_flight", "method" => "GET", "endpoint" => "/items/{id}").decrement(1.0);
        counter!("requests", "method" => "GET", "endpoint" => "/items/{id}", "status" => "200")
            .increment(1);
        histogram!("duration_seconds", "method" => "GET", "endpoint" => "/items/{id}")
            .record(observation.duration.as_secs_f64());
        histogram!("received_bytes", "method" => "GET", "endpoint" => "/items/{id}")
            .record(observation.received_bytes);
        histogram!("sent_bytes", "method" => "GET", "endpoint" => "/items/{id}")
            .record(observation.sent_bytes);
    }
}

/// `metrics`: holds handles of the series.
pub(super) struct MetricsHandles {
    in_flight: metrics::Gauge,
    requests: metrics::Counter,
    duration: metrics::Histogram,
    received: metrics::Histogram,
    sent: metrics::Histogram,
}

impl MetricsHandles {
    pub(super) fn new() -> Self {
        Self {
            in_flight: gauge!("in_flight", "method" => "GET", "endpoint" => "/items/{id}"),
            requests: counter!(
                "requests",
                "method" => "GET",
                "endpoint" => "/items/{id}",
                "status" => "200"
            ),
            duration: histogram!(
                "duration_seconds",
                "method" => "GET",
                "endpoint" => "/items/{id}"
            ),
            received: histogram!("received_bytes", "method" => "GET", "endpoint" => "/items/{id}"),
            sent: histogram!("sent_bytes", "method" => "GET", "endpoint" => "/items/{id}"),
        }
    }
}

impl Recorder for MetricsHandles {
    fn start(&self) {
        self.in_flight.increment(1.0);
    }

    fn finish(&self, observation: Observation) {
        self.in_flight.decrement(1.0);
        self.requests.increment(1);
        self.duration.record(observation.duration.as_secs_f64());
        self.received.record(observation.received_bytes);
        self.sent.record(observation.sent_bytes);
    }
}
