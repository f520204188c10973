//! Shared by the tests of all packages: an in-process client and a strict parser of metrics pages.

pub mod client;
mod identities;
mod saved_pages;
pub mod strict;

use std::collections::BTreeSet;

use streamgauge::Metrics;
use streamgauge::testing::Page;

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
    assert!(Page::parse(&open).is_ok(), "`testing::Page` cannot parse this page: {open}");
    let text = metrics.encode_text().expect("our own families encode");
    strict::check(&text, Format::Text);
    text
}

/// A parsed metrics page that violates no rule of its format, with lookups in whole numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Scrape {
    page: Page,
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
        Self { page: Page::parse(page).expect("a page without violations can be parsed") }
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
        self.page.sum(name, labels.iter().copied())
    }

    /// Counts the series of a name whose labels include these.
    #[must_use]
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> usize {
        self.page.count(name, labels.iter().copied())
    }

    /// Returns the distinct values of one label of a name, sorted.
    #[must_use]
    pub fn values(&self, name: &str, label: &str) -> Vec<&str> {
        self.page.label_values(name, label)
    }

    /// Returns the distinct values of one label over all names.
    #[must_use]
    pub fn all_values(&self, label: &str) -> BTreeSet<&str> {
        self.page.series().filter_map(|series| series.label(label)).collect()
    }

    /// Counts all samples of the page.
    #[must_use]
    pub fn series(&self) -> usize {
        self.page.series().count()
    }
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
