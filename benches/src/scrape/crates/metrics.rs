//! The page of the crate `metrics-exporter-prometheus`.

use metrics::{counter, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};

use crate::peers::GAP_BUCKETS;
use crate::scrape::{ENDPOINT, HISTOGRAMS, Kind, Store, failures, observations};

pub(crate) struct MetricsExporter(PrometheusRecorder);

impl Store for MetricsExporter {
    fn new(_: Kind) -> Self {
        let builder = HISTOGRAMS.iter().fold(PrometheusBuilder::new(), |builder, name| {
            let buckets =
                builder.set_buckets_for_metric(Matcher::Full((*name).to_owned()), &GAP_BUCKETS);
            buckets.expect("the list of buckets is not empty")
        });
        Self(builder.build_recorder())
    }

    fn record(&self, kind: Kind) {
        metrics::with_local_recorder(&self.0, || match kind {
            Kind::Counters => failures().for_each(|(error, status)| {
                let counter = counter!(
                    "exceptions_total",
                    "endpoint" => ENDPOINT,
                    "exception_type" => error,
                    "status" => status
                );
                counter.increment(1);
            }),
            Kind::Histograms => observations().for_each(|(model, value)| {
                for name in HISTOGRAMS {
                    let histogram =
                        histogram!(name, "endpoint" => ENDPOINT, "model" => model.clone());
                    histogram.record(value);
                }
            }),
        });
        self.0.handle().run_upkeep();
    }

    fn text(&self) -> String {
        self.0.handle().render()
    }
}
