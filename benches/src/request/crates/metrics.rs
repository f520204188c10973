//! The metrics of a request, recorded with the crate `metrics`.

use metrics::{counter, gauge, histogram};

use crate::request::{Observation, Recorder};

/// `metrics`: uses the macros with literal labels, from which they create keys at compile time.
pub(crate) struct MetricsMacros;

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
pub(crate) struct MetricsHandles {
    in_flight: metrics::Gauge,
    requests: metrics::Counter,
    duration: metrics::Histogram,
    received: metrics::Histogram,
    sent: metrics::Histogram,
}

impl MetricsHandles {
    pub(crate) fn new() -> Self {
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
