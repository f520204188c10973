//! Rules and alerts of objectives, by the rate at which error budgets are used up.
//!
//! The windows and factors are those of chapter 5 of Google's *Site Reliability Workbook*, for a
//! budget of 30 days. Each alert has a long window, which shows that the problem matters, and a
//! short one, which shows that it is still there.

use std::collections::BTreeMap;

use super::label_values::{CANCELLED, FAILED_REQUESTS};
use super::panel::{Panel, Row};
use super::query::Matcher::{Is, IsNot, OneOf};
use super::query::{Expr, Names, Recorded, Unit, series};
use super::rules::{Alert, Rule, Severity};
use crate::objective::{Condition, Goal, seconds};

/// The windows of the recording rules.
const WINDOWS: &[&str] = &["5m", "30m", "1h", "2h", "6h", "1d", "3d"];

/// The period of an error budget.
const PERIOD: &str = "30d";

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
        let entry = shared.entry(label_of(*goal));
        entry
            .or_insert_with(|| SharedGoal { goal: *goal, endpoints: Vec::new() })
            .endpoints
            .push(endpoint);
    }
    let mut shared: Vec<_> = shared.into_values().collect();
    for goal in &mut shared {
        // The linker chooses the order of the attributes.
        goal.endpoints.sort_unstable();
    }
    shared
}

/// Returns the value of the label `objective`, which differs from goal to goal.
fn label_of(goal: Goal) -> String {
    let percent = goal.percent;
    match goal.condition {
        Condition::Success => format!("success_{percent}"),
        Condition::Latency(time) => format!("latency_{}s_{percent}", seconds(time)),
        Condition::FirstToken(time) => format!("first_token_{}s_{percent}", seconds(time)),
    }
}

/// The share of an endpoint's requests that does not meet an objective, in a window.
fn error_ratio<'a>(names: &'a Names, window: &str) -> Recorded<'a> {
    let operation = format!("ratio_rate{window}");
    names.recorded(&["endpoint", "objective"], "errors", &operation, Unit::Share)
}

/// Returns the row of the objectives, if there are any. `window` is the window of rates.
pub(super) fn row(names: &Names, goals: &[SharedGoal<'_>], window: &str) -> Option<Row> {
    if goals.is_empty() {
        return None;
    }
    let left = Panel::lines("Error budget left, 30 days")
        .saying("The share of the error budget of 30 days that is left. Below 0 it is overdrawn.")
        .below(0.0);
    let speed = Panel::lines("Burn rate, 1 hour")
        .saying(
            "At 1, the budget lasts 30 days. A page fires above 14.4 in the last hour and the last \
             5 minutes, or above 6 in the last 6 hours and the last 30 minutes.",
        )
        .threshold(PAGE[0].factor);
    let panels = goals.iter().fold([left, speed], |panels, goal| goal.draw(names, panels));
    let goals = goals.iter().map(|goal| goal.panel(names, window));
    let panels = panels.into_iter().chain(goals).collect();
    Some(Row { title: "Objectives".to_owned(), panels })
}

impl SharedGoal<'_> {
    /// Returns the share of the requests that does not meet the goal.
    fn errors(&self, names: &Names, window: &str) -> Expr {
        let endpoints = OneOf(&self.endpoints);
        match self.goal.condition {
            Condition::Success => {
                let failed = series!(names, http_requests {
                    endpoint: endpoints, outcome: OneOf(FAILED_REQUESTS),
                } by endpoint);
                let all = series!(names, http_requests {
                    endpoint: endpoints, outcome: IsNot(CANCELLED),
                } by endpoint);
                let all = all.rate(window);
                failed.rate(window).or_zero_of(&all).divided_by_nonzero(&all)
            }
            Condition::Latency(time) => {
                let all = series!(names, http_request_duration {
                    endpoint: endpoints, outcome: IsNot(CANCELLED),
                } by endpoint);
                all.share_above(seconds(time), window)
            }
            Condition::FirstToken(time) => {
                let all = series!(names, time_to_first_token { endpoint: endpoints } by endpoint);
                all.share_above(seconds(time), window)
            }
        }
    }

    /// Returns the recording rules of the goal, one for each window and one for the period.
    pub(super) fn recording(&self, names: &Names) -> Vec<Rule> {
        let objective = label_of(self.goal);
        let rule = |recorded: Recorded<'_>, expr| {
            let mut labels = vec![("objective".to_owned(), objective.clone())];
            labels.extend_from_slice(names.labels());
            Rule::Recording { name: recorded.name().to_owned(), expr, labels }
        };
        let windows = WINDOWS.iter();
        let of_windows =
            windows.map(|window| rule(error_ratio(names, window), self.errors(names, window)));
        // The mean of recorded values, because a rate over 30 days would read all buckets.
        let mean = error_ratio(names, "5m").mean(PERIOD, &[("objective", Is(&objective))]);
        of_windows.chain([rule(error_ratio(names, PERIOD), mean)]).collect()
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
            Alert::new(name, severity, fast.or(&slow))
                .label("objective", label_of(self.goal))
                .saying(
                    &format!("{{{{ $labels.endpoint }}}} will use up its error budget {text}."),
                    &format!("The objective: {}", self.sentence()),
                )
        };
        vec![
            alert(Severity::Page, &PAGE, "within five days"),
            alert(Severity::Ticket, &TICKET, "before its 30 days end"),
        ]
    }

    /// Returns the share of the requests that need not meet the goal.
    fn budget(&self) -> f64 {
        // Rounded, because 100 - 99.9 is not 0.1 in binary.
        ((100.0 - self.goal.percent) * 1e10).round() / 1e12
    }

    /// States the goal in a sentence.
    fn sentence(&self) -> String {
        let percent = self.goal.percent;
        match self.goal.condition {
            Condition::Success => format!("{percent} % of the requests have to succeed."),
            Condition::Latency(time) => {
                format!("{percent} % of the requests have to take at most {time:?}.")
            }
            Condition::FirstToken(time) => {
                format!("{percent} % of the first tokens have to come within {time:?}.")
            }
        }
    }

    /// Returns the panel of the goal, with the goal drawn in.
    fn panel(&self, names: &Names, window: &str) -> Panel {
        let endpoints = OneOf(&self.endpoints);
        let percent = self.goal.percent;
        // Rounded, because 99.9 / 100 is not 0.999 in binary.
        let quantile = (percent * 1e10).round() / 1e12;
        let panel = match self.goal.condition {
            Condition::Success => Panel::lines(format!("Failures, {percent} % success"))
                .with(self.errors(names, window), "{{endpoint}}")
                .threshold(self.budget()),
            Condition::Latency(time) => {
                let durations = series!(names, http_request_duration {
                    endpoint: endpoints, outcome: IsNot(CANCELLED),
                } by endpoint);
                Panel::lines(format!("Latency, {percent} % within {time:?}"))
                    .with(durations.quantile(quantile, window), "{{endpoint}}")
                    .threshold(seconds(time))
            }
            Condition::FirstToken(time) => {
                let durations =
                    series!(names, time_to_first_token { endpoint: endpoints } by endpoint);
                Panel::lines(format!("First token, {percent} % within {time:?}"))
                    .with(durations.quantile(quantile, window), "{{endpoint}}")
                    .threshold(seconds(time))
            }
        };
        panel.saying(self.sentence())
    }

    /// Adds the lines of the goal to the panels of the budget and of the speed at which it is used.
    fn draw(&self, names: &Names, [left, speed]: [Panel; 2]) -> [Panel; 2] {
        let objective = label_of(self.goal);
        let matchers = [("objective", Is(&objective))];
        let used = error_ratio(names, PERIOD).with(&matchers).multiple_of(self.budget());
        let fast = error_ratio(names, "1h").with(&matchers).multiple_of(self.budget());
        let legend = "{{endpoint}} {{objective}}";
        [left.with(used.complement(), legend), speed.with(fast, legend)]
    }

    fn is_faster_than(&self, names: &Names, speed: &Speed) -> Expr {
        let objective = label_of(self.goal);
        let threshold = (speed.factor * self.budget() * 1e12).round() / 1e12;
        let above = |window| {
            error_ratio(names, window).with(&[("objective", Is(&objective))]).above(threshold)
        };
        let [long, short] = speed.windows.map(above);
        long.and(&short)
    }
}
