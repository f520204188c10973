//! The page of the crate `opentelemetry-prometheus`.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, MeterProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Registry, TextEncoder};

use crate::peers::{GAP_BUCKETS, HELP, meter_provider};
use crate::scrape::{ENDPOINT, HISTOGRAMS, Kind, Store, failures, observations};

pub(crate) struct OpenTelemetry {
    registry: Registry,
    failures: Counter<u64>,
    histograms: [Histogram<f64>; 2],
    /// Instruments record nothing without their provider.
    _provider: SdkMeterProvider,
}

impl Store for OpenTelemetry {
    fn new(kind: Kind) -> Self {
        let (provider, registry) = meter_provider(kind.series_per_metric());
        let meter = provider.meter("scrape");
        let histograms = HISTOGRAMS.map(|name| {
            let histogram = meter.f64_histogram(name).with_description(HELP);
            histogram.with_boundaries(GAP_BUCKETS.to_vec()).build()
        });
        let failures = meter.u64_counter("exceptions").with_description(HELP).build();
        Self { registry, failures, histograms, _provider: provider }
    }

    fn record(&self, kind: Kind) {
        let endpoint = || KeyValue::new("endpoint", ENDPOINT);
        match kind {
            Kind::Counters => failures().for_each(|(error, status)| {
                let error = KeyValue::new("exception_type", error);
                self.failures.add(1, &[endpoint(), error, KeyValue::new("status", status)]);
            }),
            Kind::Histograms => observations().for_each(|(model, value)| {
                let labels = [endpoint(), KeyValue::new("model", model)];
                for histogram in &self.histograms {
                    histogram.record(value, &labels);
                }
            }),
        }
    }

    fn text(&self) -> String {
        let page = TextEncoder::new().encode_to_string(&self.registry.gather());
        page.expect("the page can be encoded")
    }
}
