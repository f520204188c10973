//! The families as a collector in a `prometheus` registry.
//!
//! The crate's own pages do not use the collector: they encode the families directly, and gather
//! only the other collectors of the registry.

use std::cell::Cell;
use std::collections::HashMap;
use std::ptr;

use prometheus::core::{Collector, Desc};
use prometheus::proto;

use super::primitives::to_f64;
use super::snapshot::{HistogramSnapshot, SeriesLabels, SeriesSink, SeriesValue};
use super::store::AnyFamily;
use super::table::{Families, FamilyGroup};

thread_local! {
    /// The families whose collector returns nothing on this thread.
    static EXCLUDED: Cell<*const Families> = const { Cell::new(ptr::null()) };
}

/// Runs `gather` while the collector of these families returns nothing on this thread, so that a
/// registry is gathered without them.
pub(crate) fn exclude_while<R>(families: &Families, gather: impl FnOnce() -> R) -> R {
    struct Restore(*const Families);
    impl Drop for Restore {
        fn drop(&mut self) {
            EXCLUDED.set(self.0);
        }
    }
    let _restore = Restore(EXCLUDED.replace(families));
    gather()
}

/// Returns whether this thread is inside [`exclude_while`] for these families.
pub(crate) fn are_excluded(families: &Families) -> bool {
    ptr::eq(EXCLUDED.get(), families)
}

/// The families of one group of an instance, as one collector.
pub(crate) struct FamilyCollector {
    families: &'static Families,
    group: FamilyGroup,
    /// Names that no other collector may register, because samples of the families have them.
    reserved: Vec<Desc>,
}

impl FamilyCollector {
    pub(crate) fn new(families: &'static Families, group: FamilyGroup) -> prometheus::Result<Self> {
        let reserved = families.in_group(group).flat_map(reserved_names);
        let reserved = reserved.collect::<Result<_, _>>()?;
        Ok(Self { families, group, reserved })
    }
}

/// Returns the names besides the family's own that would collide with samples of the family.
fn reserved_names(family: &dyn AnyFamily) -> impl Iterator<Item = prometheus::Result<Desc>> {
    let desc = family.desc();
    let sample_names = match family.metric_type() {
        proto::MetricType::HISTOGRAM => {
            ["_bucket", "_count", "_sum"].map(|suffix| format!("{}{suffix}", desc.fq_name)).into()
        }
        // OpenMetrics names a counter family without the suffix.
        proto::MetricType::COUNTER => {
            let name = desc.fq_name.strip_suffix("_total");
            name.map(|name| vec![name.to_owned()]).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    // OpenMetrics would give a counter with this name the same family name.
    let counter_name = match family.metric_type() {
        proto::MetricType::COUNTER => None,
        _ => Some(format!("{}_total", desc.fq_name)),
    };
    let const_labels: HashMap<_, _> = desc
        .const_label_pairs
        .iter()
        .map(|pair| (pair.name().to_owned(), pair.value().to_owned()))
        .collect();
    sample_names
        .into_iter()
        .chain(counter_name)
        .map(move |name| Desc::new(name, desc.help.clone(), Vec::new(), const_labels.clone()))
}

impl Collector for FamilyCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.families.in_group(self.group).map(AnyFamily::desc).chain(&self.reserved).collect()
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        if are_excluded(self.families) {
            return Vec::new();
        }
        self.families.in_group(self.group).map(collect).collect()
    }
}

fn collect(family: &dyn AnyFamily) -> proto::MetricFamily {
    let mut sink = ProtoSink(Vec::new());
    family.write_series(None, &mut sink);
    let desc = family.desc();
    let mut collected = proto::MetricFamily::default();
    collected.set_name(desc.fq_name.clone());
    collected.set_help(desc.help.clone());
    collected.set_field_type(family.metric_type());
    collected.set_metric(sink.0);
    collected
}

/// Converts series to the types that a registry gathers.
struct ProtoSink(Vec<proto::Metric>);

impl SeriesSink for ProtoSink {
    fn series(&mut self, labels: &SeriesLabels<'_>, value: SeriesValue<'_>) {
        let const_labels = labels.const_labels().pairs.iter();
        let const_labels = const_labels.map(|(name, value)| (&**name, &**value));
        let pairs = const_labels.chain(labels.variable()).map(|(name, value)| pair(name, value));
        let mut metric = proto::Metric::from_label(pairs.collect());
        match value {
            SeriesValue::Counter(value) => metric.set_counter(counter(to_f64(value))),
            SeriesValue::FloatCounter(value) => metric.set_counter(counter(value)),
            SeriesValue::Gauge(value) => {
                let mut gauge = proto::Gauge::default();
                gauge.set_value(to_f64(value));
                metric.set_gauge(gauge);
            }
            SeriesValue::Histogram(snapshot) => metric.set_histogram(histogram(&snapshot)),
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

fn histogram(snapshot: &HistogramSnapshot<'_>) -> proto::Histogram {
    let bounds = snapshot.bounds.values.iter().copied().chain([f64::INFINITY]);
    let buckets = bounds.zip(snapshot.cumulative).map(|(bound, count)| {
        let mut bucket = proto::Bucket::default();
        bucket.set_upper_bound(bound);
        bucket.set_cumulative_count(*count);
        bucket
    });
    let mut histogram = proto::Histogram::default();
    histogram.set_sample_count(snapshot.count);
    histogram.set_sample_sum(snapshot.sum);
    histogram.set_bucket(buckets.collect());
    histogram
}
