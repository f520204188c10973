//! Tests of the units of panels and of recorded series.

use std::time::Duration;

use super::program::Program;
use super::query::{Names, Unit};
use super::rules::Rule;
use super::{Thresholds, burn_rate, recording, rows};
use crate::objective::{Condition, Goal};

/// A program that has all rows and all recording rules.
const PROGRAM: Program = Program {
    has_streams: true,
    has_calls: true,
    has_streamed_replies: true,
    has_cost: true,
    longest_duration: 300.0,
    longest_first_token: 160.0,
};

fn names() -> Names {
    Names::new("app_".to_owned(), [("env", "test")], ["tenant"])
}

fn goals() -> Vec<(Box<str>, Goal)> {
    let second = Duration::from_secs(1);
    let conditions =
        [Condition::Success, Condition::Latency(second), Condition::FirstToken(second)];
    let goal = |condition| ("/items".into(), Goal { condition, percent: 99.0 });
    conditions.map(goal).into()
}

fn units(rules: Vec<Rule>) -> impl Iterator<Item = (String, Unit)> {
    rules.into_iter().filter_map(|rule| match rule {
        Rule::Recording { name, expr, .. } => Some((name, expr.unit())),
        Rule::Alert(_) => None,
    })
}

#[test]
fn queries_of_a_panel_have_the_same_unit() {
    let (names, goals) = (names(), goals());
    let goals = burn_rate::shared_goals(&goals);
    let rows = rows::rows(&names, PROGRAM, &goals, &Thresholds::default(), "5m");
    for panel in rows.iter().flat_map(|row| &row.panels) {
        assert!(!panel.queries.is_empty(), "{}", panel.title);
        for query in &panel.queries {
            assert_eq!(query.expr.unit(), panel.unit(), "{}: {}", panel.title, query.expr);
        }
    }
}

#[test]
fn recorded_series_have_the_unit_of_the_results_of_their_rules() {
    let names = names();
    let recorded = [
        recording::requests_by_outcome(&names),
        recording::targets(&names),
        recording::requests(&names),
        recording::failure_ratio(&names),
        recording::latency(&names),
        recording::calls(&names),
        recording::cost(&names),
    ];
    let of_rules: Vec<_> = units(recording::rules(&names, PROGRAM)).collect();
    let of_series = recorded.map(|series| (series.name().to_owned(), series.all().unit()));
    assert_eq!(of_rules, of_series);
    for goal in burn_rate::shared_goals(&goals()) {
        for (name, unit) in units(goal.recording(&names)) {
            assert_eq!(unit, Unit::Share, "{name}");
        }
    }
}
