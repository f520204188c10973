//! How families are shown to whoever writes them out.

use std::sync::Arc;

#[cfg(feature = "exemplars")]
use super::exemplar::Exemplar;

/// Sees families, one after another, and the series of each.
pub(crate) trait SeriesSink {
    /// The next series of the family.
    fn series(&mut self, labels: &Labels<'_>, reading: SeriesValue<'_>);

    /// Whether that is enough for now.
    fn is_full(&self) -> bool {
        false
    }
}

/// Which series of a family: the values of its labels, and the class.
pub(crate) struct SeriesKey(pub(super) Box<[Arc<str>]>);

/// The labels of a series, in the order in which they are shown.
pub(crate) struct Labels<'a> {
    pub(super) constant: &'a Constant,
    pub(super) names: &'a [&'static str],
    pub(super) values: &'a [Arc<str>],
    pub(super) class: Option<(&'a str, &'a str)>,
}

impl Labels<'_> {
    /// The labels that all series have.
    pub(crate) fn constant(&self) -> &Constant {
        self.constant
    }

    /// The labels that tell the series of a family apart.
    pub(crate) fn variable(&self) -> impl Iterator<Item = (&str, &str)> {
        let values = self.names.iter().zip(self.values);
        values.map(|(name, value)| (*name, &**value)).chain(self.class)
    }
}

/// A series' numbers at one moment.
pub(crate) enum SeriesValue<'a> {
    /// A counter's.
    Whole(u64),
    /// A counter's that is no whole number.
    Float(f64),
    /// A gauge's.
    Level(u64),
    Histogram(HistogramSnapshot<'a>),
}

/// A histogram's numbers.
pub(crate) struct HistogramSnapshot<'a> {
    pub(crate) bounds: &'a Bounds,
    /// How many values are in each bucket or one below it: one number more than there are bounds.
    pub(crate) cumulative: &'a [u64],
    /// How many values there are: the last of these numbers.
    pub(crate) count: u64,
    pub(crate) sum: f64,
    /// The newest traced value of a bucket.
    #[cfg(feature = "exemplars")]
    pub(crate) exemplar: &'a dyn Fn(usize) -> Option<(Exemplar, f64)>,
}

/// The upper bounds of a histogram.
pub(crate) struct Bounds {
    /// All but the last, which is infinite.
    pub(crate) values: Box<[f64]>,
    /// What a sample has between its own labels and its value, the bound as short as can be. The last one is
    /// `+Inf`.
    pub(crate) short: Box<[Box<str>]>,
    /// The same with bounds as floats, which a whole number shows by its `.0`.
    pub(crate) floats: Box<[Box<str>]>,
}

impl Bounds {
    pub(super) fn new(bounds: &[f64]) -> Self {
        let text = |write: fn(&f64) -> String| {
            let bounds = bounds.iter().map(write).chain(["+Inf".to_owned()]);
            bounds.map(|bound| format!("le=\"{bound}\"}} ").into_boxed_str()).collect()
        };
        Self {
            values: bounds.into(),
            short: text(|bound| format!("{bound}")),
            floats: text(|bound| canonical(*bound)),
        }
    }
}

/// The labels that all series of an instance have.
#[derive(Clone, Default)]
pub(crate) struct Constant {
    pub(crate) pairs: Arc<[(String, String)]>,
    /// As they are written, each with a comma behind it.
    pub(crate) text: Arc<str>,
}

impl Constant {
    pub(crate) fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().collect();
        pairs.sort();
        let mut text = Vec::new();
        for (name, value) in &pairs {
            push_label(&mut text, name, value);
            text.push(b',');
        }
        Self { pairs: pairs.into(), text: String::from_utf8_lossy(&text).into() }
    }
}

/// A float as `OpenMetrics` wants bounds: the shortest digits, with an exponent below 1e-4 and from 1e+6 on, and
/// always told from a whole number.
pub(crate) fn canonical(number: f64) -> String {
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

/// Writes a label as all text formats do.
pub(crate) fn push_label(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    push_escaped(out, value);
    out.push(b'"');
}

/// Writes a text between quotes.
pub(crate) fn push_escaped(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
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
    use super::canonical;

    #[test]
    fn bounds_are_written_as_the_standard_lists_them() {
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
            assert_eq!(canonical(number), text);
        }
    }
}
