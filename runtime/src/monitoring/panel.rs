//! Rows, panels and queries, before they are written for Grafana and Perses.

use std::borrow::Cow;

use super::query::{Expr, Unit};

/// A row of panels.
pub(super) struct Row {
    pub(super) title: String,
    pub(super) panels: Vec<Panel>,
}

/// The width of a dashboard, in columns.
pub(super) const COLUMNS: usize = 24;

/// Where a panel is in its row.
pub(super) struct Place {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Row {
    /// Returns the panels, each with its place.
    pub(super) fn places(&self) -> impl Iterator<Item = (Place, &Panel)> {
        // Two or four panels fill whole lines if each takes half of one.
        let per_line = if matches!(self.panels.len(), 2 | 4) { 2 } else { 3 };
        let (mut x, mut y) = (0, 0);
        self.panels.iter().map(move |panel| {
            let (width, height) = match panel.kind {
                Kind::Number => (COLUMNS / 4, 4),
                Kind::Lines => (COLUMNS / per_line, 8),
            };
            if x + width > COLUMNS {
                (x, y) = (0, y + height);
            }
            let place = Place { x, y, width, height };
            x += width;
            (place, panel)
        })
    }
}

/// A panel.
pub(super) struct Panel {
    pub(super) title: Cow<'static, str>,
    pub(super) description: Cow<'static, str>,
    pub(super) kind: Kind,
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

/// A query of a panel.
pub(super) struct Query {
    pub(super) expr: Expr,
    /// The name of a line, in which `{{label}}` stands for the value of a label.
    pub(super) legend: String,
}

impl Panel {
    pub(super) fn lines(title: impl Into<Cow<'static, str>>) -> Self {
        Self::new(title.into(), Kind::Lines)
    }

    pub(super) fn new(title: Cow<'static, str>, kind: Kind) -> Self {
        let description = Cow::Borrowed("");
        Self { title, description, kind, queries: Vec::new(), threshold: None }
    }

    /// Returns the unit of the first query, which the other queries have, too.
    pub(super) fn unit(&self) -> Unit {
        self.queries.first().map_or(Unit::Number, |query| query.expr.unit())
    }

    pub(super) fn saying(self, description: impl Into<Cow<'static, str>>) -> Self {
        Self { description: description.into(), ..self }
    }

    pub(super) fn with(mut self, expr: Expr, legend: &str) -> Self {
        self.queries.push(Query { expr, legend: legend.to_owned() });
        self
    }

    /// Returns the name and the value of the limit of the axis. Only panels with a lower threshold,
    /// which show what is left of a whole, have negative values.
    pub(super) fn axis_limit(&self) -> Option<(&'static str, u8)> {
        match (self.kind, self.threshold) {
            (Kind::Number, _) => None,
            (Kind::Lines, Some(Threshold::Below(_))) => Some(("max", 1)),
            (Kind::Lines, _) => Some(("min", 0)),
        }
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
