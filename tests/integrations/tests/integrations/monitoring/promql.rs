//! Which series and labels a query names, and which labels its results have.

use std::collections::{BTreeMap, BTreeSet};

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::LabelModifier::{Exclude, Include};
use promql_parser::parser::{self, AggregateExpr, BinaryExpr, Call, Expr, VectorSelector};

pub(crate) type Labels = BTreeSet<String>;

pub(crate) fn parse(query: &str) -> Expr {
    parser::parse(query).unwrap_or_else(|error| panic!("not PromQL: {error}\n{query}"))
}

/// The series that queries may name, with the labels that they may have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema(pub(crate) BTreeMap<String, Labels>);

impl Schema {
    /// Returns the labels that the results of an expression may have, or `None` if the result is a
    /// number or a text.
    ///
    /// # Errors
    ///
    /// The expression names a series or a label that does not exist, or has operands that no labels
    /// match.
    pub(crate) fn labels(&self, expr: &Expr) -> Result<Option<Labels>, String> {
        match expr {
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => Ok(None),
            Expr::Paren(inner) => self.labels(&inner.expr),
            Expr::Unary(inner) => self.labels(&inner.expr),
            Expr::Subquery(inner) => self.labels(&inner.expr),
            Expr::VectorSelector(selector) => self.selected(selector).map(Some),
            Expr::MatrixSelector(matrix) => self.selected(&matrix.vs).map(Some),
            Expr::Call(call) => self.call(call),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate).map(Some),
            Expr::Binary(binary) => self.binary(binary),
            Expr::Extension(_) => Err("an extension of PromQL".to_owned()),
        }
    }

    fn selected(&self, selector: &VectorSelector) -> Result<Labels, String> {
        let name = selector.name.as_ref().ok_or("a selector without a name")?;
        let labels = self.0.get(name).ok_or_else(|| format!("there is no series {name}"))?;
        if !selector.matchers.or_matchers.is_empty() {
            return Err(format!("only newer versions of Prometheus know `or` in {selector}"));
        }
        let names = selector.matchers.matchers.iter().map(|matcher| &matcher.name);
        is_known(names, labels, name)?;
        Ok(labels.clone())
    }

    fn call(&self, call: &Call) -> Result<Option<Labels>, String> {
        let mut labels = None;
        for argument in &call.args.args {
            labels = self.labels(argument)?.or(labels);
        }
        match call.func.name {
            "time" | "scalar" => Ok(None),
            "vector" => Ok(Some(Labels::new())),
            "histogram_quantile" => {
                let mut labels = labels.ok_or("a quantile of a number")?;
                is_known([&"le".to_owned()], &labels, "a quantile")?;
                labels.remove("le");
                Ok(Some(labels))
            }
            "absent" => {
                let matchers = matchers(&call.args.args[0]).into_iter();
                let equal = matchers.filter(|matcher| matcher.op == MatchOp::Equal);
                Ok(Some(equal.map(|matcher| matcher.name).collect()))
            }
            name if name.starts_with("label_") || name.starts_with("sort") => {
                Err(format!("the labels of {name} are not in this test"))
            }
            _ => Ok(labels),
        }
    }

    fn aggregate(&self, aggregate: &AggregateExpr) -> Result<Labels, String> {
        let of = self.labels(&aggregate.expr)?.ok_or("an aggregation of a number")?;
        if let Some(modifier) = &aggregate.modifier {
            is_known(&modifier.labels().labels, &of, "an aggregation")?;
        }
        if matches!(&*aggregate.op.to_string(), "topk" | "bottomk") {
            return Ok(of);
        }
        Ok(match &aggregate.modifier {
            None => Labels::new(),
            Some(Include(by)) => by.labels.iter().cloned().collect(),
            Some(Exclude(without)) => {
                of.into_iter().filter(|label| !without.labels.contains(label)).collect()
            }
        })
    }

    fn binary(&self, binary: &BinaryExpr) -> Result<Option<Labels>, String> {
        let (left, right) = match (self.labels(&binary.lhs)?, self.labels(&binary.rhs)?) {
            (Some(left), Some(right)) => (left, right),
            (left, right) => return Ok(left.or(right)),
        };
        let modifier = binary.modifier.as_ref();
        if modifier.is_some_and(|it| it.card.labels().is_some()) {
            return Err("groups of series are not in this test".to_owned());
        }
        match modifier.and_then(|it| it.matching.as_ref()) {
            Some(Include(on)) => {
                is_known(&on.labels, &left, "the left operand")?;
                is_known(&on.labels, &right, "the right operand")?;
            }
            Some(Exclude(ignored)) => {
                let both = left.union(&right).cloned().collect();
                is_known(&ignored.labels, &both, "both operands")?;
                let differ = left.symmetric_difference(&right);
                let differ: Vec<_> = differ.filter(|it| !ignored.labels.contains(it)).collect();
                if !differ.is_empty() {
                    return Err(format!("only one operand has {differ:?}: {binary}"));
                }
            }
            None if left != right => {
                return Err(format!("{left:?} never match {right:?}: {binary}"));
            }
            None => {}
        }
        Ok(Some(left))
    }
}

fn is_known<'a>(
    names: impl IntoIterator<Item = &'a String>,
    labels: &Labels,
    of: &str,
) -> Result<(), String> {
    let unknown: Vec<_> = names.into_iter().filter(|name| !labels.contains(*name)).collect();
    if unknown.is_empty() { Ok(()) } else { Err(format!("{of} has no label {unknown:?}")) }
}

/// Returns all selectors of an expression.
pub(crate) fn selectors(expr: &Expr) -> Vec<&VectorSelector> {
    match expr {
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => Vec::new(),
        Expr::Paren(inner) => selectors(&inner.expr),
        Expr::Unary(inner) => selectors(&inner.expr),
        Expr::Subquery(inner) => selectors(&inner.expr),
        Expr::VectorSelector(selector) => vec![selector],
        Expr::MatrixSelector(matrix) => vec![&matrix.vs],
        Expr::Call(call) => call.args.args.iter().flat_map(|it| selectors(it)).collect(),
        Expr::Aggregate(aggregate) => selectors(&aggregate.expr),
        Expr::Binary(binary) => [selectors(&binary.lhs), selectors(&binary.rhs)].concat(),
    }
}

/// Returns the matchers of all selectors of an expression.
pub(crate) fn matchers(expr: &Expr) -> Vec<Matcher> {
    selectors(expr).into_iter().flat_map(|selector| selector.matchers.matchers.clone()).collect()
}

#[test]
fn query_with_a_mistake_is_found() {
    let labels = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let schema = Schema(BTreeMap::from([
        ("a_total".to_owned(), labels(&["endpoint", "outcome", "env"])),
        ("a_bucket".to_owned(), labels(&["endpoint", "le"])),
    ]));
    for (query, mistake) in [
        ("sum(rate(b_total[5m]))", "there is no series b_total"),
        ("a_total{status=\"500\"}", "a_total has no label [\"status\"]"),
        ("sum by (model) (a_total)", "an aggregation has no label [\"model\"]"),
        ("histogram_quantile(0.9, sum by (endpoint) (rate(a_bucket[5m])))", "no label [\"le\"]"),
        ("sum by (endpoint) (a_total) / sum by (endpoint, env) (a_total)", "never match"),
        ("a_total unless sum by (endpoint) (a_total) > 0", "never match"),
        ("sum(a_total) / on (endpoint) a_total", "the left operand has no label"),
        ("sum(a_total) / ignoring (endpoint) sum by (env) (a_total)", "both operands"),
    ] {
        let found = schema.labels(&parse(query)).expect_err(query);
        assert!(found.contains(mistake), "{query}: {found}");
    }
    for (query, result) in [
        ("sum by (endpoint) (rate(a_total{outcome=\"x\"}[5m])) > 0.1", Some(labels(&["endpoint"]))),
        ("histogram_quantile(0.9, sum by (le) (rate(a_bucket[5m])))", Some(labels(&[]))),
        ("a_total / ignoring (env, outcome) sum by (endpoint) (a_total)", {
            Some(labels(&["endpoint", "outcome", "env"]))
        }),
        ("1 - 2", None),
    ] {
        assert_eq!(schema.labels(&parse(query)), Ok(result), "{query}");
    }
}
