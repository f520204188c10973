//! The page of the crate `prometheus`.

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};

use crate::peers::{GAP_BUCKETS, HELP};
use crate::scrape::{ENDPOINT, HISTOGRAMS, Kind, Store, failures, observations};

pub(crate) struct Prometheus {
    registry: Registry,
    failures: IntCounterVec,
    histograms: [HistogramVec; 2],
}

impl Store for Prometheus {
    fn new(_: Kind) -> Self {
        let registry = Registry::new();
        let labels = &["endpoint", "exception_type", "status"];
        let failures = IntCounterVec::new(Opts::new("exceptions_total", HELP), labels);
        let failures = failures.expect("names are valid");
        registry.register(Box::new(failures.clone())).expect("the name is free");
        let histograms = HISTOGRAMS.map(|name| {
            let options = HistogramOpts::new(name, HELP).buckets(GAP_BUCKETS.to_vec());
            let family = HistogramVec::new(options, &["endpoint", "model"]);
            let family = family.expect("names and buckets are valid");
            registry.register(Box::new(family.clone())).expect("the name is free");
            family
        });
        Self { registry, failures, histograms }
    }

    fn record(&self, kind: Kind) {
        match kind {
            Kind::Counters => failures().for_each(|(error, status)| {
                self.failures.with_label_values(&[ENDPOINT, &error, &status]).inc();
            }),
            Kind::Histograms => observations().for_each(|(model, value)| {
                for family in &self.histograms {
                    family.with_label_values(&[ENDPOINT, &model]).observe(value);
                }
            }),
        }
    }

    fn text(&self) -> String {
        let page = TextEncoder::new().encode_to_string(&self.registry.gather());
        page.expect("the page can be encoded")
    }
}
