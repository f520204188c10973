//! The rules of objectives, compared with those of slokit, which generates the rules of Sloth.
//!
//! These differences are intended:
//!
//! - Sloth has one service level objective for each set of rules. Our rules have a result for each
//!   endpoint, so the alerts have no `max … without (sloth_window)`.
//! - Sloth writes thresholds as products, and ours are numbers.
//! - Sloth also records the error ratio of 30 days and metadata. Our dashboards compute this ratio
//!   in the same way, as the mean of the ratios of 5 minutes, and no rule needs it.
//! - Without a failed request, Sloth's ratio has no result, and ours is 0.

use std::collections::BTreeSet;

use promql_parser::parser::{BinaryExpr, Expr, MatrixSelector};
use slokit::generate::generate_rules;
use slokit::spec::{EventsSli, SliSpec, SloSpec, Spec};
use streamgauge::{Metrics, Objective};

use super::output::{Rule, RuleFile};
use super::promql::{parse, selectors};

/// A condition of an alert: severity, long window, short window, and the threshold in billionths.
type Condition = (String, String, String, i64);

fn sloth(percent: f64) -> RuleFile {
    let events = EventsSli::new(
        "sum(rate(app_http_requests_total{outcome=~\"server_error|panic\"}[{{.window}}]))",
        "sum(rate(app_http_requests_total{outcome!=\"cancelled\"}[{{.window}}]))",
    );
    let objective = SloSpec::new("success", percent, SliSpec::events(events));
    let rules = generate_rules(&Spec::new("app", vec![objective])).expect("the objective is valid");
    RuleFile::parse(&rules.to_prometheus_yaml().expect("rules can be written"))
}

fn metrics(percent: f64) -> Metrics {
    let builder = Metrics::builder().objective("/a", Objective::new().success(percent));
    builder.build().expect("the objective is valid")
}

fn ours(percent: f64) -> RuleFile {
    RuleFile::parse(&metrics(percent).monitoring().prometheus_rules())
}

/// Returns the window in the name of a recording rule of error ratios.
fn window_of(name: &str) -> Option<&str> {
    let of_objective =
        name.starts_with("slo:sli_error:") || name.starts_with("endpoint_objective:");
    name.split_once(":ratio_rate").filter(|_| of_objective).map(|(_, window)| window)
}

/// Returns the conditions of the alerts that compare error ratios.
fn conditions(rules: &RuleFile) -> BTreeSet<Condition> {
    let mut found = BTreeSet::new();
    for rule in rules.rules().filter(|rule| rule.alert.is_some()) {
        let expr = parse(&rule.expr);
        if selectors(&expr).iter().any(|it| it.name.as_deref().and_then(window_of).is_some()) {
            conditions_of(&expr, severity(rule), &mut found);
        }
    }
    found
}

fn severity(rule: &Rule) -> &str {
    rule.labels.get("sloth_severity").or(rule.labels.get("severity")).expect("alerts have severity")
}

/// Adds the conditions of an alert, which are pairs of comparisons joined by `and`.
fn conditions_of(expr: &Expr, severity: &str, found: &mut BTreeSet<Condition>) {
    match expr {
        Expr::Paren(inner) => conditions_of(&inner.expr, severity, found),
        Expr::Binary(BinaryExpr { op, lhs, rhs, .. }) if op.to_string() == "or" => {
            conditions_of(lhs, severity, found);
            conditions_of(rhs, severity, found);
        }
        Expr::Binary(BinaryExpr { op, lhs, rhs, .. }) if op.to_string() == "and" => {
            let [(long, threshold), (short, other)] = [lhs, rhs].map(|side| comparison(side));
            assert_eq!(threshold, other, "both windows have one threshold");
            found.insert((severity.to_owned(), long, short, threshold));
        }
        other => panic!("neither `and` nor `or`: {other}"),
    }
}

/// Returns the window and the threshold of a comparison.
fn comparison(expr: &Expr) -> (String, i64) {
    match expr {
        Expr::Paren(inner) => comparison(&inner.expr),
        Expr::Aggregate(aggregate) => comparison(&aggregate.expr),
        Expr::Binary(BinaryExpr { op, lhs, rhs, .. }) if op.to_string() == ">" => {
            let selectors = selectors(lhs);
            let [selector] = selectors[..] else { panic!("not one series: {lhs}") };
            let window = selector.name.as_deref().and_then(window_of).expect("an error ratio");
            #[expect(clippy::cast_possible_truncation, reason = "thresholds are below 100")]
            let billionths = (number(rhs) * 1e9).round() as i64;
            (window.to_owned(), billionths)
        }
        other => panic!("not a comparison: {other}"),
    }
}

fn number(expr: &Expr) -> f64 {
    match expr {
        Expr::Paren(inner) => number(&inner.expr),
        Expr::NumberLiteral(literal) => literal.val,
        Expr::Binary(BinaryExpr { op, lhs, rhs, .. }) if op.to_string() == "*" => {
            number(lhs) * number(rhs)
        }
        other => panic!("not a number: {other}"),
    }
}

/// Returns the windows of the recording rules, after a check that each rule uses its window.
fn recorded_windows(rules: &RuleFile) -> BTreeSet<String> {
    let mut windows = BTreeSet::new();
    for rule in rules.rules() {
        let Some(window) = rule.record.as_deref().and_then(window_of) else { continue };
        assert!(windows.insert(window.to_owned()), "{window} is recorded twice");
        let ranges = ranges(&parse(&rule.expr));
        assert!(!ranges.is_empty());
        assert!(ranges.iter().all(|range| range == window), "{window}: {}", rule.expr);
    }
    windows
}

/// Returns the ranges of all selectors, in the notation of Prometheus.
fn ranges(expr: &Expr) -> Vec<String> {
    match expr {
        Expr::Paren(inner) => ranges(&inner.expr),
        Expr::Aggregate(aggregate) => ranges(&aggregate.expr),
        Expr::Call(call) => call.args.args.iter().flat_map(|it| ranges(it)).collect(),
        Expr::Binary(binary) => [ranges(&binary.lhs), ranges(&binary.rhs)].concat(),
        Expr::MatrixSelector(MatrixSelector { range, .. }) => {
            vec![slokit::Window::from_secs(range.as_secs()).prometheus()]
        }
        _ => Vec::new(),
    }
}

#[test]
fn objective_has_the_alert_windows_and_thresholds_of_sloth() {
    for percent in [99.99, 99.9, 99.5, 99.0, 95.0] {
        let expected = conditions(&sloth(percent));
        assert_eq!(expected.len(), 4, "{expected:?}");
        assert_eq!(conditions(&ours(percent)), expected, "{percent} %");
    }
}

#[test]
fn objective_has_the_recorded_windows_of_sloth() {
    let mut expected = recorded_windows(&sloth(99.9));
    assert_eq!(recorded_windows(&ours(99.9)), expected);
    // Every window of an alert is recorded.
    for (_, long, short, _) in conditions(&ours(99.9)) {
        expected.retain(|window| *window != long && *window != short);
    }
    // The window that is left is the period of the budget.
    assert_eq!(expected, BTreeSet::from([PERIOD.to_owned()]));
}

const PERIOD: &str = "30d";

fn is_ratio_of_period(rule: &Rule) -> bool {
    rule.record.as_deref().and_then(window_of) == Some(PERIOD)
}

#[test]
fn objective_has_the_ratio_of_the_period_of_sloth() {
    let of_period = |rules: &RuleFile| {
        let rule = rules.rules().find(|rule| is_ratio_of_period(rule));
        rule.expect("a rule of the period").expr.clone()
    };
    // The sum over the number of ratios is their mean.
    let expected = of_period(&sloth(99.9));
    assert!(expected.contains("sum_over_time(slo:sli_error:ratio_rate5m{"), "{expected}");
    assert_eq!(ranges(&parse(&expected)), [PERIOD, PERIOD]);
    let mean = of_period(&ours(99.9));
    assert!(mean.contains("avg_over_time(endpoint_objective:app_errors:ratio_rate5m{"), "{mean}");
    assert_eq!(ranges(&parse(&mean)), [PERIOD]);
}
