//! A parsed metrics page.

use std::collections::BTreeSet;
use std::fmt;

use super::error::{PageError, PageProblem, SeriesError};
use super::parse;
use super::series::{Labels, Series};
use crate::metrics::Metrics;

/// The number of series or names that an error lists.
const LISTED: usize = 20;

/// A parsed metrics page, for tests.
///
/// # Names and labels
///
/// Names are those on the page, with the prefix: `app_http_requests_total`. A histogram has three
/// names: `app_request_tokens_bucket`, with the label `le`, `app_request_tokens_sum` and
/// `app_request_tokens_count`.
///
/// Labels select the series that have *at least* these labels with these values; `[]` selects all
/// series of the name. A label with an empty value, such as `("model", "")`, selects the series
/// whose label is on the page and empty.
///
/// # Examples
///
/// ```
/// use streamgauge::testing::Page;
///
/// let page = Page::parse(concat!(
///     "# TYPE app_http_requests_total counter\n",
///     "app_http_requests_total{method=\"GET\",status=\"200\"} 3\n",
///     "app_http_requests_total{method=\"GET\",status=\"404\"} 1\n",
/// ))?;
/// assert_eq!(page.value("app_http_requests_total", [("status", "200")])?, 3.0);
/// assert_eq!(page.sum("app_http_requests_total", [("method", "GET")]), 4.0);
/// assert_eq!(page.count("app_http_requests_total", [("status", "500")]), 0);
/// assert_eq!(page.label_values("app_http_requests_total", "status"), ["200", "404"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Page {
    series: Vec<Series>,
    /// The first line of a page without series, if it is a comment: the page of a disabled instance
    /// says there why it is empty.
    comment: Option<String>,
}

impl Page {
    /// Parses a page in the Prometheus text format 0.0.4 or in `OpenMetrics`.
    ///
    /// Comments, timestamps and exemplars are read and left out. An empty text is an empty page.
    ///
    /// # Errors
    ///
    /// A line that neither format allows. The error names its number and shows the line. A page
    /// whose last line has no newline is cut off, which is an error too, unless that line is `#
    /// EOF`.
    pub fn parse(text: &str) -> Result<Self, PageError> {
        let series = parse::parse(text)?;
        let comment = text.lines().next().filter(|line| series.is_empty() && line.starts_with('#'));
        Ok(Self { series, comment: comment.map(str::to_owned) })
    }

    /// Encodes and parses the page of an instance, as Prometheus would see it now.
    ///
    /// Values that other threads or tasks record later are not part of the page: scrape again.
    ///
    /// # Errors
    ///
    /// A collector that the application has registered fails, or has series that no page allows.
    pub fn scrape(metrics: &Metrics) -> Result<Self, PageError> {
        Self::parse(&metrics.encode_text().map_err(PageProblem::from)?)
    }

    /// Returns the value of the one series that has this name and at least these labels.
    ///
    /// # Errors
    ///
    /// No series matches, or several do. The error lists what the page has under the name. Use
    /// [`sum`](Self::sum) if there may be any number of series.
    pub fn value<'l>(
        &self,
        name: &str,
        labels: impl IntoIterator<Item = (&'l str, &'l str)>,
    ) -> Result<f64, SeriesError> {
        let labels: Vec<_> = labels.into_iter().collect();
        let mut found = self.matching(name, &labels);
        match (found.next(), found.next()) {
            (Some(series), None) => Ok(series.value),
            (first, _) => Err(self.series_error(name, &labels, first.is_some())),
        }
    }

    /// Returns the sum over all series that have this name and at least these labels. Without such
    /// a series the sum is 0, so a misspelt name is 0 as well.
    #[must_use]
    pub fn sum<'l>(&self, name: &str, labels: impl IntoIterator<Item = (&'l str, &'l str)>) -> f64 {
        let labels: Vec<_> = labels.into_iter().collect();
        // The sum of no numbers would be -0.0, which a failed assertion prints as such.
        self.matching(name, &labels).fold(0.0, |sum, series| sum + series.value)
    }

    /// Returns by how much [`sum`](Self::sum) has grown since an earlier page.
    ///
    /// Use it where the instance is shared, as [`Metrics::global`] is, and does not begin at zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::{Metrics, testing::Page, track_global_exception};
    ///
    /// let before = Page::scrape(Metrics::global())?;
    /// track_global_exception("queue_full");
    /// let after = Page::scrape(Metrics::global())?;
    /// assert_eq!(after.increase_since(&before, "app_global_exceptions_total", []), 1.0);
    /// # Ok::<(), streamgauge::testing::PageError>(())
    /// ```
    #[must_use]
    pub fn increase_since<'l>(
        &self,
        before: &Self,
        name: &str,
        labels: impl IntoIterator<Item = (&'l str, &'l str)>,
    ) -> f64 {
        let labels: Vec<_> = labels.into_iter().collect();
        self.sum(name, labels.iter().copied()) - before.sum(name, labels.iter().copied())
    }

    /// Counts the series that have this name and at least these labels. A count of 0 shows that
    /// nothing of the kind was recorded.
    #[must_use]
    pub fn count<'l>(
        &self,
        name: &str,
        labels: impl IntoIterator<Item = (&'l str, &'l str)>,
    ) -> usize {
        let labels: Vec<_> = labels.into_iter().collect();
        self.matching(name, &labels).count()
    }

    /// Returns the values that a label has among the series of a name, sorted and without
    /// repetitions.
    #[must_use]
    pub fn label_values(&self, name: &str, label: &str) -> Vec<&str> {
        let values: BTreeSet<_> =
            self.matching(name, &[]).filter_map(|series| series.label(label)).collect();
        values.into_iter().collect()
    }

    /// Returns all series, in the order of the page.
    ///
    /// Use it for what concerns every series, for example that no label has a user's address.
    pub fn series(&self) -> impl Iterator<Item = &Series> {
        self.series.iter()
    }

    fn matching(&self, name: &str, labels: &[(&str, &str)]) -> impl Iterator<Item = &Series> {
        self.series.iter().filter(move |series| series.name == name && series.has(labels))
    }

    /// Explains why a name and labels do not select one series.
    fn series_error(&self, name: &str, labels: &[(&str, &str)], several: bool) -> SeriesError {
        if self.count(name, []) == 0 {
            return self.unknown_name(name);
        }
        let wanted =
            if labels.is_empty() { String::new() } else { format!(" with {}", Labels(labels)) };
        let (text, listed) = if several {
            let count = self.matching(name, labels).count();
            let text = format!(
                "{count} series named `{name}`{wanted}; add labels, or use `sum` for all of them:"
            );
            (text, labels)
        } else {
            (format!("no series named `{name}`{wanted}; the page has:"), [].as_slice())
        };
        let mut found: Vec<_> = self.matching(name, listed).collect();
        // Not all may be listed: those with most of the labels come first.
        found.sort_by_key(|series| labels.iter().filter(|label| !series.has(&[**label])).count());
        let lines = found.iter().map(|series| format!("\n  {series}"));
        SeriesError(text + &listing(lines.collect(), "", "\n  … and "))
    }

    fn unknown_name(&self, name: &str) -> SeriesError {
        let names: BTreeSet<&str> = self.series().map(Series::name).collect();
        if names.is_empty() {
            let comment = self.comment.as_ref().map(|comment| format!(": {comment}"));
            let comment = comment.unwrap_or_default();
            return SeriesError(format!(
                "no series named `{name}`; the page has no series{comment}"
            ));
        }
        let is_similar = |known: &&&str| {
            known.contains(name) || name.contains(**known) || is_misspelt(name, known)
        };
        let similar: Vec<_> = names.iter().filter(is_similar).copied().collect();
        let (has, known) = if similar.is_empty() {
            ("the page has the names", names.into_iter().collect())
        } else {
            ("similar names on the page are", similar)
        };
        let known = known.into_iter().map(|known| format!("`{known}`")).collect();
        SeriesError(format!("no series named `{name}`; {has} {}", listing(known, ", ", " and ")))
    }
}

/// Returns whether two names differ in one place only, by at most a sixth of the longer one.
fn is_misspelt(name: &str, known: &str) -> bool {
    let equal = |(a, b): &(u8, u8)| a == b;
    let start = name.bytes().zip(known.bytes()).take_while(equal).count();
    let end = name.bytes().rev().zip(known.bytes().rev()).take_while(equal).count();
    let longest = name.len().max(known.len());
    longest.saturating_sub(start + end) * 6 <= longest
}

/// Joins the first items of a list and says how many more there are.
fn listing(items: Vec<String>, separator: &str, before_more: &str) -> String {
    let more = items.len().saturating_sub(LISTED);
    let text = items.into_iter().take(LISTED).collect::<Vec<_>>().join(separator);
    if more > 0 { format!("{text}{before_more}{more} more") } else { text }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.series).finish()
    }
}
