//! Expressions.

use std::fmt::{self, Display};

use super::matcher::{Quoted, escape_regex};

/// An expression in `PromQL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::monitoring) struct Expr {
    text: String,
    /// Whether the expression needs no parentheses as an operand.
    is_atom: bool,
}

impl Expr {
    pub(super) fn atom(text: String) -> Self {
        Self { text, is_atom: true }
    }

    /// An expression that needs parentheses as an operand.
    pub(super) fn operation(text: String) -> Self {
        Self { text, is_atom: false }
    }

    fn binary(&self, operator: &str, right: &str) -> Self {
        Self::operation(format!("{} {operator} {right}", self.operand()))
    }

    fn operand(&self) -> String {
        if self.is_atom { self.text.clone() } else { format!("({})", self.text) }
    }

    /// The ratio of two expressions with the same labels.
    pub(in crate::monitoring) fn divided_by(&self, divisor: &Self) -> Self {
        self.binary("/", &divisor.operand())
    }

    /// The ratio of two expressions with the same labels, where the divisor is not zero.
    pub(in crate::monitoring) fn divided_by_nonzero(&self, divisor: &Self) -> Self {
        // A recorded `NaN` would make each mean over a window that contains it `NaN`.
        self.divided_by(&divisor.above(0.0))
    }

    pub(in crate::monitoring) fn times(&self, factor: f64) -> Self {
        self.binary("*", &factor.to_string())
    }

    pub(in crate::monitoring) fn minus(&self, right: &Self) -> Self {
        self.binary("-", &right.operand())
    }

    /// The age, in seconds, of a file of this name that node-exporter reads.
    pub(in crate::monitoring) fn age_of_text_file(name: &str) -> Self {
        let path = format!("(.*/)?{}", escape_regex(name));
        let written = format!("node_textfile_mtime_seconds{{file=~{}}}", Quoted(&path));
        Self::operation(format!("time() - {written}"))
    }

    /// 1 minus this expression.
    pub(in crate::monitoring) fn complement(&self) -> Self {
        Self::operation(format!("1 - {}", self.operand()))
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
        self.or(&Self::operation(format!("0 * {}", other.operand())))
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
