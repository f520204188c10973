//! Expressions.

use std::fmt::{self, Display};

use super::matcher::{Quoted, escape_regex};
use super::unit::Unit;

/// An expression in `PromQL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::monitoring) struct Expr {
    text: String,
    unit: Unit,
    /// Whether the expression needs no parentheses as an operand.
    is_atom: bool,
}

impl Expr {
    pub(super) fn atom(text: String, unit: Unit) -> Self {
        Self { text, unit, is_atom: true }
    }

    /// An expression that needs parentheses as an operand.
    pub(super) fn operation(text: String, unit: Unit) -> Self {
        Self { text, unit, is_atom: false }
    }

    /// An operation whose results have the unit of the left operand.
    fn binary(&self, operator: &str, right: &str) -> Self {
        Self::operation(format!("{} {operator} {right}", self.operand()), self.unit)
    }

    fn operand(&self) -> String {
        if self.is_atom { self.text.clone() } else { format!("({})", self.text) }
    }

    pub(super) fn in_unit(self, unit: Unit) -> Self {
        Self { unit, ..self }
    }

    /// The unit of the results.
    pub(in crate::monitoring) fn unit(&self) -> Unit {
        self.unit
    }

    /// The ratio of two expressions with the same labels.
    pub(in crate::monitoring) fn divided_by(&self, divisor: &Self) -> Self {
        self.binary("/", &divisor.operand()).in_unit(self.unit.divided_by(divisor.unit))
    }

    /// The ratio of two expressions with the same labels, where the divisor is not zero.
    pub(in crate::monitoring) fn divided_by_nonzero(&self, divisor: &Self) -> Self {
        // A recorded `NaN` would make each mean over a window that contains it `NaN`.
        self.divided_by(&divisor.above(0.0))
    }

    /// The increase per hour of results that are increases per second.
    pub(in crate::monitoring) fn per_hour(&self) -> Self {
        self.binary("*", "3600").in_unit(self.unit.per_hour())
    }

    /// How many times as large as `share` the results are.
    pub(in crate::monitoring) fn multiple_of(&self, share: f64) -> Self {
        self.binary("*", &(1.0 / share).to_string()).in_unit(Unit::Number)
    }

    pub(in crate::monitoring) fn minus(&self, right: &Self) -> Self {
        self.binary("-", &right.operand())
    }

    /// The age, in seconds, of a file of this name that node-exporter reads.
    pub(in crate::monitoring) fn age_of_text_file(name: &str) -> Self {
        let path = format!("(.*/)?{}", escape_regex(name));
        let written = format!("node_textfile_mtime_seconds{{file=~{}}}", Quoted(&path));
        Self::operation(format!("time() - {written}"), Unit::Seconds)
    }

    /// 1 minus this expression: the share that is left of a whole.
    pub(in crate::monitoring) fn complement(&self) -> Self {
        Self::operation(format!("1 - {}", self.operand()), Unit::Share)
    }

    /// The results that are larger than a threshold.
    pub(in crate::monitoring) fn above(&self, threshold: f64) -> Self {
        self.binary(">", &threshold.to_string())
    }

    /// The results that are a threshold or more.
    pub(in crate::monitoring) fn at_least(&self, threshold: f64) -> Self {
        self.binary(">=", &threshold.to_string())
    }

    /// The results that are smaller than a threshold.
    pub(in crate::monitoring) fn below(&self, threshold: f64) -> Self {
        self.binary("<", &threshold.to_string())
    }

    /// The results for whose labels `condition` has a result, too.
    pub(in crate::monitoring) fn and(&self, condition: &Self) -> Self {
        self.binary("and", &condition.operand())
    }

    /// These results, and zero for the labels that only `other` has.
    pub(in crate::monitoring) fn or_zero_of(&self, other: &Self) -> Self {
        self.or(&Self::operation(format!("0 * {}", other.operand()), other.unit))
    }

    /// These results, and those of `other` whose labels they lack.
    pub(in crate::monitoring) fn or(&self, other: &Self) -> Self {
        self.binary("or", &other.operand())
    }

    /// The results for whose labels `condition` has no result.
    pub(in crate::monitoring) fn unless(&self, condition: &Self) -> Self {
        self.binary("unless", &condition.operand())
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
