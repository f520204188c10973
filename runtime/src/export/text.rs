//! The text formats: Prometheus' 0.0.4, and `OpenMetrics` 1.0.0.

use std::io::Write;
use std::mem;

use prometheus::proto::MetricType;

#[cfg(feature = "exemplars")]
use crate::family::Exemplar;
use crate::family::{
    HistogramSnapshot, Labels, SeriesSink, SeriesValue, canonical, push_escaped, push_label,
};

/// The content type of the text format.
#[cfg_attr(not(any(feature = "axum", feature = "push")), expect(dead_code))]
pub(super) const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The units that `OpenMetrics` is told of, where a name ends with one.
const UNITS: [&str; 4] = ["seconds", "bytes", "tokens", "usd"];

/// How much room a text has at first, in bytes, and how much of it is for the series with which it is full.
const ROOM: usize = 72 * 1024;
const LINES: usize = 8 * 1024;

/// How metrics are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// Prometheus' text format 0.0.4, which every scraper reads.
    #[default]
    Text,
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
}

/// Writes families, one after another.
pub(super) struct Writer {
    format: Format,
    out: Vec<u8>,
    /// How long the text may be before it is full.
    most: usize,
    /// Labels that all families have beside their own, each with a comma behind it.
    outer_labels: Box<str>,
    /// The family, until its first series is written: one without series is left out.
    head: Option<Vec<u8>>,
    /// The name of the family's samples.
    name: String,
    /// Room for the labels of a series, and for what all buckets of one begin with.
    labels: Vec<u8>,
    bucket: Vec<u8>,
}

impl Writer {
    pub(super) fn new(format: Format, outer_labels: &str) -> Self {
        Self {
            format,
            out: Vec::new(),
            most: usize::MAX,
            outer_labels: outer_labels.into(),
            head: None,
            name: String::new(),
            labels: Vec::new(),
            bucket: Vec::new(),
        }
    }

    /// A family begins.
    pub(super) fn family(&mut self, name: &str, help: &str, kind: MetricType) {
        let family = &*self.announced(name, kind);
        self.name.clear();
        self.name.push_str(family);
        if kind == MetricType::COUNTER && self.is_open() {
            self.name.push_str("_total");
        }
        let mut head = Vec::new();
        head.extend_from_slice(b"# HELP ");
        head.extend_from_slice(family.as_bytes());
        head.push(b' ');
        match self.format {
            // Quotes stay as they are.
            Format::Text => push_line(&mut head, help),
            Format::OpenMetrics => push_escaped(&mut head, help),
        }
        let _ = write!(head, "\n# TYPE {family} {}\n", self.kind(kind));
        if let Some(unit) = self.unit(family) {
            let _ = writeln!(head, "# UNIT {family} {unit}");
        }
        self.head = Some(head);
    }

    fn is_open(&self) -> bool {
        self.format == Format::OpenMetrics
    }

    fn kind(&self, kind: MetricType) -> &'static str {
        match kind {
            MetricType::COUNTER => "counter",
            MetricType::GAUGE => "gauge",
            MetricType::SUMMARY => "summary",
            MetricType::HISTOGRAM => "histogram",
            MetricType::UNTYPED if self.is_open() => "unknown",
            MetricType::UNTYPED => "untyped",
        }
    }

    fn unit(&self, family: &str) -> Option<&'static str> {
        let is_unit =
            |unit: &&str| family.strip_suffix(unit).is_some_and(|before| before.ends_with('_'));
        UNITS.into_iter().find(is_unit).filter(|_| self.is_open())
    }

    /// Whether a format knows such a value of what only grows.
    pub(super) fn knows(&self, grows: f64) -> bool {
        !self.is_open() || grows >= 0.0
    }

    /// The next text may be so long.
    pub(super) fn until(&mut self, most: usize) {
        self.most = most;
        // The last series before it is full goes beyond.
        self.out.reserve(most.saturating_add(LINES).min(ROOM));
    }

    fn begin(&mut self) {
        if let Some(head) = self.head.take() {
            self.out.extend_from_slice(&head);
        }
    }

    /// One sample; its labels have a comma behind each.
    pub(super) fn sample(&mut self, suffix: &str, last: Option<(&str, &str)>, value: Value) {
        self.begin();
        self.out.extend_from_slice(self.name.as_bytes());
        self.out.extend_from_slice(suffix.as_bytes());
        if last.is_some() || !self.labels.is_empty() {
            self.out.push(b'{');
            self.out.extend_from_slice(&self.labels);
            match last {
                Some((name, value)) => push_label(&mut self.out, name, value),
                // The comma behind the last label.
                None => self.out.truncate(self.out.len() - 1),
            }
            self.out.push(b'}');
        }
        self.out.push(b' ');
        value.push(&mut self.out);
        self.out.push(b'\n');
    }

    /// The labels of a series of another family: the registry has added its own.
    pub(super) fn other_labels<'a>(&mut self, labels: impl Iterator<Item = (&'a str, &'a str)>) {
        self.labels.clear();
        for (name, value) in labels {
            push_label(&mut self.labels, name, value);
            self.labels.push(b',');
        }
    }

    fn histogram(&mut self, reading: &HistogramSnapshot<'_>) {
        self.begin();
        self.bucket.clear();
        self.bucket.extend_from_slice(self.name.as_bytes());
        self.bucket.extend_from_slice(b"_bucket{");
        self.bucket.extend_from_slice(&self.labels);
        let bounds = if self.is_open() { &reading.bounds.floats } else { &reading.bounds.short };
        for (bucket, (bound, count)) in bounds.iter().zip(reading.cumulative).enumerate() {
            self.out.extend_from_slice(&self.bucket);
            self.out.extend_from_slice(bound.as_bytes());
            Value::Whole(*count).push(&mut self.out);
            self.out.push(b'\n');
            #[cfg(feature = "exemplars")]
            if self.is_open() {
                if let Some((exemplar, value)) = (reading.exemplar)(bucket) {
                    self.exemplar(&exemplar, value);
                }
            }
            #[cfg(not(feature = "exemplars"))]
            let _ = bucket;
        }
        self.sample("_sum", None, Value::Float(reading.sum));
        self.sample("_count", None, Value::Whole(reading.count));
    }

    /// Puts an exemplar behind the sample before: 63 characters of labels, of the 128 that there may be.
    #[cfg(feature = "exemplars")]
    fn exemplar(&mut self, exemplar: &Exemplar, value: f64) {
        self.out.truncate(self.out.len() - 1);
        let Exemplar { trace, span, millis, .. } = exemplar;
        let (seconds, millis) = (millis / 1_000, millis % 1_000);
        let _ = writeln!(
            self.out,
            " # {{trace_id=\"{trace:032x}\",span_id=\"{span:016x}\"}} {value} {seconds}.{millis:03}"
        );
    }

    /// A bound, or a quantile.
    pub(super) fn bound(&self, bound: f64) -> String {
        match self.format {
            _ if bound == f64::INFINITY => "+Inf".to_owned(),
            Format::Text => format!("{bound}"),
            Format::OpenMetrics => canonical(bound),
        }
    }

    /// A family's name as the format announces it.
    pub(super) fn announced(&self, name: &'_ str, kind: MetricType) -> String {
        let is_counter = kind == MetricType::COUNTER;
        let name = if is_counter && self.is_open() {
            name.strip_suffix("_total").unwrap_or(name)
        } else {
            name
        };
        name.to_owned()
    }

    /// There are no more families.
    pub(super) fn finish(&mut self) {
        if self.is_open() {
            self.out.extend_from_slice(b"# EOF\n");
        }
    }

    /// What has been written since the last time.
    pub(super) fn take(&mut self) -> Vec<u8> {
        mem::take(&mut self.out)
    }
}

impl SeriesSink for Writer {
    fn is_full(&self) -> bool {
        self.out.len() >= self.most
    }

    fn series(&mut self, labels: &Labels<'_>, reading: SeriesValue<'_>) {
        self.labels.clear();
        self.labels.extend_from_slice(labels.constant().text.as_bytes());
        for (name, value) in labels.variable() {
            push_label(&mut self.labels, name, value);
            self.labels.push(b',');
        }
        self.labels.extend_from_slice(self.outer_labels.as_bytes());
        match reading {
            SeriesValue::Whole(value) | SeriesValue::Level(value) => {
                self.sample("", None, Value::Whole(value));
            }
            SeriesValue::Float(value) => self.sample("", None, Value::Float(value)),
            SeriesValue::Histogram(reading) => self.histogram(&reading),
        }
    }
}

/// The number of a sample.
pub(super) enum Value {
    Whole(u64),
    Float(f64),
}

impl Value {
    fn push(self, out: &mut Vec<u8>) {
        let mut digits = itoa::Buffer::new();
        match self {
            Self::Whole(value) => out.extend_from_slice(digits.format(value).as_bytes()),
            Self::Float(value) if value.is_nan() => out.extend_from_slice(b"NaN"),
            Self::Float(f64::INFINITY) => out.extend_from_slice(b"+Inf"),
            Self::Float(f64::NEG_INFINITY) => out.extend_from_slice(b"-Inf"),
            Self::Float(value) => {
                let _ = write!(out, "{value}");
            }
        }
    }
}

/// Writes a text that ends with its line.
fn push_line(out: &mut Vec<u8>, text: &str) {
    let mut lines = text.split_inclusive(['\\', '\n']);
    for part in &mut lines {
        match part.as_bytes().split_last() {
            Some((b'\\', before)) => out.extend([before, b"\\\\"].concat()),
            Some((b'\n', before)) => out.extend([before, b"\\n"].concat()),
            _ => out.extend_from_slice(part.as_bytes()),
        }
    }
}
