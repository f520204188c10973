//! What the tests of all packages share: an in-process client, and a strict reader of metrics pages.

pub mod client;
mod kept;
pub mod strict;

use std::collections::{BTreeMap, BTreeSet};

use streamgauge::Metrics;

use crate::strict::Format;

/// The page of an instance in the text format, which a strict reader must take in both formats.
///
/// # Panics
///
/// If the instance does not encode, or what it writes is neither format.
#[must_use]
pub fn page_of(metrics: &Metrics) -> String {
    let open = metrics.encode_openmetrics().expect("our own families encode");
    strict::check(&open, Format::OpenMetrics);
    let text = metrics.encode_text().expect("our own families encode");
    strict::check(&text, Format::Text);
    text
}

/// One scrape of an instance, parsed as strictly as a test needs.
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
    /// Reads an instance, whose page a strict reader must take in both formats.
    ///
    /// # Panics
    ///
    /// If the instance does not encode, or what it writes is neither format.
    #[must_use]
    pub fn of(metrics: &Metrics) -> Self {
        Self::read(&page_of(metrics))
    }

    /// Reads a page.
    ///
    /// # Panics
    ///
    /// If the page is not the text format, or has a series twice.
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
            assert!(seen.insert((&sample.name, &sample.labels)), "there twice: {sample:?}");
        }
        Self { samples }
    }

    /// The sum of the samples of a name that have these labels, among others; 0 if there is none.
    ///
    /// # Panics
    ///
    /// If it is not a whole number: counts, bytes and tokens are. Seconds are read with
    /// [`amount`](Self::amount).
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> i64 {
        let amount = self.amount(name, labels);
        #[expect(clippy::cast_possible_truncation, reason = "the next line checks")]
        let whole = amount as i64;
        assert!(amount.fract() == 0.0, "{name} is {amount}");
        whole
    }

    /// The sum of the samples of a name that have these labels, as it is.
    #[must_use]
    pub fn amount(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.matching(name, labels).map(|sample| sample.value).sum()
    }

    /// How many series of a name have these labels, among others.
    #[must_use]
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> usize {
        self.matching(name, labels).count()
    }

    /// The distinct values of one label of a name.
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

    /// The distinct values of one label of all names.
    #[must_use]
    pub fn all_values(&self, label: &str) -> BTreeSet<&str> {
        self.samples.iter().filter_map(|sample| Some(sample.labels.get(label)?.as_str())).collect()
    }

    /// How many series there are.
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
            assert!(labels.insert(label.to_owned(), value).is_none(), "{label} is there twice");
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        Self { name: name.to_owned(), labels, value }
    }
}

/// The text up to the closing quote, and what is behind it.
fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => return (value, &text[place + 1..]),
            '\\' => match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                other => panic!("no such escape: {other:?}"),
            },
            other => value.push(other),
        }
    }
    panic!("this value does not end: {text}");
}

#[cfg(test)]
mod tests {
    use super::Scrape;

    #[test]
    fn values_are_read_with_their_escapes() {
        let samples = "a_total{x=\"1,\\\"}\\\\\\n\",y=\"\"} 3\na_total{x=\"2\"} 4\n";
        let scrape =
            Scrape::parse(&format!("# HELP a_total As.\n# TYPE a_total counter\n{samples}"));
        assert_eq!(scrape.sum("a_total", &[("x", "1,\"}\\\n"), ("y", "")]), 3);
        assert_eq!(scrape.sum("a_total", &[]), 7);
        assert_eq!(scrape.values("a_total", "x"), ["1,\"}\\\n", "2"]);
    }
}
