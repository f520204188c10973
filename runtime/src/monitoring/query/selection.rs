//! Series of a family, and the functions that the type of the family allows.

use std::marker::PhantomData;

use super::expr::Expr;
use super::matcher::Matcher;
use super::unit::Unit;
use crate::family::{BaseUnit, Counter, Gauge, Histogram, Level, MoneyCounter, openmetrics_float};

/// The label that Prometheus adds to the series of each process it scrapes.
pub(in crate::monitoring) const INSTANCE: &str = "instance";

/// Series of a family whose values are of the type `P`.
#[derive(Debug)]
pub(in crate::monitoring) struct Series<P> {
    name: String,
    unit: BaseUnit,
    matchers: String,
    /// The labels that the results have, separated by commas.
    by: String,
    primitive: PhantomData<fn() -> P>,
}

impl<P> Series<P> {
    /// `by` are the labels that the results have, separated by commas.
    pub(super) fn new(name: String, unit: BaseUnit, matchers: String, by: String) -> Self {
        Self { name, unit, matchers, by, primitive: PhantomData }
    }

    /// Adds a request label to the labels that the results have. The macro `series!` calls it for
    /// families that have the request labels.
    pub(in crate::monitoring) fn for_each(mut self, request_label: &str) -> Self {
        self.push_by(request_label);
        self
    }

    /// Adds the label of the process to the labels that the results have.
    pub(in crate::monitoring) fn by_process(mut self) -> Self {
        self.push_by(INSTANCE);
        self
    }

    fn push_by(&mut self, label: &str) {
        if !self.by.is_empty() {
            self.by.push_str(", ");
        }
        self.by.push_str(label);
    }

    /// Returns the selector of all series.
    pub(in crate::monitoring) fn all(&self) -> String {
        self.selector("", "")
    }

    /// Returns the selector of the series whose names end in `suffix`, with these matchers before
    /// the others.
    fn selector(&self, suffix: &str, matcher: &str) -> String {
        let separator = if matcher.is_empty() || self.matchers.is_empty() { "" } else { ", " };
        if matcher.is_empty() && self.matchers.is_empty() {
            return format!("{}{suffix}", self.name);
        }
        format!("{}{suffix}{{{matcher}{separator}{}}}", self.name, self.matchers)
    }

    /// Aggregates an expression, by the labels of the query and by `and`, into results of a unit.
    fn aggregate(&self, operator: &str, and: &str, inner: &str, unit: Unit) -> Expr {
        let separator = if and.is_empty() || self.by.is_empty() { "" } else { ", " };
        let by = match (self.by.as_str(), and) {
            ("", "") => String::new(),
            (by, and) => format!(" by ({and}{separator}{by}) "),
        };
        Expr::atom(format!("{operator}{by}({inner})"), unit)
    }

    fn sum_of(&self, function: &str, suffix: &str, window: &str, unit: Unit) -> Expr {
        let selector = self.selector(suffix, "");
        self.aggregate("sum", "", &format!("{function}({selector}[{window}])"), unit)
    }

    /// Returns the unit of results that are values of the family.
    fn value_unit(&self) -> Unit {
        Unit::of(self.unit)
    }

    /// Returns the unit of results that are increases per second.
    fn rate_unit(&self) -> Unit {
        Unit::rate_of(self.unit)
    }
}

/// The types of families that only grow.
pub(in crate::monitoring) trait Growing {}

impl Growing for Counter {}
impl Growing for MoneyCounter {}

impl<P: Growing> Series<P> {
    /// One result for each target of Prometheus that has these series.
    pub(in crate::monitoring) fn targets(&self) -> Expr {
        self.aggregate("group", "job, instance", &self.selector("", ""), Unit::Number)
    }

    /// The increase per second.
    pub(in crate::monitoring) fn rate(&self, window: &str) -> Expr {
        self.sum_of("rate", "", window, self.rate_unit())
    }

    /// The increase per second in a window that ended at an earlier time.
    pub(in crate::monitoring) fn rate_before(&self, window: &str, offset: &str) -> Expr {
        let selector = self.selector("", "");
        let rate = format!("rate({selector}[{window}] offset {offset})");
        self.aggregate("sum", "", &rate, self.rate_unit())
    }

    /// The series that have appeared within a window. The first value of such a series is no
    /// increase for Prometheus. A scrape that failed in the window before does not matter.
    fn new_within(&self, window: &str) -> Expr {
        let selector = self.selector("", "");
        let before = format!("count_over_time({selector}[{window}] offset {window})");
        let new = format!("{selector} unless {before}");
        self.aggregate("sum", "", &new, self.value_unit())
    }

    /// The results that have increased within a window, from the first value on.
    pub(in crate::monitoring) fn grown_within(&self, window: &str) -> Expr {
        self.increase(window).above(0.0).or(&self.new_within(window).above(0.0))
    }

    /// The increase in a window.
    fn increase(&self, window: &str) -> Expr {
        self.sum_of("increase", "", window, self.value_unit())
    }
}

/// The types of families that rise and fall.
pub(in crate::monitoring) trait RisingAndFalling {}

impl RisingAndFalling for Gauge {}
impl RisingAndFalling for Level {}

impl<P: RisingAndFalling> Series<P> {
    /// The sum over all processes.
    pub(in crate::monitoring) fn sum(&self) -> Expr {
        self.aggregate("sum", "", &self.selector("", ""), self.value_unit())
    }

    /// The smallest value of any process.
    pub(in crate::monitoring) fn min(&self) -> Expr {
        self.aggregate("min", "", &self.selector("", ""), self.value_unit())
    }

    /// The sum of the smallest values within a window.
    pub(in crate::monitoring) fn sum_of_minima(&self, window: &str) -> Expr {
        self.sum_of("min_over_time", "", window, self.value_unit())
    }

    /// The sum of the largest values within a window.
    pub(in crate::monitoring) fn sum_of_maxima(&self, window: &str) -> Expr {
        self.sum_of("max_over_time", "", window, self.value_unit())
    }
}

impl Series<Histogram> {
    /// A quantile of the values in a window.
    pub(in crate::monitoring) fn quantile(&self, quantile: f64, window: &str) -> Expr {
        let rate = format!("rate({}[{window}])", self.selector("_bucket", ""));
        let sum = self.aggregate("sum", "le", &rate, Unit::PerSecond);
        Expr::atom(format!("histogram_quantile({quantile}, {sum})"), self.value_unit())
    }

    /// The number of values per second.
    pub(in crate::monitoring) fn count_rate(&self, window: &str) -> Expr {
        self.sum_of("rate", "_count", window, Unit::PerSecond)
    }

    /// The sum of the values that are recorded per second.
    pub(in crate::monitoring) fn sum_rate(&self, window: &str) -> Expr {
        self.sum_of("rate", "_sum", window, self.rate_unit())
    }

    /// The mean of the values in a window.
    pub(in crate::monitoring) fn mean(&self, window: &str) -> Expr {
        let mean = self.sum_rate(window).divided_by(&self.count_rate(window));
        mean.in_unit(self.value_unit())
    }

    /// The share of the values that are larger than `bound`, which is the bound of a bucket.
    pub(in crate::monitoring) fn share_above(&self, bound: f64, window: &str) -> Expr {
        let all = self.count_rate(window);
        all.minus(&self.rate_up_to(bound, window)).divided_by_nonzero(&all)
    }

    /// The number of values per second that are at most `bound`, which is the bound of a bucket.
    pub(super) fn rate_up_to(&self, bound: f64, window: &str) -> Expr {
        // A page in the text format has `le="1"`, and one in the OpenMetrics format `le="1.0"`.
        // Prometheus 3 stores the second form of both.
        let [text, open_metrics] = [bound.to_string(), openmetrics_float(bound)];
        let both = [&*text, &*open_metrics];
        let matcher = if text == open_metrics { Matcher::Is(&text) } else { Matcher::OneOf(&both) };
        let matcher = matcher.of("le");
        let selector = self.selector("_bucket", &matcher);
        self.aggregate("sum", "", &format!("rate({selector}[{window}])"), Unit::PerSecond)
    }
}
