//! Families of the registry that are not ours.

use std::collections::BTreeSet;
use std::slice;

use prometheus::TextEncoder;
use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};

use super::text::{Value, Writer};
use crate::metrics::{is_label_name, is_metric_name};

/// Whether a scraper can read a family.
pub(super) fn is_readable(family: &MetricFamily) -> bool {
    let wrong = if is_metric_name(family.name()) {
        family.get_metric().iter().find_map(|metric| wrong_label(metric.get_label()))
    } else {
        Some("its name is none")
    };
    if let Some(wrong) = wrong {
        leave_out(family.name(), wrong);
    }
    wrong.is_none()
}

pub(super) fn leave_out(family: &str, reason: &str) {
    tracing::warn!(
        target: "streamgauge",
        family,
        reason,
        "another collector's family was left out of the page"
    );
}

fn wrong_label(labels: &[LabelPair]) -> Option<&'static str> {
    let mut names = BTreeSet::new();
    labels.iter().find_map(|label| {
        if !is_label_name(label.name()) {
            Some("the name of a label is none")
        } else if !names.insert(label.name()) {
            Some("a label comes twice")
        } else {
            None
        }
    })
}

/// Writes a family in the interchange form. What is gathered has the registry's own labels already.
pub(super) fn write_other(writer: &mut Writer, family: &MetricFamily) {
    let kind = family.get_field_type();
    let mut scalars = scalars(family).into_iter();
    for metric in family.get_metric() {
        writer.other_labels(metric.get_label().iter().map(|pair| (pair.name(), pair.value())));
        match kind {
            MetricType::COUNTER | MetricType::GAUGE => {
                let value = scalars.next().unwrap_or(f64::NAN);
                if kind == MetricType::GAUGE || writer.knows(value) {
                    writer.sample("", None, Value::Float(value));
                }
            }
            // The crate has no such metrics of its own, nor a way to read one.
            MetricType::UNTYPED => {}
            MetricType::SUMMARY => write_summary(writer, metric),
            MetricType::HISTOGRAM => write_histogram(writer, metric),
        }
    }
}

/// The values of counters and gauges. An application decides by a feature of `prometheus` how the interchange
/// form is made, and only the encoder reads them in both.
fn scalars(family: &MetricFamily) -> Vec<f64> {
    if !matches!(family.get_field_type(), MetricType::COUNTER | MetricType::GAUGE) {
        return Vec::new();
    }
    let text = TextEncoder::new().encode_to_string(slice::from_ref(family)).unwrap_or_default();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let values = samples.zip(family.get_metric()).map(|(sample, metric)| {
        // A timestamp stands behind the value.
        let from_the_end = usize::from(metric.timestamp_ms() != 0);
        sample.rsplit(' ').nth(from_the_end).and_then(|value| value.parse().ok())
    });
    values.map(|value: Option<f64>| value.unwrap_or(f64::NAN)).collect()
}

fn write_summary(writer: &mut Writer, metric: &Metric) {
    let summary = metric.get_summary();
    for quantile in summary.get_quantile() {
        let at = writer.bound(quantile.quantile());
        writer.sample("", Some(("quantile", &at)), Value::Float(quantile.value()));
    }
    writer.sample("_sum", None, Value::Float(summary.sample_sum()));
    writer.sample("_count", None, Value::Whole(summary.sample_count()));
}

fn write_histogram(writer: &mut Writer, metric: &Metric) {
    let histogram = metric.get_histogram();
    let finite = histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite());
    for bucket in finite {
        let bound = writer.bound(bucket.upper_bound());
        let count = Value::Whole(bucket.cumulative_count());
        writer.sample("_bucket", Some(("le", &bound)), count);
    }
    let count = histogram.get_sample_count();
    writer.sample("_bucket", Some(("le", "+Inf")), Value::Whole(count));
    let sum = histogram.get_sample_sum();
    if writer.knows(sum) {
        writer.sample("_sum", None, Value::Float(sum));
        writer.sample("_count", None, Value::Whole(count));
    }
}
