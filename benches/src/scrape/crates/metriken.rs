//! The page of the crate `metriken-exposition`.

use std::collections::HashMap;

use metriken::{CounterGroup, CounterHistogramGroup, DynBoxedMetric, MetricBuilder};
use metriken_exposition::{PrometheusOptions, prometheus_text};

use crate::scrape::{self, ENDPOINT, HISTOGRAMS, Kind, Store, nanoseconds};

/// With one bucket for each power of two below 2^16, there are 17 buckets.
const GROUPING_POWER: u8 = 0;
const MAX_VALUE_POWER: u8 = 16;

/// Metrics in the registry of the process, until they are dropped.
pub(crate) struct Metriken {
    failures: DynBoxedMetric<CounterGroup>,
    histograms: [DynBoxedMetric<CounterHistogramGroup>; 2],
}

/// Returns the labels of a series: the endpoint and others.
fn labels<const N: usize>(others: [(&str, String); N]) -> HashMap<String, String> {
    let all = others.into_iter().chain([("endpoint", ENDPOINT.to_owned())]);
    all.map(|(name, value)| (name.to_owned(), value)).collect()
}

impl Store for Metriken {
    fn new(kind: Kind) -> Self {
        let series = kind.series_per_metric();
        let failures = MetricBuilder::new("exceptions_total").build(CounterGroup::new(series));
        let histograms = HISTOGRAMS.map(|name| {
            let group = CounterHistogramGroup::new(series, GROUPING_POWER, MAX_VALUE_POWER);
            MetricBuilder::new(name).build(group)
        });
        match kind {
            Kind::Counters => {
                for (index, (error, status)) in scrape::failures().enumerate() {
                    let labels = labels([("exception_type", error), ("status", status)]);
                    failures.set_metadata(index, labels);
                }
            }
            Kind::Histograms => {
                for (index, (model, _)) in nanoseconds().enumerate() {
                    for group in &histograms {
                        group.set_metadata(index, labels([("model", model.clone())]));
                    }
                }
            }
        }
        Self { failures, histograms }
    }

    fn record(&self, kind: Kind) {
        match kind {
            Kind::Counters => (0..kind.series_per_metric()).for_each(|index| {
                self.failures.increment(index);
            }),
            Kind::Histograms => nanoseconds().enumerate().for_each(|(index, (_, value))| {
                for group in &self.histograms {
                    group.increment(index, value.into()).expect("the value is in range");
                }
            }),
        }
    }

    fn text(&self) -> String {
        prometheus_text(&PrometheusOptions::default())
    }
}
