//! The same metrics by hand with the crates that there are.

use metrics::{counter, gauge, histogram};
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics as client;
use prometheus_client::metrics::family::Family;

use super::{Record, Seen};
use crate::peers::{BYTES, SECONDS};

const METHOD: &str = "GET";
const ENDPOINT: &str = "/items/{id}";
const STATUS: &str = "200";

/// `prometheus`, with its series looked up at every request.
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
            let options = HistogramOpts::new(name, "What its name says.").buckets(bounds.to_vec());
            HistogramVec::new(options, labels).expect("name and buckets are valid")
        };
        let options = |name: &str| Opts::new(name, "What its name says.");
        let requests = IntCounterVec::new(options("requests"), &["method", "endpoint", "status"]);
        Self {
            in_flight: IntGaugeVec::new(options("in_flight"), labels).expect("the name is valid"),
            requests: requests.expect("the name is valid"),
            duration: histogram("duration_seconds", &SECONDS),
            received: histogram("received_bytes", &BYTES),
            sent: histogram("sent_bytes", &BYTES),
        }
    }
}

impl Record for PrometheusByLabel {
    fn enter(&self) {
        self.in_flight.with_label_values(&[METHOD, ENDPOINT]).inc();
    }

    fn leave(&self, seen: Seen) {
        let labels = &[METHOD, ENDPOINT];
        self.in_flight.with_label_values(labels).dec();
        self.requests.with_label_values(&[METHOD, ENDPOINT, STATUS]).inc();
        self.duration.with_label_values(labels).observe(seen.took.as_secs_f64());
        self.received.with_label_values(labels).observe(seen.received.into());
        self.sent.with_label_values(labels).observe(seen.sent.into());
    }
}

/// `prometheus`, with its series at hand.
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

impl Record for Prometheus {
    fn enter(&self) {
        self.in_flight.inc();
    }

    fn leave(&self, seen: Seen) {
        self.in_flight.dec();
        self.requests.inc();
        self.duration.observe(seen.took.as_secs_f64());
        self.received.observe(seen.received.into());
        self.sent.observe(seen.sent.into());
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

/// `prometheus-client`, with its series looked up at every request.
pub(super) struct ClientByLabel {
    in_flight: Family<Labels, client::gauge::Gauge>,
    requests: Family<StatusLabels, client::counter::Counter>,
    duration: Family<Labels, client::histogram::Histogram, MakeHistogram>,
    received: Family<Labels, client::histogram::Histogram, MakeHistogram>,
    sent: Family<Labels, client::histogram::Histogram, MakeHistogram>,
}

impl Default for ClientByLabel {
    fn default() -> Self {
        let sizes: MakeHistogram = || client::histogram::Histogram::new(BYTES);
        let seconds: MakeHistogram = || client::histogram::Histogram::new(SECONDS);
        Self {
            in_flight: Family::default(),
            requests: Family::default(),
            duration: Family::new_with_constructor(seconds),
            received: Family::new_with_constructor(sizes),
            sent: Family::new_with_constructor(sizes),
        }
    }
}

impl Record for ClientByLabel {
    fn enter(&self) {
        self.in_flight.get_or_create(&LABELS).inc();
    }

    fn leave(&self, seen: Seen) {
        self.in_flight.get_or_create(&LABELS).dec();
        self.requests.get_or_create(&STATUS_LABELS).inc();
        self.duration.get_or_create(&LABELS).observe(seen.took.as_secs_f64());
        self.received.get_or_create(&LABELS).observe(seen.received.into());
        self.sent.get_or_create(&LABELS).observe(seen.sent.into());
    }
}

/// `prometheus-client`, with its series at hand.
pub(super) struct Client {
    in_flight: client::gauge::Gauge,
    requests: client::counter::Counter,
    duration: client::histogram::Histogram,
    received: client::histogram::Histogram,
    sent: client::histogram::Histogram,
}

impl Default for Client {
    fn default() -> Self {
        let families = ClientByLabel::default();
        Self {
            in_flight: families.in_flight.get_or_create_owned(&LABELS),
            requests: families.requests.get_or_create_owned(&STATUS_LABELS),
            duration: families.duration.get_or_create_owned(&LABELS),
            received: families.received.get_or_create_owned(&LABELS),
            sent: families.sent.get_or_create_owned(&LABELS),
        }
    }
}

impl Record for Client {
    fn enter(&self) {
        self.in_flight.inc();
    }

    fn leave(&self, seen: Seen) {
        self.in_flight.dec();
        self.requests.inc();
        self.duration.observe(seen.took.as_secs_f64());
        self.received.observe(seen.received.into());
        self.sent.observe(seen.sent.into());
    }
}

/// The macros of `metrics`, with literal labels: of those a key is made at compile time.
pub(super) struct Macros;

impl Record for Macros {
    fn enter(&self) {
        gauge!("in_flight", "method" => "GET", "endpoint" => "/items/{id}").increment(1.0);
    }

    fn leave(&self, seen: Seen) {
        gauge!("in_flight", "method" => "GET", "endpoint" => "/items/{id}").decrement(1.0);
        counter!("requests", "method" => "GET", "endpoint" => "/items/{id}", "status" => "200")
            .increment(1);
        histogram!("duration_seconds", "method" => "GET", "endpoint" => "/items/{id}")
            .record(seen.took.as_secs_f64());
        histogram!("received_bytes", "method" => "GET", "endpoint" => "/items/{id}")
            .record(seen.received);
        histogram!("sent_bytes", "method" => "GET", "endpoint" => "/items/{id}").record(seen.sent);
    }
}

/// `metrics`, with its series at hand.
pub(super) struct MacroHandles {
    in_flight: metrics::Gauge,
    requests: metrics::Counter,
    duration: metrics::Histogram,
    received: metrics::Histogram,
    sent: metrics::Histogram,
}

impl MacroHandles {
    pub(super) fn new() -> Self {
        Self {
            in_flight: gauge!("in_flight", "method" => "GET", "endpoint" => "/items/{id}"),
            requests: counter!("requests", "method" => "GET", "endpoint" => "/items/{id}", "status" => "200"),
            duration: histogram!("duration_seconds", "method" => "GET", "endpoint" => "/items/{id}"),
            received: histogram!("received_bytes", "method" => "GET", "endpoint" => "/items/{id}"),
            sent: histogram!("sent_bytes", "method" => "GET", "endpoint" => "/items/{id}"),
        }
    }
}

impl Record for MacroHandles {
    fn enter(&self) {
        self.in_flight.increment(1.0);
    }

    fn leave(&self, seen: Seen) {
        self.in_flight.decrement(1.0);
        self.requests.increment(1);
        self.duration.record(seen.took.as_secs_f64());
        self.received.record(seen.received);
        self.sent.record(seen.sent);
    }
}
