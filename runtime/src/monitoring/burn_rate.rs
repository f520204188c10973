//! Rules and alerts of objectives, by the rate at which error budgets are used up.
//!
//! The windows and factors are those of chapter 5 of Google's *Site Reliability Workbook*, for a
//! budget of 30 days. Each alert has a long window, which shows that the problem matters, and a
//! short one, which shows that it is still there.

use std::collections::BTreeMap;
use std::time::Duration;

use super::query::Matcher::{Is, IsNot, OneOf};
use super::query::{Expr, Names, Recorded, series};
use super::rules::{Alert, Rule, Severity};
use crate::objective::{Condition, Goal};

/// The windows of the recording rules.
const WINDOWS: &[&str] = &["5m", "30m", "1h", "2h", "6h", "1d", "3d"];

/// A speed at which a budget is used up: the factor by which it is too fast, and the long and the
/// short window in which it has to be.
struct Speed {
    factor: f64,
    windows: [&'static str; 2],
}

const PAGE: [Speed; 2] =
    [Speed { factor: 14.4, windows: ["1h", "5m"] }, Speed { factor: 6.0, windows: ["6h", "30m"] }];
const TICKET: [Speed; 2] =
    [Speed { factor: 3.0, windows: ["1d", "2h"] }, Speed { factor: 1.0, windows: ["3d", "6h"] }];

/// The endpoints with the same goal. They share rules, so that the number of rules depends on the
/// number of different goals.
pub(super) struct SharedGoal<'a> {
    goal: Goal,
    endpoints: Vec<&'a str>,
}

/// Groups the goals of endpoints.
pub(super) fn shared_goals(goals: &[(Box<str>, Goal)]) -> Vec<SharedGoal<'_>> {
    let mut shared: BTreeMap<String, SharedGoal<'_>> = BTreeMap::new();
    for (endpoint, goal) in goals {
        let key = format!("{} {}", condition_label(goal.condition), goal.percent);
        let entry = shared.entry(key);
        entry
            .or_insert_with(|| SharedGoal { goal: *goal, endpoints: Vec::new() })
            .endpoints
            .push(endpoint);
    }
    shared.into_values().collect()
}

/// Returns the value of the label `objective`.
fn condition_label(condition: Condition) -> String {
    let seconds = |time: Duration| time.as_secs_f64();
    match condition {
        Condition::Success => "success".to_owned(),
        Condition::Latency(time) => format!("latency_{}s", seconds(time)),
        Condition::FirstToken(time) => format!("first_token_{}s", seconds(time)),
    }
}

/// The share of an endpoint's requests that does not meet an objective, in a window.
fn error_ratio<'a>(names: &'a Names, window: &str) -> Recorded<'a> {
    names.recorded(&["endpoint", "objective"], "errors", &format!("ratio_rate{window}"))
}

impl SharedGoal<'_> {
    /// Returns the share of the requests that does not meet the goal.
    fn errors(&self, names: &Names, window: &str) -> Expr {
        let endpoints = OneOf(&self.endpoints);
        match self.goal.condition {
            Condition::Success => {
                let failed = series!(names, http_requests {
                    endpoint: endpoints, outcome: OneOf(&["server_error", "panic"]),
                } by endpoint);
                let all = series!(names, http_requests {
                    endpoint: endpoints, outcome: IsNot("cancelled"),
                } by endpoint);
                let all = all.rate(window);
                failed.rate(window).or_zero_of(&all).divided_by(&all)
            }
            Condition::Latency(time) => {
                let all = series!(names, http_request_duration {
                    endpoint: endpoints, outcome: IsNot("cancelled"),
                } by endpoint);
                all.share_above(time.as_secs_f64(), window)
            }
            Condition::FirstToken(time) => {
                let all = series!(names, time_to_first_token { endpoint: endpoints } by endpoint);
                all.share_above(time.as_secs_f64(), window)
            }
        }
    }

    /// Returns the recording rules of the goal, one for each window.
    pub(super) fn recording(&self, names: &Names) -> Vec<Rule> {
        let rule = |window: &&str| {
            let mut labels = vec![("objective".to_owned(), condition_label(self.goal.condition))];
            labels.extend_from_slice(names.labels());
            let name = error_ratio(names, window).name().to_owned();
            Rule::Recording { name, expr: self.errors(names, window), labels }
        };
        WINDOWS.iter().map(rule).collect()
    }

    /// Returns the two alerts of the goal: one that cannot wait, and one that can.
    pub(super) fn alerts(&self, names: &Names) -> Vec<Alert> {
        let name = match self.goal.condition {
            Condition::Success => "SuccessObjective",
            Condition::Latency(_) => "LatencyObjective",
            Condition::FirstToken(_) => "FirstTokenObjective",
        };
        let alert = |severity, speeds: &[Speed; 2], text: &str| {
            let [fast, slow] = speeds.each_ref().map(|speed| self.is_faster_than(names, speed));
            Alert::new(name, severity, fast.or(&slow)).saying(
                &format!("{{{{ $labels.endpoint }}}} uses up its error budget{text}."),
                &format!(
                    "{} % of the requests have to meet the objective {{{{ $labels.objective }}}}.",
                    self.goal.percent
                ),
            )
        };
        vec![
            alert(Severity::Page, &PAGE, " within days"),
            alert(Severity::Ticket, &TICKET, " too fast"),
        ]
    }

    fn is_faster_than(&self, names: &Names, speed: &Speed) -> Expr {
        let objective = condition_label(self.goal.condition);
        // Rounded, because 100 - 99.9 is not 0.1 in binary.
        let threshold = speed.factor * (100.0 - self.goal.percent) / 100.0;
        let threshold = (threshold * 1e12).round() / 1e12;
        let above = |window| {
            let matchers = [("objective", Is(&objective)), ("endpoint", OneOf(&self.endpoints))];
            error_ratio(names, window).with(&matchers).above(threshold)
        };
        let [long, short] = speed.windows.map(above);
        long.and(&short)
    }
}
