//! The page of the crate `prometheus-client`.

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::labels::{FailureLabels, ModelLabels};
use crate::peers::{GAP_BUCKETS, HELP};
use crate::scrape::{HISTOGRAMS, Kind, Store};

type HistogramFamily = Family<ModelLabels, Histogram, fn() -> Histogram>;

pub(crate) struct PrometheusClient {
    registry: Registry,
    failures: Family<FailureLabels, Counter>,
    histograms: [HistogramFamily; 2],
}

impl Store for PrometheusClient {
    fn new(_: Kind) -> Self {
        let mut registry = Registry::default();
        let failures = Family::default();
        registry.register("exceptions", HELP, failures.clone());
        let histograms = HISTOGRAMS.map(|name| {
            let make: fn() -> Histogram = || Histogram::new(GAP_BUCKETS);
            let family = Family::new_with_constructor(make);
            registry.register(name, HELP, family.clone());
            family
        });
        Self { registry, failures, histograms }
    }

    fn record(&self, kind: Kind) {
        match kind {
            Kind::Counters => FailureLabels::all().for_each(|labels| {
                self.failures.get_or_create(&labels).inc();
            }),
            Kind::Histograms => ModelLabels::all().for_each(|(labels, value)| {
                for family in &self.histograms {
                    family.get_or_create(&labels).observe(value);
                }
            }),
        }
    }

    fn text(&self) -> String {
        let mut page = String::new();
        text::encode(&mut page, &self.registry).expect("the page can be encoded");
        page
    }
}
