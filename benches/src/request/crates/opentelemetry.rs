//! The metrics of a request, recorded with the crate `opentelemetry_sdk`.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{
    BoundCounter, BoundHistogram, BoundUpDownCounter, Counter, Histogram, MeterProvider,
    UpDownCounter,
};
use opentelemetry_sdk::metrics::SdkMeterProvider;

use super::labels::{ENDPOINT, METHOD, STATUS};
use crate::peers::{DURATION_BUCKETS, SIZE_BUCKETS, meter_provider};
use crate::request::{Observation, Recorder};

/// Limit of series per instrument; one is recorded.
const MAX_SERIES: usize = 10;

fn labels() -> [KeyValue; 2] {
    [KeyValue::new("method", METHOD), KeyValue::new("endpoint", ENDPOINT)]
}

fn status_labels() -> [KeyValue; 3] {
    let [method, endpoint] = labels();
    [method, endpoint, KeyValue::new("status", STATUS)]
}

/// `opentelemetry_sdk`: looks the series up by attributes for each request.
pub(crate) struct OpenTelemetry {
    in_flight: UpDownCounter<i64>,
    requests: Counter<u64>,
    duration: Histogram<f64>,
    received: Histogram<u64>,
    sent: Histogram<u64>,
    /// Instruments record nothing without their provider.
    _provider: SdkMeterProvider,
}

impl OpenTelemetry {
    pub(crate) fn new() -> Self {
        let (provider, _) = meter_provider(MAX_SERIES);
        let meter = provider.meter("request");
        let sizes = |name| meter.u64_histogram(name).with_boundaries(SIZE_BUCKETS.to_vec()).build();
        let duration = meter.f64_histogram("duration_seconds");
        Self {
            in_flight: meter.i64_up_down_counter("in_flight").build(),
            requests: meter.u64_counter("requests").build(),
            duration: duration.with_boundaries(DURATION_BUCKETS.to_vec()).build(),
            received: sizes("received_bytes"),
            sent: sizes("sent_bytes"),
            _provider: provider,
        }
    }
}

impl Recorder for OpenTelemetry {
    fn start(&self) {
        self.in_flight.add(1, &labels());
    }

    fn finish(&self, observation: Observation) {
        let labels = labels();
        self.in_flight.add(-1, &labels);
        self.requests.add(1, &status_labels());
        self.duration.record(observation.duration.as_secs_f64(), &labels);
        self.received.record(observation.received_bytes.into(), &labels);
        self.sent.record(observation.sent_bytes.into(), &labels);
    }
}

/// `opentelemetry_sdk`: holds instruments that are bound to their attributes.
pub(crate) struct BoundOpenTelemetry {
    in_flight: BoundUpDownCounter<i64>,
    requests: BoundCounter<u64>,
    duration: BoundHistogram<f64>,
    received: BoundHistogram<u64>,
    sent: BoundHistogram<u64>,
    _instruments: OpenTelemetry,
}

impl BoundOpenTelemetry {
    pub(crate) fn new() -> Self {
        let (instruments, labels) = (OpenTelemetry::new(), labels());
        Self {
            in_flight: instruments.in_flight.bind(&labels),
            requests: instruments.requests.bind(&status_labels()),
            duration: instruments.duration.bind(&labels),
            received: instruments.received.bind(&labels),
            sent: instruments.sent.bind(&labels),
            _instruments: instruments,
        }
    }
}

impl Recorder for BoundOpenTelemetry {
    fn start(&self) {
        self.in_flight.add(1);
    }

    fn finish(&self, observation: Observation) {
        self.in_flight.add(-1);
        self.requests.add(1);
        self.duration.record(observation.duration.as_secs_f64());
        self.received.record(observation.received_bytes.into());
        self.sent.record(observation.sent_bytes.into());
    }
}
