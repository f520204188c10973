//! The page of the crate `fastmetrics`.

use fastmetrics::format::text::{self, TextProfile};
use fastmetrics::metrics::counter::Counter;
use fastmetrics::metrics::family::Family;
use fastmetrics::metrics::histogram::Histogram;
use fastmetrics::registry::Registry;

use super::labels::{FailureLabels, ModelLabels};
use crate::peers::{GAP_BUCKETS, HELP};
use crate::scrape::{HISTOGRAMS, Kind, Store};

pub(crate) struct FastMetrics {
    registry: Registry,
    failures: Family<FailureLabels, Counter>,
    histograms: [Family<ModelLabels, Histogram>; 2],
}

impl Store for FastMetrics {
    fn new(_: Kind) -> Self {
        let mut registry = Registry::default();
        let failures = Family::default();
        registry.register("exceptions_total", HELP, failures.clone()).expect("the name is free");
        let histograms = HISTOGRAMS.map(|name| {
            let family = Family::new(|| Histogram::new(GAP_BUCKETS));
            registry.register(name, HELP, family.clone()).expect("the name is free");
            family
        });
        Self { registry, failures, histograms }
    }

    fn record(&self, kind: Kind) {
        match kind {
            Kind::Counters => FailureLabels::all().for_each(|labels| {
                self.failures.with_or_new(&labels, Counter::inc);
            }),
            Kind::Histograms => ModelLabels::all().for_each(|(labels, value)| {
                for family in &self.histograms {
                    family.with_or_new(&labels, |histogram| histogram.observe(value));
                }
            }),
        }
    }

    fn text(&self) -> String {
        let mut page = String::new();
        let encoded = text::encode(&mut page, &self.registry, TextProfile::PrometheusV0_0_4);
        encoded.expect("the page can be encoded");
        page
    }
}
