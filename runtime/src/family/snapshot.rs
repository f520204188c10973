//! The values of series at one moment, as encoders receive them.

use std::borrow::Borrow;
use std::ops::Deref;
use std::sync::Arc;

#[cfg(feature = "exemplars")]
use super::exemplar::Exemplar;
use super::padded_text::PaddedText;
use super::request_labels::{RequestLabelValues, RequestLabels};

/// Receives the series of a family.
pub(crate) trait SeriesSink {
    /// Receives the next series of the family.
    fn series(&mut self, labels: &SeriesLabels<'_>, value: SeriesValue<'_>);

    /// Returns whether the sink has as many series as it takes at once.
    fn is_full(&self) -> bool {
        false
    }
}

/// Identifies a series of a family: the values of its labels and of the request labels.
pub(crate) struct SeriesKey(pub(super) Box<[LabelText]>, pub(super) RequestLabelValues);

/// A label value. It lives until the process ends, and its copies take one pointer each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LabelText(&'static &'static str);

impl LabelText {
    pub(super) fn new(text: &str) -> Self {
        let text: &str = Box::leak(text.into());
        Self(Box::leak(Box::new(text)))
    }
}

impl Deref for LabelText {
    type Target = str;

    fn deref(&self) -> &str {
        self.0
    }
}

impl Borrow<str> for LabelText {
    fn borrow(&self) -> &str {
        self.0
    }
}

/// The labels of a series.
pub(crate) struct SeriesLabels<'a> {
    pub(super) const_labels: &'a ConstLabels,
    pub(super) names: &'a [&'static str],
    pub(super) values: &'a [LabelText],
    /// The request labels that the family has.
    pub(super) request_labels: &'a RequestLabels,
    pub(super) request_values: RequestLabelValues,
}

impl SeriesLabels<'_> {
    /// Returns the labels that all series of the instance have. They come first on the page.
    pub(crate) fn const_labels(&self) -> &ConstLabels {
        self.const_labels
    }

    /// Returns the value of a label of the family, or an empty text if the family does not have
    /// the label. Label values live until the process ends.
    #[cfg(feature = "live")]
    pub(crate) fn own_value(&self, name: &str) -> &'static str {
        let index = self.names.iter().position(|known| *known == name);
        index.and_then(|index| self.values.get(index)).map_or("", |value| *value.0)
    }

    /// Iterates over the labels by which the series of a family differ: the labels of the family,
    /// then the request labels in the order of their declaration.
    pub(crate) fn variable(&self) -> impl Iterator<Item = (&str, &str)> {
        let values = self.names.iter().zip(self.values).map(|(name, value)| (*name, &**value));
        values.chain(self.request_labels.pairs(self.request_values))
    }
}

/// The value of a series at one moment.
pub(crate) enum SeriesValue<'a> {
    Counter(u64),
    /// A counter whose value is not a whole number.
    FloatCounter(f64),
    Gauge(u64),
    Histogram(HistogramSnapshot<'a>),
}

/// The value of a histogram at one moment.
pub(crate) struct HistogramSnapshot<'a> {
    pub(crate) bounds: &'a Bounds,
    /// For each bucket, the number of values in the bucket and in all buckets below it. The last
    /// bucket is the `+Inf` bucket, which has no entry in [`Bounds::values`].
    pub(crate) cumulative: &'a [u64],
    /// The number of values: the last of the cumulative numbers.
    pub(crate) count: u64,
    pub(crate) sum: f64,
    /// Returns the exemplar of a bucket and its value.
    #[cfg(feature = "exemplars")]
    pub(crate) exemplar: &'a dyn Fn(usize) -> Option<(Exemplar, f64)>,
}

/// The upper bounds of a histogram. The texts are formatted once, because they make up most of a
/// page.
pub(crate) struct Bounds {
    /// All bounds except `+Inf`.
    pub(crate) values: Box<[f64]>,
    /// The text `le="0.5"} ` of each bound, `+Inf` included, in the Prometheus text format. It
    /// stands between the other labels of a sample and its value.
    pub(crate) le_text: Box<[LeText]>,
    /// The same in `OpenMetrics`, which writes whole numbers with a fraction: `le="1.0"} `.
    pub(crate) le_openmetrics: Box<[LeText]>,
}

/// The bound of a bucket as a text format writes it. Nearly all bounds have fewer than 32
/// characters.
type LeText = PaddedText<32>;

impl Bounds {
    pub(super) fn new(bounds: &[f64]) -> Self {
        let le = |format: fn(&f64) -> String| {
            let bounds = bounds.iter().map(format).chain(["+Inf".to_owned()]);
            bounds.map(|bound| format!("le=\"{bound}\"}} ").into()).collect()
        };
        Self {
            values: bounds.into(),
            le_text: le(|bound| format!("{bound}")),
            le_openmetrics: le(|bound| openmetrics_float(*bound)),
        }
    }
}

/// The labels with the same value on all series of an instance.
#[derive(Clone, Default)]
pub(crate) struct ConstLabels {
    pub(crate) pairs: Arc<[(String, String)]>,
    /// The labels as a text format writes them, each followed by a comma.
    pub(crate) encoded: Arc<str>,
}

impl ConstLabels {
    pub(crate) fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().collect();
        pairs.sort();
        let mut encoded = Vec::new();
        for (name, value) in &pairs {
            push_label(&mut encoded, name, value);
            encoded.push(b',');
        }
        Self { pairs: pairs.into(), encoded: String::from_utf8_lossy(&encoded).into() }
    }
}

/// Formats a float in the canonical form that `OpenMetrics` requires of bounds: the shortest
/// digits, always with a fraction or an exponent, and an exponent below 1e-4 and from 1e+6 on.
pub(crate) fn openmetrics_float(number: f64) -> String {
    if !number.is_finite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return format!("{number:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// Appends `name="value"`.
pub(crate) fn push_label(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    push_escaped(out, value);
    out.push(b'"');
}

/// Appends a text with the escapes that it needs between quotes.
pub(crate) fn push_escaped(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    // A test of all bytes of a short text is faster than a call of `memchr3`.
    let needs_escape = |byte: &u8| matches!(byte, b'\\' | b'"' | b'\n');
    if !rest.iter().fold(false, |any, byte| any | needs_escape(byte)) {
        out.extend_from_slice(rest);
        return;
    }
    while let Some(at) = memchr::memchr3(b'\\', b'"', b'\n', rest) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(match rest[at] {
            b'\n' => b"\\n",
            b'"' => b"\\\"",
            _ => b"\\\\",
        });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::openmetrics_float;

    #[test]
    fn openmetrics_floats_are_in_the_canonical_form_of_the_specification() {
        for (number, text) in [
            (0.0, "0.0"),
            (1.0, "1.0"),
            (0.25, "0.25"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (100_000.0, "100000.0"),
            (1_000_000.0, "1e+06"),
            (1_048_576.0, "1.048576e+06"),
            (1e16, "1e+16"),
            (1e-10, "1e-10"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(openmetrics_float(number), text);
        }
    }
}
