//! All metrics of an instance, written.

use std::collections::BTreeSet;
use std::slice;

use prometheus::TextEncoder;
use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};

use super::text::{Format, Value, Writer};
use crate::family::AnyFamily;
use crate::metrics::{Metrics, gather};

/// Why the metrics were not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A collector that was registered beside our families panicked. The next attempt asks it again.
    #[error(
        "a collector registered beside the families panicked: {message}; mend it, or unregister it"
    )]
    CollectorPanicked {
        /// What it said.
        message: String,
    },
}

impl Metrics {
    /// All metrics of the registry in the Prometheus text format 0.0.4.
    ///
    /// Families are sorted by name and series by their labels: without traffic two texts are the same, byte
    /// for byte. What other collectors of the registry give that no scraper could read (a name that is none,
    /// a label that comes twice) is left out, and said so in a `tracing` event: it would cost the whole
    /// scrape.
    ///
    /// # Errors
    ///
    /// Our own families always encode; a collector registered beside them may panic.
    pub fn encode_text(&self) -> Result<String, EncodeError> {
        self.encode(Format::Text)
    }

    /// The same in the format of `OpenMetrics` 1.0.
    ///
    /// # Errors
    ///
    /// As [`encode_text`](Self::encode_text).
    pub fn encode_openmetrics(&self) -> Result<String, EncodeError> {
        self.encode(Format::OpenMetrics)
    }

    fn encode(&self, format: Format) -> Result<String, EncodeError> {
        let page = encode(self, format, |_| true)?;
        // All of it was text before.
        Ok(String::from_utf8_lossy(&page).into_owned())
    }
}

/// Writes the families that are asked for.
pub(super) fn encode(
    metrics: &Metrics,
    format: Format,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<u8>, EncodeError> {
    let families = metrics.endpoints().families();
    let others = gather(metrics.registry(), Some(families))
        .map_err(|message| EncodeError::CollectorPanicked { message })?;
    let outer = metrics.outer();
    let ours: Vec<_> =
        families.each().map(|family| (outer.name(&family.desc().fq_name), family)).collect();
    let own_names: BTreeSet<&str> = ours.iter().map(|(name, _)| &**name).collect();
    let mut all: Vec<_> =
        ours.iter().map(|(name, family)| (&**name, Source::Ours(*family))).collect();
    let others =
        others.iter().filter(|other| !own_names.contains(other.name()) && is_readable(other));
    all.extend(others.map(|other| (other.name(), Source::Other(other))));
    all.retain(|(name, _)| wanted(name));
    all.sort_by_key(|(name, _)| *name);
    let mut writer = Writer::new(format, outer.labels());
    for (name, source) in all {
        match source {
            Source::Ours(family) => {
                writer.family(name, &family.desc().help, family.kind());
                family.visit(&mut writer);
            }
            Source::Other(other) => write_other(&mut writer, other),
        }
    }
    Ok(writer.finish())
}

/// Where a family comes from.
enum Source<'a> {
    Ours(&'a dyn AnyFamily),
    Other(&'a MetricFamily),
}

/// Whether a scraper can read a family.
fn is_readable(family: &MetricFamily) -> bool {
    let wrong = if is_name(family.name(), true) {
        family.get_metric().iter().find_map(|metric| wrong_label(metric.get_label()))
    } else {
        Some("its name is none")
    };
    if let Some(wrong) = wrong {
        tracing::warn!(
            family = family.name(),
            "a family of another collector is left out, since no scraper would read the page: {wrong}"
        );
    }
    wrong.is_none()
}

fn wrong_label(labels: &[LabelPair]) -> Option<&'static str> {
    let mut names = BTreeSet::new();
    labels.iter().find_map(|label| {
        if !is_name(label.name(), false) {
            Some("the name of a label is none")
        } else if !names.insert(label.name()) {
            Some("a label comes twice")
        } else {
            None
        }
    })
}

fn is_name(name: &str, colons: bool) -> bool {
    let may = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || (colons && byte == b':');
    name.bytes().all(may) && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

/// Writes a family in the interchange form. What is gathered has the registry's own labels already.
fn write_other(writer: &mut Writer, family: &MetricFamily) {
    let kind = family.get_field_type();
    writer.family(family.name(), family.help(), kind);
    let mut scalars = scalars(family).into_iter();
    for metric in family.get_metric() {
        writer.other_labels(metric.get_label().iter().map(|pair| (pair.name(), pair.value())));
        match kind {
            MetricType::COUNTER | MetricType::GAUGE => {
                if let Some(value) = scalars.next() {
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
    writer.sample("_sum", None, Value::Float(histogram.get_sample_sum()));
    writer.sample("_count", None, Value::Whole(count));
}
