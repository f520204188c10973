//! The page of the crate `measured`.

use measured::lasso::ThreadedRodeo;
use measured::metric::MetricFamilyEncoding;
use measured::metric::histogram::Thresholds;
use measured::metric::name::MetricName;
use measured::text::BufferedTextEncoder;
use measured::{CounterVec, HistogramVec, LabelGroup};

use crate::peers::GAP_BUCKETS;
use crate::scrape::{ENDPOINT, HISTOGRAMS, Kind, Store, failures, observations};

#[derive(LabelGroup)]
#[label(set = FailureLabelsSet)]
struct FailureLabels<'a> {
    #[label(dynamic_with = ThreadedRodeo, default)]
    endpoint: &'a str,
    #[label(dynamic_with = ThreadedRodeo, default)]
    exception_type: &'a str,
    #[label(dynamic_with = ThreadedRodeo, default)]
    status: &'a str,
}

#[derive(LabelGroup)]
#[label(set = ModelLabelsSet)]
struct ModelLabels<'a> {
    #[label(dynamic_with = ThreadedRodeo, default)]
    endpoint: &'a str,
    #[label(dynamic_with = ThreadedRodeo, default)]
    model: &'a str,
}

pub(crate) struct Measured {
    failures: CounterVec<FailureLabelsSet>,
    histograms: [HistogramVec<ModelLabelsSet, { GAP_BUCKETS.len() }>; 2],
}

impl Store for Measured {
    fn new(_: Kind) -> Self {
        let histograms =
            HISTOGRAMS.map(|_| HistogramVec::with_metadata(Thresholds::with_buckets(GAP_BUCKETS)));
        Self { failures: CounterVec::new(), histograms }
    }

    fn record(&self, kind: Kind) {
        match kind {
            Kind::Counters => failures().for_each(|(exception_type, status)| {
                let (exception_type, status) = (&*exception_type, &*status);
                self.failures.inc(FailureLabels { endpoint: ENDPOINT, exception_type, status });
            }),
            Kind::Histograms => observations().for_each(|(model, value)| {
                for family in &self.histograms {
                    family.observe(ModelLabels { endpoint: ENDPOINT, model: &model }, value);
                }
            }),
        }
    }

    fn text(&self) -> String {
        let mut encoder = BufferedTextEncoder::new();
        let name = MetricName::from_str("exceptions_total");
        let Ok(()) = self.failures.collect_family_into(name, &mut encoder);
        for (name, family) in HISTOGRAMS.iter().zip(&self.histograms) {
            let Ok(()) = family.collect_family_into(MetricName::from_str(name), &mut encoder);
        }
        String::from_utf8(encoder.finish().into()).expect("the page is text")
    }
}
