//! Writes Prometheus' text format 0.0.4 and `OpenMetrics` 1.0.
//!
//! The encoder of `prometheus` needs all families gathered in memory and writes neither
//! `OpenMetrics` nor exemplars. This one writes each series straight from its counters, and a page
//! in pieces.

use std::io::Write;
use std::mem;

use prometheus::proto::MetricType;

use super::histogram_lines::HistogramLines;
use super::number::{push_float, push_whole};
use crate::family::{
    HistogramSnapshot, SeriesLabels, SeriesSink, SeriesValue, openmetrics_float, push_escaped,
    push_label,
};

/// The content type of the text format.
#[cfg_attr(
    not(any(feature = "axum", feature = "push")),
    expect(dead_code, reason = "only HTTP exports have a content type")
)]
pub(super) const TEXT_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The units that `OpenMetrics` pages declare, for families whose name ends with one of them.
const UNITS: [&str; 4] = ["seconds", "bytes", "tokens", "usd"];

/// The last line of an `OpenMetrics` page.
const OPENMETRICS_END: &str = "# EOF\n";

/// The largest capacity that is allocated for a piece before it is written.
const MAX_INITIAL_CAPACITY: usize = 72 * 1024;
/// Reserve for finishing the series that passes the limit.
const LAST_SERIES_CAPACITY: usize = 8 * 1024;

/// A format of the metrics page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// Prometheus' text format 0.0.4, which every scraper reads.
    #[default]
    Text,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

impl Format {
    /// Returns the page of a disabled instance.
    ///
    /// `OpenMetrics` has no comments, and Prometheus rejects a page with one.
    pub(super) const fn disabled_page(self) -> &'static str {
        match self {
            Self::Text => {
                "# streamgauge is disabled by `enabled(false)` or STREAMGAUGE_DISABLED: nothing \
                 is recorded.\n"
            }
            Self::OpenMetrics => OPENMETRICS_END,
        }
    }
}

/// Writes families one after another.
pub(super) struct TextWriter {
    format: Format,
    out: Vec<u8>,
    /// Output length at which the writer pauses.
    limit: usize,
    /// The labels that the registry adds to our families, with a comma after each.
    registry_labels: Box<str>,
    /// The lines before the family's samples. They are written with the first sample, so that a
    /// family without series is left out.
    head: Option<Vec<u8>>,
    /// The name of the family's samples.
    name: String,
    /// The labels of the current series, with a comma after each.
    labels: Vec<u8>,
    histogram_lines: HistogramLines,
}

impl TextWriter {
    pub(super) fn new(format: Format, registry_labels: &str) -> Self {
        Self {
            format,
            out: Vec::new(),
            limit: usize::MAX,
            registry_labels: registry_labels.into(),
            head: None,
            name: String::new(),
            labels: Vec::new(),
            histogram_lines: HistogramLines::default(),
        }
    }

    pub(super) fn start_family(&mut self, name: &str, help: &str, kind: MetricType) {
        let family = self.announced_name(name, kind);
        self.name.clear();
        self.name.push_str(family);
        if kind == MetricType::COUNTER && self.is_openmetrics() {
            self.name.push_str("_total");
        }
        if kind == MetricType::HISTOGRAM {
            self.histogram_lines.start_family(&self.name);
        }
        let mut head = Vec::new();
        head.extend_from_slice(b"# HELP ");
        head.extend_from_slice(family.as_bytes());
        head.push(b' ');
        match self.format {
            Format::Text => push_help_escaped(&mut head, help),
            Format::OpenMetrics => push_escaped(&mut head, help),
        }
        let _ = write!(head, "\n# TYPE {family} {}\n", self.type_name(kind));
        if let Some(unit) = self.unit(family) {
            let _ = writeln!(head, "# UNIT {family} {unit}");
        }
        self.head = Some(head);
    }

    fn is_openmetrics(&self) -> bool {
        self.format == Format::OpenMetrics
    }

    fn type_name(&self, kind: MetricType) -> &'static str {
        match kind {
            MetricType::COUNTER => "counter",
            MetricType::GAUGE => "gauge",
            MetricType::SUMMARY => "summary",
            MetricType::HISTOGRAM => "histogram",
            MetricType::UNTYPED if self.is_openmetrics() => "unknown",
            MetricType::UNTYPED => "untyped",
        }
    }

    fn unit(&self, family: &str) -> Option<&'static str> {
        let is_unit =
            |unit: &&str| family.strip_suffix(unit).is_some_and(|before| before.ends_with('_'));
        UNITS.into_iter().find(is_unit).filter(|_| self.is_openmetrics())
    }

    /// Returns whether the format allows this value of a counter or of a histogram's sum: in
    /// `OpenMetrics` it must be a number that is not negative.
    pub(super) fn allows_total(&self, value: f64) -> bool {
        !self.is_openmetrics() || value >= 0.0
    }

    /// Sets the output length at which the writer pauses. The series that passes the limit is
    /// finished first.
    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
        let capacity = limit.saturating_add(LAST_SERIES_CAPACITY).min(MAX_INITIAL_CAPACITY);
        self.out.reserve(capacity);
    }

    /// Reserves memory for this many bytes of output.
    pub(super) fn reserve(&mut self, length: usize) {
        self.out.reserve(length);
    }

    fn write_head(&mut self) {
        if let Some(head) = self.head.take() {
            self.out.extend_from_slice(&head);
        }
    }

    /// Writes a sample of the current series, with one more label if `last` is set.
    pub(super) fn write_sample(
        &mut self,
        suffix: &str,
        last: Option<(&str, &str)>,
        value: SampleValue,
    ) {
        self.write_head();
        self.out.extend_from_slice(self.name.as_bytes());
        self.out.extend_from_slice(suffix.as_bytes());
        if last.is_some() || !self.labels.is_empty() {
            self.out.push(b'{');
            self.out.extend_from_slice(&self.labels);
            match last {
                Some((name, value)) => push_label(&mut self.out, name, value),
                // The comma after the last label.
                None => self.out.truncate(self.out.len() - 1),
            }
            self.out.push(b'}');
        }
        self.out.push(b' ');
        value.push(&mut self.out);
        self.out.push(b'\n');
    }

    /// Sets the labels of the current series of a foreign family. They include the registry's
    /// labels.
    pub(super) fn set_labels<'a>(&mut self, labels: impl Iterator<Item = (&'a str, &'a str)>) {
        self.labels.clear();
        for (name, value) in labels {
            push_label(&mut self.labels, name, value);
            self.labels.push(b',');
        }
    }

    fn write_histogram(&mut self, histogram: &HistogramSnapshot<'_>) {
        self.write_head();
        let is_openmetrics = self.is_openmetrics();
        let lines = &mut self.histogram_lines;
        let lines = lines.write(&self.name, &self.labels, histogram, is_openmetrics);
        self.out.extend_from_slice(lines);
    }

    /// Formats the upper bound of a bucket, or a quantile.
    pub(super) fn format_bound(&self, bound: f64) -> String {
        match self.format {
            _ if bound == f64::INFINITY => "+Inf".to_owned(),
            Format::Text => format!("{bound}"),
            Format::OpenMetrics => openmetrics_float(bound),
        }
    }

    /// Returns the name of a family in its `HELP` and `TYPE` lines: `OpenMetrics` drops the suffix
    /// `_total` of counters there.
    pub(super) fn announced_name<'a>(&self, name: &'a str, kind: MetricType) -> &'a str {
        if kind == MetricType::COUNTER && self.is_openmetrics() {
            name.strip_suffix("_total").unwrap_or(name)
        } else {
            name
        }
    }

    /// Ends the page.
    pub(super) fn finish(&mut self) {
        if self.is_openmetrics() {
            self.out.extend_from_slice(OPENMETRICS_END.as_bytes());
        }
    }

    /// Takes the text that was written since the last call.
    pub(super) fn take(&mut self) -> Vec<u8> {
        mem::take(&mut self.out)
    }
}

impl SeriesSink for TextWriter {
    fn is_full(&self) -> bool {
        self.out.len() >= self.limit
    }

    fn series(&mut self, labels: &SeriesLabels<'_>, value: SeriesValue<'_>) {
        self.labels.clear();
        self.labels.extend_from_slice(labels.const_labels().encoded.as_bytes());
        for (name, value) in labels.variable() {
            push_label(&mut self.labels, name, value);
            self.labels.push(b',');
        }
        self.labels.extend_from_slice(self.registry_labels.as_bytes());
        match value {
            SeriesValue::Counter(value) | SeriesValue::Gauge(value) => {
                self.write_sample("", None, SampleValue::Whole(value));
            }
            SeriesValue::FloatCounter(value) => {
                self.write_sample("", None, SampleValue::Float(value));
            }
            SeriesValue::Histogram(histogram) => self.write_histogram(&histogram),
        }
    }
}

/// The value of a sample.
pub(super) enum SampleValue {
    Whole(u64),
    Float(f64),
}

impl SampleValue {
    fn push(self, out: &mut Vec<u8>) {
        match self {
            Self::Whole(value) => push_whole(out, value),
            Self::Float(value) => push_float(out, value),
        }
    }
}

/// Appends a help text of the text format, which escapes backslashes and line feeds but not quotes.
fn push_help_escaped(out: &mut Vec<u8>, text: &str) {
    for part in text.split_inclusive(['\\', '\n']) {
        match part.as_bytes().split_last() {
            Some((b'\\', before)) => out.extend([before, b"\\\\"].concat()),
            Some((b'\n', before)) => out.extend([before, b"\\n"].concat()),
            _ => out.extend_from_slice(part.as_bytes()),
        }
    }
}
