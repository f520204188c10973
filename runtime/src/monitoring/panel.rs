//! Rows, panels and queries, before they are written for Grafana and Perses.

use std::borrow::Cow;

use super::query::Expr;

/// A row of panels.
pub(super) struct Row {
    pub(super) title: String,
    pub(super) panels: Vec<Panel>,
}

/// A panel.
pub(super) struct Panel {
    pub(super) title: Cow<'static, str>,
    pub(super) description: Cow<'static, str>,
    pub(super) kind: Kind,
    pub(super) unit: Unit,
    pub(super) queries: Vec<Query>,
    pub(super) threshold: Option<Threshold>,
}

/// The value at which a panel draws a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Threshold {
    /// Values from here on are a problem.
    From(f64),
    /// Values below are a problem.
    Below(f64),
}

/// How a panel shows its results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The newest value, as a number.
    Number,
    /// The values over time, as lines.
    Lines,
}

/// The unit of a panel's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Number,
    Seconds,
    Share,
    PerSecond,
    RequestsPerSecond,
    BytesPerSecond,
    Dollars,
}

/// A query of a panel.
pub(super) struct Query {
    pub(super) expr: Expr,
    /// The name of a line, in which `{{label}}` stands for the value of a label.
    pub(super) legend: String,
}

impl Panel {
    pub(super) fn lines(title: impl Into<Cow<'static, str>>, unit: Unit) -> Self {
        Self::new(title.into(), Kind::Lines, unit)
    }

    pub(super) fn new(title: Cow<'static, str>, kind: Kind, unit: Unit) -> Self {
        let description = Cow::Borrowed("");
        Self { title, description, kind, unit, queries: Vec::new(), threshold: None }
    }

    pub(super) fn saying(self, description: impl Into<Cow<'static, str>>) -> Self {
        Self { description: description.into(), ..self }
    }

    pub(super) fn with(mut self, expr: Expr, legend: &str) -> Self {
        self.queries.push(Query { expr, legend: legend.to_owned() });
        self
    }

    /// Whether the axis begins at zero. Only what can fall below its threshold can be negative.
    pub(super) fn has_no_negative_values(&self) -> bool {
        !matches!(self.threshold, Some(Threshold::Below(_)))
    }

    /// Draws a line at a value from which on the panel shows a problem.
    pub(super) fn threshold(self, value: f64) -> Self {
        Self { threshold: Some(Threshold::From(value)), ..self }
    }

    /// Draws a line at a value below which the panel shows a problem.
    pub(super) fn below(self, value: f64) -> Self {
        Self { threshold: Some(Threshold::Below(value)), ..self }
    }
}
