//! The names of an instance's families, and of the series of its recording rules.

use super::expr::Expr;
use super::matcher::{Matcher, Quoted};
use super::selection::{INSTANCE, Series};
use super::unit::Unit;
use crate::family::Described;

/// How an instance names its families in queries, and which labels all of its series have.
#[derive(Clone, Debug)]
pub(in crate::monitoring) struct Names {
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
    pub(in crate::monitoring) fn new<'a>(
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
    pub(in crate::monitoring) fn with_variable(
        mut self,
        label: &'static str,
        matcher: &str,
    ) -> Self {
        self.variables.push((label, matcher.to_owned()));
        self
    }

    /// Returns the series of a recording rule. `level` are the labels that they have besides the
    /// constant labels, `operation` is what the rule computes, and `unit` is the unit of the
    /// results.
    pub(in crate::monitoring) fn recorded(
        &self,
        level: &'static [&'static str],
        name: &str,
        operation: &str,
        unit: Unit,
    ) -> Recorded<'_> {
        let name = format!("{}:{}{name}:{operation}", level.join("_"), self.prefix);
        Recorded { name, level, unit, names: self }
    }

    /// Returns the request labels of the instance.
    pub(in crate::monitoring) fn request_labels(&self) -> &[String] {
        &self.request_labels
    }

    /// Returns the constant labels.
    pub(in crate::monitoring) fn labels(&self) -> &[(String, String)] {
        &self.labels
    }

    /// Returns the prefix of all families, with its separator.
    pub(in crate::monitoring) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Selects series of a family. The macro [`series!`] calls it with labels that the family has.
    pub(in crate::monitoring) fn select<P>(
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
        let name = format!("{}{}", self.prefix, family.name());
        Series::new(name, family.unit(), all.join(", "), self.grouping(by))
    }
}

/// The series of a recording rule.
#[derive(Debug)]
pub(in crate::monitoring) struct Recorded<'a> {
    name: String,
    level: &'static [&'static str],
    unit: Unit,
    names: &'a Names,
}

impl Recorded<'_> {
    pub(in crate::monitoring) fn name(&self) -> &str {
        &self.name
    }

    pub(in crate::monitoring) fn all(&self) -> Expr {
        self.with(&[])
    }

    /// Returns the series whose labels have these values. The labels are of the level of the rule.
    pub(in crate::monitoring) fn with(&self, matchers: &[(&str, Matcher<'_>)]) -> Expr {
        Expr::atom(self.selector(matchers), self.unit)
    }

    /// Returns the targets that Prometheus cannot scrape and that had these series within a window.
    pub(in crate::monitoring) fn down_targets(&self, window: &str) -> Expr {
        let known = format!("count_over_time({}[{window}])", self.selector(&[]));
        Expr::operation(format!("(up == 0) and on (job, instance) {known}"), Unit::Number)
    }

    /// Returns the mean over a window of the series whose labels have these values.
    pub(in crate::monitoring) fn mean(
        &self,
        window: &str,
        matchers: &[(&str, Matcher<'_>)],
    ) -> Expr {
        Expr::atom(format!("avg_over_time({}[{window}])", self.selector(matchers)), self.unit)
    }

    fn selector(&self, matchers: &[(&str, Matcher<'_>)]) -> String {
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
    pub(in crate::monitoring) fn sum(&self, by: &[&str], matchers: &[(&str, Matcher<'_>)]) -> Expr {
        let by = self.names.grouping(by);
        let by = if by.is_empty() { by } else { format!(" by ({by}) ") };
        Expr::atom(format!("sum{by}({})", self.with(matchers)), self.unit)
    }
}
