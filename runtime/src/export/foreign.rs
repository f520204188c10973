//! Families of other collectors in the same registry.

use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Registry, TextEncoder};

use super::EncodeError;
use super::text_format::{SampleValue, TextWriter};
use crate::family::{Families, are_excluded, exclude_while};
use crate::metrics::{is_label_name, is_metric_name};

/// Gathers everything in a registry except our families, which are written without gathering.
pub(super) fn gather(
    registry: &Registry,
    families: &Families,
) -> Result<Vec<MetricFamily>, EncodeError> {
    if are_excluded(families) {
        return Err(EncodeError::Nested);
    }
    // A panic leaves the registry usable: its lock does not get poisoned.
    catch_unwind(AssertUnwindSafe(|| exclude_while(families, || registry.gather())))
        .map_err(|panic| EncodeError::CollectorPanicked { message: panic_message(&*panic) })
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "the panic has no message".to_owned())
}

/// Returns whether a scraper can read a family, and logs if not. One unreadable family would make
/// Prometheus reject the whole page.
pub(super) fn is_readable(family: &MetricFamily) -> bool {
    let problem = if is_metric_name(family.name()) {
        family.get_metric().iter().find_map(|metric| label_problem(metric.get_label()))
    } else {
        Some("the name of the family is not valid")
    };
    if let Some(problem) = problem {
        log_left_out(family.name(), problem);
    }
    problem.is_none()
}

pub(super) fn log_left_out(family: &str, reason: &str) {
    tracing::warn!(
        target: "streamgauge",
        family,
        reason,
        "another collector's family was left out of the page"
    );
}

fn label_problem(labels: &[LabelPair]) -> Option<&'static str> {
    let mut names = BTreeSet::new();
    labels.iter().find_map(|label| {
        if !is_label_name(label.name()) {
            Some("the name of a label is not valid")
        } else if !names.insert(label.name()) {
            Some("a series has a label twice")
        } else {
            None
        }
    })
}

/// Writes a gathered family. Gathering has already added the registry's own prefix and labels.
pub(super) fn write_foreign(writer: &mut TextWriter, family: &MetricFamily) {
    let kind = family.get_field_type();
    let mut scalars = scalars(family).into_iter();
    for metric in family.get_metric() {
        writer.set_labels(metric.get_label().iter().map(|pair| (pair.name(), pair.value())));
        match kind {
            MetricType::COUNTER | MetricType::GAUGE => {
                let value = scalars.next().unwrap_or(f64::NAN);
                if kind == MetricType::GAUGE || writer.allows_total(value) {
                    writer.write_sample("", None, SampleValue::Float(value));
                }
            }
            // `prometheus` has no untyped metrics, and no accessor for the value of one.
            MetricType::UNTYPED => {}
            MetricType::SUMMARY => write_summary(writer, metric),
            MetricType::HISTOGRAM => write_histogram(writer, metric),
        }
    }
}

/// Returns the values of counters and gauges. How they are accessed depends on whether the
/// application enables the feature `protobuf` of `prometheus`; its text encoder works with both.
fn scalars(family: &MetricFamily) -> Vec<f64> {
    if !matches!(family.get_field_type(), MetricType::COUNTER | MetricType::GAUGE) {
        return Vec::new();
    }
    let text = TextEncoder::new().encode_to_string(slice::from_ref(family)).unwrap_or_default();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let values = samples.zip(family.get_metric()).map(|(sample, metric)| {
        // The encoder writes a timestamp after the value.
        let from_the_end = usize::from(metric.timestamp_ms() != 0);
        sample.rsplit(' ').nth(from_the_end).and_then(|value| value.parse().ok())
    });
    values.map(|value: Option<f64>| value.unwrap_or(f64::NAN)).collect()
}

fn write_summary(writer: &mut TextWriter, metric: &Metric) {
    let summary = metric.get_summary();
    for quantile in summary.get_quantile() {
        let text = writer.format_bound(quantile.quantile());
        let label = Some(("quantile", &*text));
        writer.write_sample("", label, SampleValue::Float(quantile.value()));
    }
    writer.write_sample("_sum", None, SampleValue::Float(summary.sample_sum()));
    writer.write_sample("_count", None, SampleValue::Whole(summary.sample_count()));
}

fn write_histogram(writer: &mut TextWriter, metric: &Metric) {
    let histogram = metric.get_histogram();
    let finite = histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite());
    for bucket in finite {
        let bound = writer.format_bound(bucket.upper_bound());
        let count = SampleValue::Whole(bucket.cumulative_count());
        writer.write_sample("_bucket", Some(("le", &bound)), count);
    }
    let count = histogram.get_sample_count();
    writer.write_sample("_bucket", Some(("le", "+Inf")), SampleValue::Whole(count));
    let sum = histogram.get_sample_sum();
    if writer.allows_total(sum) {
        writer.write_sample("_sum", None, SampleValue::Float(sum));
        writer.write_sample("_count", None, SampleValue::Whole(count));
    }
}
