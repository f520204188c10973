//! Shared by the tests of all packages: an in-process client and a strict parser of metrics pages.

pub mod client;
mod identities;
mod saved_pages;
pub mod strict;

use std::collections::{BTreeMap, BTreeSet};

use streamgauge::Metrics;

pub use self::identities::assert_identities;
use crate::strict::Format;

/// Returns the page of an instance in the text format, after a strict check of both formats.
///
/// # Panics
///
/// If encoding fails, or a page violates its format.
#[must_use]
pub fn page_of(metrics: &Metrics) -> String {
    let open = metrics.encode_openmetrics().expect("our own families encode");
    strict::check(&open, Format::OpenMetrics);
    let text = metrics.encode_text().expect("our own families encode");
    strict::check(&text, Format::Text);
    text
}

/// The parsed samples of one metrics page.
#[derive(Clone, Debug, PartialEq)]
pub struct Scrape {
    samples: Vec<Sample>,
}

#[derive(Clone, Debug, PartialEq)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Scrape {
    /// Scrapes an instance, after a strict check of its page in both formats.
    ///
    /// # Panics
    ///
    /// If encoding fails, or a page violates its format.
    #[must_use]
    pub fn of(metrics: &Metrics) -> Self {
        Self::read(&page_of(metrics))
    }

    /// Parses a page in the text format.
    ///
    /// # Panics
    ///
    /// If the page violates the text format, or contains a series twice.
    #[must_use]
    pub fn parse(page: &str) -> Self {
        strict::check(page, Format::Text);
        Self::read(page)
    }

    fn read(page: &str) -> Self {
        let samples: Vec<Sample> =
            page.lines().filter(|line| !line.starts_with('#')).map(Sample::parse).collect();
        let mut seen = BTreeSet::new();
        for sample in &samples {
            assert!(seen.insert((&sample.name, &sample.labels)), "duplicate series: {sample:?}");
        }
        Self { samples }
    }

    /// Sums the samples of a name whose labels include these; 0 without a matching sample.
    ///
    /// # Panics
    ///
    /// If the sum is not a whole number. Use [`amount`](Self::amount) for seconds.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> i64 {
        let amount = self.amount(name, labels);
        #[expect(clippy::cast_possible_truncation, reason = "the next line checks")]
        let whole = amount as i64;
        assert!(amount.fract() == 0.0, "{name} is {amount}");
        whole
    }

    /// Sums the samples of a name whose labels include these, as a float.
    #[must_use]
    pub fn amount(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.matching(name, labels).map(|sample| sample.value).sum()
    }

    /// Counts the series of a name whose labels include these.
    #[must_use]
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> usize {
        self.matching(name, labels).count()
    }

    /// Returns the distinct values of one label of a name, sorted.
    #[must_use]
    pub fn values(&self, name: &str, label: &str) -> Vec<&str> {
        let mut values: Vec<_> = self
            .matching(name, &[])
            .filter_map(|sample| sample.labels.get(label).map(String::as_str))
            .collect();
        values.sort_unstable();
        values.dedup();
        values
    }

    /// Returns the distinct values of one label over all names.
    #[must_use]
    pub fn all_values(&self, label: &str) -> BTreeSet<&str> {
        self.samples.iter().filter_map(|sample| Some(sample.labels.get(label)?.as_str())).collect()
    }

    /// Counts all samples of the page.
    #[must_use]
    pub fn series(&self) -> usize {
        self.samples.len()
    }

    fn matching(&self, name: &str, labels: &[(&str, &str)]) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |sample| {
            sample.name == name
                && labels
                    .iter()
                    .all(|(label, value)| sample.labels.get(*label).is_some_and(|v| v == value))
        })
    }
}

impl Sample {
    fn parse(line: &str) -> Self {
        let (series, value) = line.rsplit_once(' ').expect("a sample has a value");
        let value = value.parse().expect("a value is a number");
        let Some((name, labels)) = series.split_once('{') else {
            return Self { name: series.to_owned(), labels: BTreeMap::new(), value };
        };
        let mut rest = labels.strip_suffix('}').expect("labels end with a brace");
        let mut labels = BTreeMap::new();
        while !rest.is_empty() {
            let (label, after) = rest.split_once("=\"").expect("a label has a quoted value");
            let (value, after) = unquote(after);
            assert!(labels.insert(label.to_owned(), value).is_none(), "duplicate label {label}");
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        Self { name: name.to_owned(), labels, value }
    }
}

/// Splits a text after its closing quote: the unescaped value, and the remainder.
fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => return (value, &text[place + 1..]),
            '\\' => match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                other => panic!("unknown escape: {other:?}"),
            },
            other => value.push(other),
        }
    }
    panic!("unterminated label value: {text}");
}

#[cfg(test)]
mod tests {
    use super::Scrape;

    #[test]
    fn label_values_are_unescaped() {
        let samples = "a_total{x=\"1,\\\"}\\\\\\n\",y=\"\"} 3\na_total{x=\"2\"} 4\n";
        let scrape =
            Scrape::parse(&format!("# HELP a_total As.\n# TYPE a_total counter\n{samples}"));
        assert_eq!(scrape.sum("a_total", &[("x", "1,\"}\\\n"), ("y", "")]), 3);
        assert_eq!(scrape.sum("a_total", &[]), 7);
        assert_eq!(scrape.values("a_total", "x"), ["1,\"}\\\n", "2"]);
    }
}
