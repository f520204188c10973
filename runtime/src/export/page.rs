//! All metrics of an instance, written.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::slice;

use prometheus::TextEncoder;
use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};

use super::text::{Format, Value, Writer};
use crate::family::AnyFamily;
use crate::metrics::{GatherError, Metrics, Outer, gather, is_label_name, is_metric_name};

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
    /// A collector asks for the page that it is gathered for.
    #[error(
        "a collector registered beside the families asks for the page that it is gathered for: let it give \
         its own metrics alone"
    )]
    Nested,
}

impl Metrics {
    /// All metrics of the registry in the Prometheus text format 0.0.4.
    ///
    /// Families are sorted by name and series by their labels: without traffic two texts are the same, byte
    /// for byte. What other collectors of the registry give that no scraper could read (a name that is none,
    /// a label that comes twice, a name that is taken) is left out, and said so in a `tracing` event: it would
    /// cost the whole scrape. Timestamps are left out, too, and in the format of `OpenMetrics` what that does not know: a
    /// counter that is no number, the sum of a histogram with negative values.
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
    let others = gather(metrics.registry(), Some(families)).map_err(|error| match error {
        GatherError::Panicked(message) => EncodeError::CollectorPanicked { message },
        GatherError::Nested => EncodeError::Nested,
    })?;
    let outer = metrics.outer();
    let ours = families.each().map(|family| (outer.name(&family.desc().fq_name), Some(family)));
    let mut all: BTreeMap<_, Source<'_>> =
        ours.map(|(name, ours)| (name, Source { ours, others: None })).collect();
    for other in others.iter().filter(|other| !Outer::is_probe(other.name()) && is_readable(other))
    {
        all.entry(Cow::Borrowed(other.name())).or_default().others = Some(other);
    }
    all.retain(|name, _| wanted(name));
    let mut writer = Writer::new(format, outer.labels());
    // Ours have their names, whatever another has.
    let own = all.iter().filter(|(_, source)| source.ours.is_some());
    let own = own.map(|(name, source)| writer.announced(name, source.kind()));
    let mut announced: BTreeSet<String> = own.collect();
    for (name, source) in &all {
        let kind = source.kind();
        if source.ours.is_none() && !announced.insert(writer.announced(name, kind)) {
            leave_out(name, "another family has its name in this format");
            continue;
        }
        writer.family(name, source.help(), kind);
        if let Some(ours) = source.ours {
            ours.visit(&mut writer);
        }
        match source.others {
            Some(others) if others.get_field_type() == kind => write_other(&mut writer, others),
            Some(_) => leave_out(name, "it is of another type than the family of its name"),
            None => {}
        }
    }
    Ok(writer.finish())
}

/// Where the series of a family come from: another instance in the same registry may have some, too.
#[derive(Default)]
struct Source<'a> {
    ours: Option<&'a dyn AnyFamily>,
    others: Option<&'a MetricFamily>,
}

impl<'a> Source<'a> {
    fn kind(&self) -> MetricType {
        let others = self.others.map(MetricFamily::get_field_type);
        self.ours.map(AnyFamily::kind).or(others).unwrap_or(MetricType::UNTYPED)
    }

    fn help(&self) -> &'a str {
        let others = self.others.map(MetricFamily::help);
        self.ours.map(|family| &*family.desc().help).or(others).unwrap_or_default()
    }
}

/// Whether a scraper can read a family.
fn is_readable(family: &MetricFamily) -> bool {
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

fn leave_out(family: &str, reason: &str) {
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
fn write_other(writer: &mut Writer, family: &MetricFamily) {
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
