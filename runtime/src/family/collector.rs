//! The families as a collector of a `prometheus` registry.

use std::cell::Cell;
use std::ptr;
use std::sync::Arc;

use prometheus::core::{Collector, Desc};
use prometheus::proto;

use super::primitives::float;
use super::snapshot::{HistogramSnapshot, Labels, SeriesSink, SeriesValue};
use super::{AnyFamily, Families};

thread_local! {
    /// The families that whoever gathers on this thread writes out by themselves.
    static WRITTEN: Cell<*const Families> = const { Cell::new(ptr::null()) };
}

/// Gathers what is in a registry beside these families.
pub(crate) fn elsewhere<R>(families: &Families, gather: impl FnOnce() -> R) -> R {
    struct Restore(*const Families);
    impl Drop for Restore {
        fn drop(&mut self) {
            WRITTEN.set(self.0);
        }
    }
    let _restore = Restore(WRITTEN.replace(families));
    gather()
}

/// Whether these families are being written on this thread, and the rest gathered.
pub(crate) fn is_gathered(families: &Families) -> bool {
    ptr::eq(WRITTEN.get(), families)
}

/// The families as one collector.
pub(crate) struct FamilyCollector {
    families: Arc<Families>,
    /// Names that nobody else may take: those of a histogram's samples, and of a counter in `OpenMetrics`.
    reserved: Vec<Desc>,
}

impl FamilyCollector {
    pub(crate) fn new(families: Arc<Families>) -> prometheus::Result<Self> {
        let reserved = families.each().flat_map(samples).collect::<Result<_, _>>()?;
        Ok(Self { families, reserved })
    }
}

/// The names of a family's samples, where they are not its own.
fn samples(family: &dyn AnyFamily) -> impl Iterator<Item = prometheus::Result<Desc>> {
    let desc = family.desc();
    let names = match family.kind() {
        proto::MetricType::HISTOGRAM => {
            ["_bucket", "_count", "_sum"].map(|suffix| format!("{}{suffix}", desc.fq_name)).into()
        }
        proto::MetricType::COUNTER => {
            let name = desc.fq_name.strip_suffix("_total");
            name.map(|name| vec![name.to_owned()]).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    // Of a counter of this name OpenMetrics would show the same family.
    let counter = match family.kind() {
        proto::MetricType::COUNTER => None,
        _ => Some(format!("{}_total", desc.fq_name)),
    };
    let constant = desc.const_label_pairs.iter();
    let constant = constant.map(|pair| (pair.name().to_owned(), pair.value().to_owned()));
    let constant: std::collections::HashMap<_, _> = constant.collect();
    names
        .into_iter()
        .chain(counter)
        .map(move |name| Desc::new(name, desc.help.clone(), Vec::new(), constant.clone()))
}

impl Collector for FamilyCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.families.each().map(AnyFamily::desc).chain(&self.reserved).collect()
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        if is_gathered(&self.families) {
            return Vec::new();
        }
        self.families.each().map(collect).collect()
    }
}

fn collect(family: &dyn AnyFamily) -> proto::MetricFamily {
    let mut metrics = Metrics(Vec::new());
    family.visit(None, &mut metrics);
    let desc = family.desc();
    let mut collected = proto::MetricFamily::default();
    collected.set_name(desc.fq_name.clone());
    collected.set_help(desc.help.clone());
    collected.set_field_type(family.kind());
    collected.set_metric(metrics.0);
    collected
}

/// The series of a family in the interchange form.
struct Metrics(Vec<proto::Metric>);

impl SeriesSink for Metrics {
    fn series(&mut self, labels: &Labels<'_>, reading: SeriesValue<'_>) {
        let constant = labels.constant().pairs.iter();
        let constant = constant.map(|(name, value)| (&**name, &**value));
        let pairs = constant.chain(labels.variable()).map(|(name, value)| pair(name, value));
        let mut metric = proto::Metric::from_label(pairs.collect());
        match reading {
            SeriesValue::Whole(value) => metric.set_counter(counter(float(value))),
            SeriesValue::Float(value) => metric.set_counter(counter(value)),
            SeriesValue::Level(value) => {
                let mut gauge = proto::Gauge::default();
                gauge.set_value(float(value));
                metric.set_gauge(gauge);
            }
            SeriesValue::Histogram(reading) => metric.set_histogram(histogram(&reading)),
        }
        self.0.push(metric);
    }
}

fn pair(name: &str, value: &str) -> proto::LabelPair {
    let mut pair = proto::LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}

fn counter(value: f64) -> proto::Counter {
    let mut counter = proto::Counter::default();
    counter.set_value(value);
    counter
}

fn histogram(reading: &HistogramSnapshot<'_>) -> proto::Histogram {
    let bounds = reading.bounds.values.iter().copied().chain([f64::INFINITY]);
    let buckets = bounds.zip(reading.cumulative).map(|(bound, count)| {
        let mut bucket = proto::Bucket::default();
        bucket.set_upper_bound(bound);
        bucket.set_cumulative_count(*count);
        bucket
    });
    let mut histogram = proto::Histogram::default();
    histogram.set_sample_count(reading.count);
    histogram.set_sample_sum(reading.sum);
    histogram.set_bucket(buckets.collect());
    histogram
}
