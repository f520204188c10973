//! Queries in `PromQL` over the families of an instance.
//!
//! A query names a family of the table and labels of this family. The macro [`series!`] checks both
//! when the crate is compiled. What a query may do depends on the type of the family: only a
//! counter has a rate, and only a histogram has quantiles.

use std::fmt::{self, Display};
use std::marker::PhantomData;

use crate::family::{Counter, Described, Gauge, Histogram, Level, MoneyCounter, openmetrics_float};

/// Selects series of a family: `series!(names, family { label: matcher } by label)`. The query has
/// one result for each combination of the labels after `by`.
macro_rules! series {
    (
        $names:expr, $family:ident
        $({ $($label:ident: $matcher:expr),+ $(,)? })?
        $(by $($by:ident),+)?
    ) => {{
        $($(const {
            assert!(
                $crate::family::described::$family.has_label(stringify!($label)),
                "the family has no such label"
            );
        };)+)?
        $($(const {
            assert!(
                $crate::family::described::$family.has_label(stringify!($by)),
                "the family has no such label"
            );
        };)+)?
        $names.select(
            &$crate::family::described::$family,
            &[$($((stringify!($label), $matcher)),+)?],
            &[$($(stringify!($by)),+)?],
        )
    }};
}
pub(super) use series;

/// How an instance names its families in queries, and which labels all of its series have.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// The prefix of all families, with its separator.
    prefix: String,
    /// The labels that all series of the program have.
    labels: Vec<(String, String)>,
    /// The request labels of the instance.
    request_labels: Vec<String>,
    /// Matchers that are added if the family has the label: those of a dashboard's variables.
    variables: Vec<(&'static str, String)>,
}

impl Names {
    /// `labels` are the constant labels of the instance and of its registry.
    pub(super) fn new<'a>(
        prefix: String,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        request_labels: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let request_labels = request_labels.into_iter().map(str::to_owned).collect();
        let labels = labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { prefix, labels: labels.collect(), request_labels, variables: Vec::new() }
    }

    fn matchers(&self) -> impl Iterator<Item = String> {
        self.labels.iter().map(|(name, value)| format!("{name}={}", Quoted(value)))
    }

    /// Returns the labels of the results of an aggregation, separated by commas: `by` and the
    /// constant labels. A recording rule adds the constant labels to its series, and Prometheus
    /// matches the operands of an operation by all of their labels.
    fn grouping(&self, by: &[&str]) -> String {
        let constant = self.labels.iter().map(|(name, _)| name.as_str());
        by.iter().copied().chain(constant).collect::<Vec<_>>().join(", ")
    }

    /// Adds a matcher to all series that have a label.
    pub(super) fn with_variable(mut self, label: &'static str, matcher: &str) -> Self {
        self.variables.push((label, matcher.to_owned()));
        self
    }

    /// Returns the series of a recording rule. `level` are the labels that they have besides the
    /// constant labels, and `operation` is what the rule computes.
    pub(super) fn recorded(
        &self,
        level: &'static [&'static str],
        name: &str,
        operation: &str,
    ) -> Recorded<'_> {
        let name = format!("{}:{}{name}:{operation}", level.join("_"), self.prefix);
        Recorded { name, level, names: self }
    }

    /// Returns the request labels of the instance.
    pub(super) fn request_labels(&self) -> &[String] {
        &self.request_labels
    }

    /// Returns the constant labels.
    pub(super) fn labels(&self) -> &[(String, String)] {
        &self.labels
    }

    /// Returns the prefix of all families, with its separator.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Selects series of a family. The macro [`series!`] calls it with labels that the family has.
    pub(super) fn select<P>(
        &self,
        family: &Described<P>,
        matchers: &[(&str, Matcher<'_>)],
        by: &[&str],
    ) -> Series<P> {
        let own = matchers.iter().map(|(label, matcher)| matcher.of(label));
        let variables = self.variables.iter();
        let variables = variables
            .filter(|(label, _)| *label == INSTANCE || family.has_label(label))
            .map(|(label, matcher)| format!("{label}{matcher}"));
        let all: Vec<_> = own.chain(self.matchers()).chain(variables).collect();
        Series {
            name: format!("{}{}", self.prefix, family.name()),
            matchers: all.join(", "),
            by: self.grouping(by),
            has_request_labels: family.has_request_labels(),
            primitive: PhantomData,
        }
    }
}

/// The series of a recording rule.
#[derive(Debug)]
pub(super) struct Recorded<'a> {
    name: String,
    level: &'static [&'static str],
    names: &'a Names,
}

impl Recorded<'_> {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn all(&self) -> Expr {
        self.with(&[])
    }

    /// Returns the series whose labels have these values. The labels are of the level of the rule.
    pub(super) fn with(&self, matchers: &[(&str, Matcher<'_>)]) -> Expr {
        Expr::atom(self.selector(matchers))
    }

    /// Returns the targets that Prometheus cannot scrape and that had these series within a window.
    pub(super) fn down_targets(&self, window: &str) -> Expr {
        let known = format!("count_over_time({}[{window}])", self.selector(&[]));
        Expr { text: format!("(up == 0) and on (job, instance) {known}"), is_atom: false }
    }

    /// Returns the mean over a window of the series whose labels have these values.
    pub(super) fn mean(&self, window: &str, matchers: &[(&str, Matcher<'_>)]) -> Expr {
        Expr::atom(format!("avg_over_time({}[{window}])", self.selector(matchers)))
    }

    fn selector(&self, matchers: &[(&str, Matcher<'_>)]) -> String {
        debug_assert!(matchers.iter().all(|(label, _)| self.level.contains(label)));
        let own = matchers.iter().map(|(label, matcher)| matcher.of(label));
        let variables = self.names.variables.iter();
        let variables = variables
            .filter(|(label, _)| self.level.contains(label))
            .map(|(label, matcher)| format!("{label}{matcher}"));
        let all: Vec<_> = own.chain(self.names.matchers()).chain(variables).collect();
        if all.is_empty() {
            return self.name.clone();
        }
        format!("{}{{{}}}", self.name, all.join(", "))
    }

    /// Returns the sum of the series whose labels have these values, for each combination of the
    /// labels `by`.
    pub(super) fn sum(&self, by: &[&str], matchers: &[(&str, Matcher<'_>)]) -> Expr {
        debug_assert!(by.iter().all(|label| self.level.contains(label)));
        let by = self.names.grouping(by);
        let by = if by.is_empty() { by } else { format!(" by ({by}) ") };
        Expr::atom(format!("sum{by}({})", self.with(matchers)))
    }
}

/// The label that Prometheus adds to the series of each process it scrapes.
pub(super) const INSTANCE: &str = "instance";

/// A condition on the value of a label.
#[derive(Clone, Copy, Debug)]
pub(super) enum Matcher<'a> {
    Is(&'a str),
    IsNot(&'a str),
    OneOf(&'a [&'a str]),
}

impl Matcher<'_> {
    fn of(&self, label: &str) -> String {
        match self {
            Self::Is(value) => format!("{label}={}", Quoted(value)),
            Self::IsNot(value) => format!("{label}!={}", Quoted(value)),
            Self::OneOf(values) => {
                let values: Vec<_> = values.iter().map(|value| escape_regex(value)).collect();
                format!("{label}=~{}", Quoted(&values.join("|")))
            }
        }
    }
}

/// Escapes the characters that have a meaning in the regular expressions of Prometheus (RE2).
fn escape_regex(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// A string literal of `PromQL`, which has the escapes of Go.
///
/// `$` and `[` are written as escapes, too: a dashboard would take `$name` and `[[name]]` for its
/// variables.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for character in self.0.chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '$' | '[' => write!(f, "\\x{:02x}", u32::from(character))?,
                character if character.is_control() => {
                    write!(f, "\\u{:04x}", u32::from(character))?;
                }
                character => write!(f, "{character}")?,
            }
        }
        f.write_str("\"")
    }
}

/// Series of a family whose values are of the type `P`.
#[derive(Debug)]
pub(super) struct Series<P> {
    name: String,
    matchers: String,
    /// The labels that the results have, separated by commas.
    by: String,
    has_request_labels: bool,
    primitive: PhantomData<fn() -> P>,
}

impl<P> Series<P> {
    /// Adds a request label to the labels that the results have. The family must have the request
    /// labels.
    pub(super) fn and_by(mut self, request_label: &str) -> Self {
        debug_assert!(self.has_request_labels, "{} has no request labels", self.name);
        self.push_by(request_label);
        self
    }

    /// Adds the label of the process to the labels that the results have.
    pub(super) fn by_process(mut self) -> Self {
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
    pub(super) fn all(&self) -> String {
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

    /// Aggregates an expression by the labels of the query and by `and`.
    fn aggregate(&self, operator: &str, and: &str, inner: &str) -> Expr {
        let separator = if and.is_empty() || self.by.is_empty() { "" } else { ", " };
        let by = match (self.by.as_str(), and) {
            ("", "") => String::new(),
            (by, and) => format!(" by ({and}{separator}{by}) "),
        };
        Expr::atom(format!("{operator}{by}({inner})"))
    }

    fn sum_of(&self, function: &str, suffix: &str, window: &str) -> Expr {
        let selector = self.selector(suffix, "");
        self.aggregate("sum", "", &format!("{function}({selector}[{window}])"))
    }
}

/// The types of families that only grow.
pub(super) trait Growing {}

impl Growing for Counter {}
impl Growing for MoneyCounter {}

impl<P: Growing> Series<P> {
    /// One result for each target of Prometheus that has these series.
    pub(super) fn targets(&self) -> Expr {
        self.aggregate("group", "job, instance", &self.selector("", ""))
    }

    /// The increase per second.
    pub(super) fn rate(&self, window: &str) -> Expr {
        self.sum_of("rate", "", window)
    }

    /// The increase per second in a window that ended at an earlier time.
    pub(super) fn rate_before(&self, window: &str, offset: &str) -> Expr {
        let selector = self.selector("", "");
        self.aggregate("sum", "", &format!("rate({selector}[{window}] offset {offset})"))
    }

    /// The series that have appeared within a window. The first value of such a series is no
    /// increase for Prometheus. A scrape that failed in the window before does not matter.
    fn new_within(&self, window: &str) -> Expr {
        let selector = self.selector("", "");
        let before = format!("count_over_time({selector}[{window}] offset {window})");
        self.aggregate("sum", "", &format!("{selector} unless {before}"))
    }

    /// The results that have increased within a window, from the first value on.
    pub(super) fn grown_within(&self, window: &str) -> Expr {
        self.increase(window).above(0.0).or(&self.new_within(window).above(0.0))
    }

    /// The increase in a window.
    fn increase(&self, window: &str) -> Expr {
        self.sum_of("increase", "", window)
    }
}

/// The types of families that rise and fall.
pub(super) trait RisingAndFalling {}

impl RisingAndFalling for Gauge {}
impl RisingAndFalling for Level {}

impl<P: RisingAndFalling> Series<P> {
    /// The sum over all processes.
    pub(super) fn sum(&self) -> Expr {
        self.aggregate("sum", "", &self.selector("", ""))
    }

    /// The smallest value of any process.
    pub(super) fn min(&self) -> Expr {
        self.aggregate("min", "", &self.selector("", ""))
    }

    /// The sum of the smallest values within a window.
    pub(super) fn sum_of_minima(&self, window: &str) -> Expr {
        self.sum_of("min_over_time", "", window)
    }

    /// The sum of the largest values within a window.
    pub(super) fn sum_of_maxima(&self, window: &str) -> Expr {
        self.sum_of("max_over_time", "", window)
    }
}

impl Series<Histogram> {
    /// A quantile of the values in a window.
    pub(super) fn quantile(&self, quantile: f64, window: &str) -> Expr {
        let rate = format!("rate({}[{window}])", self.selector("_bucket", ""));
        let sum = self.aggregate("sum", "le", &rate);
        Expr::atom(format!("histogram_quantile({quantile}, {sum})"))
    }

    /// The number of values per second.
    pub(super) fn count_rate(&self, window: &str) -> Expr {
        self.sum_of("rate", "_count", window)
    }

    /// The sum of the values that are recorded per second.
    pub(super) fn sum_rate(&self, window: &str) -> Expr {
        self.sum_of("rate", "_sum", window)
    }

    /// The mean of the values in a window.
    pub(super) fn mean(&self, window: &str) -> Expr {
        self.sum_rate(window).divided_by(&self.count_rate(window))
    }

    /// The share of the values that are larger than `bound`, which is the bound of a bucket.
    pub(super) fn share_above(&self, bound: f64, window: &str) -> Expr {
        let all = self.count_rate(window);
        all.minus(&self.rate_up_to(bound, window)).divided_by_nonzero(&all)
    }

    /// The number of values per second that are at most `bound`, which is the bound of a bucket.
    fn rate_up_to(&self, bound: f64, window: &str) -> Expr {
        // A page in the text format has `le="1"`, and one in the OpenMetrics format `le="1.0"`.
        // Prometheus 3 stores the second form of both.
        let [text, open_metrics] = [bound.to_string(), openmetrics_float(bound)];
        let both = [&*text, &*open_metrics];
        let matcher = if text == open_metrics { Matcher::Is(&text) } else { Matcher::OneOf(&both) };
        let matcher = matcher.of("le");
        let selector = self.selector("_bucket", &matcher);
        self.aggregate("sum", "", &format!("rate({selector}[{window}])"))
    }
}

/// An expression in `PromQL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expr {
    text: String,
    /// Whether the expression needs no parentheses as an operand.
    is_atom: bool,
}

impl Expr {
    fn atom(text: String) -> Self {
        Self { text, is_atom: true }
    }

    fn binary(&self, operator: &str, right: &str) -> Self {
        Self { text: format!("{} {operator} {right}", self.operand()), is_atom: false }
    }

    fn operand(&self) -> String {
        if self.is_atom { self.text.clone() } else { format!("({})", self.text) }
    }

    /// The ratio of two expressions with the same labels.
    pub(super) fn divided_by(&self, divisor: &Self) -> Self {
        self.binary("/", &divisor.operand())
    }

    /// The ratio of two expressions with the same labels, where the divisor is not zero.
    pub(super) fn divided_by_nonzero(&self, divisor: &Self) -> Self {
        // A recorded `NaN` would make each mean over a window that contains it `NaN`.
        self.divided_by(&divisor.above(0.0))
    }

    pub(super) fn times(&self, factor: f64) -> Self {
        self.binary("*", &factor.to_string())
    }

    pub(super) fn minus(&self, right: &Self) -> Self {
        self.binary("-", &right.operand())
    }

    /// The age, in seconds, of a file of this name that node-exporter reads.
    pub(super) fn age_of_text_file(name: &str) -> Self {
        let path = format!("(.*/)?{}", escape_regex(name));
        let written = format!("node_textfile_mtime_seconds{{file=~{}}}", Quoted(&path));
        Self { text: format!("time() - {written}"), is_atom: false }
    }

    /// What is left of 1.
    pub(super) fn complement(&self) -> Self {
        Self { text: format!("1 - {}", self.operand()), is_atom: false }
    }

    /// The results that are larger than a threshold.
    pub(super) fn above(&self, threshold: f64) -> Self {
        self.binary(">", &threshold.to_string())
    }

    /// The results that are smaller than a threshold.
    pub(super) fn below(&self, threshold: f64) -> Self {
        self.binary("<", &threshold.to_string())
    }

    /// The results for whose labels `condition` has a result, too.
    pub(super) fn and(&self, condition: &Self) -> Self {
        self.binary("and", &condition.operand())
    }

    /// These results, and zero for the labels that only `other` has.
    pub(super) fn or_zero_of(&self, other: &Self) -> Self {
        self.or(&Self { text: format!("0 * {}", other.operand()), is_atom: false })
    }

    /// These results, and those of `other` whose labels they lack.
    pub(super) fn or(&self, other: &Self) -> Self {
        self.binary("or", &other.operand())
    }

    /// The results for whose labels `condition` has no result.
    pub(super) fn unless(&self, condition: &Self) -> Self {
        self.binary("unless", &condition.operand())
    }

    /// The results that are equal to a number.
    pub(super) fn equal_to(&self, number: f64) -> Self {
        self.binary("==", &number.to_string())
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::Matcher::{Is, OneOf};
    use super::*;

    fn names() -> Names {
        Names::new("app_".to_owned(), [("env", "a\"b\\$c")], [])
    }

    #[test]
    fn rate_has_the_matchers_of_the_query_and_the_constant_labels() {
        let series = series!(names(), http_requests { outcome: Is("success") } by endpoint, method);
        assert_eq!(
            series.rate("5m").to_string(),
            r#"sum by (endpoint, method, env) (rate(app_http_requests_total{outcome="success", env="a\"b\\\x24c"}[5m]))"#
        );
    }

    #[test]
    fn sum_of_recorded_series_keeps_the_constant_labels() {
        let names = names();
        let requests = names.recorded(&["endpoint"], "requests", "rate5m");
        assert_eq!(
            requests.sum(&["endpoint"], &[]).to_string(),
            r#"sum by (endpoint, env) (endpoint:app_requests:rate5m{env="a\"b\\\x24c"})"#
        );
    }

    #[test]
    fn quantile_is_aggregated_by_its_buckets() {
        let names = Names::new(String::new(), [], []);
        let series = series!(names, http_request_duration by endpoint);
        assert_eq!(
            series.quantile(0.95, "5m").to_string(),
            "histogram_quantile(0.95, sum by (le, endpoint) \
             (rate(http_request_duration_seconds_bucket[5m])))"
        );
        assert_eq!(
            series!(names, http_request_duration).mean("1h").to_string(),
            "sum(rate(http_request_duration_seconds_sum[1h])) / \
             sum(rate(http_request_duration_seconds_count[1h]))"
        );
    }

    #[test]
    fn matcher_of_several_values_takes_them_literally() {
        let names = Names::new(String::new(), [], []);
        let values = ["/items/{id}", "a|b"];
        let series = series!(names, active_requests { endpoint: OneOf(&values) });
        assert_eq!(
            series.sum().to_string(),
            r#"sum(active_requests{endpoint=~"/items/\\{id\\}|a\\|b"})"#
        );
    }

    #[test]
    fn variable_is_added_only_to_families_that_have_its_label() {
        let names = Names::new(String::new(), [], [])
            .with_variable(INSTANCE, "=~\"$instance\"")
            .with_variable("endpoint", "=~\"$endpoint\"");
        let refused = series!(names, scrapes_refused).rate("5m");
        assert_eq!(
            refused.to_string(),
            "sum(rate(scrapes_refused_total{instance=~\"$instance\"}[5m]))"
        );
        let streams = series!(names, active_streams).sum();
        let expected = "sum(active_streams{instance=~\"$instance\", endpoint=~\"$endpoint\"})";
        assert_eq!(streams.to_string(), expected);
    }

    #[test]
    fn operand_that_is_an_operation_is_in_parentheses() {
        let names = Names::new(String::new(), [], []);
        let [all, failed] = [series!(names, llm_calls), series!(names, llm_calls)];
        let ratio = failed.rate("5m").divided_by(&all.rate("5m"));
        assert_eq!(
            ratio.above(0.05).and(&all.rate("5m").above(0.1)).to_string(),
            "((sum(rate(llm_calls_total[5m])) / sum(rate(llm_calls_total[5m]))) > 0.05) and \
             (sum(rate(llm_calls_total[5m])) > 0.1)"
        );
    }

    #[test]
    fn bound_of_a_bucket_matches_both_page_formats() {
        let names = Names::new(String::new(), [], []);
        let series = series!(names, http_request_duration by endpoint);
        let selector = |bound| series.rate_up_to(bound, "5m").to_string();
        assert!(selector(1.0).contains(r#"{le=~"1|1\\.0"}"#), "{}", selector(1.0));
        let small = selector(0.000_05);
        assert!(small.contains(r#"{le=~"0\\.00005|5e-05"}"#), "{small}");
        assert!(selector(0.25).contains(r#"{le="0.25"}"#), "{}", selector(0.25));
    }
}
