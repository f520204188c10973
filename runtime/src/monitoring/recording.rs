//! The recording rules: results that several alerts and users' queries share, summed over all
//! processes.

use super::label_values::FAILED_REQUESTS;
use super::program::Program;
use super::query::Matcher::OneOf;
use super::query::{Names, Recorded, Unit, series};
use super::rules::Rule;

/// The window of the rates that alerts use.
const WINDOW: &str = "5m";

pub(super) fn requests_by_outcome(names: &Names) -> Recorded<'_> {
    names.recorded(&["endpoint", "outcome"], "http_requests", "rate5m", Unit::RequestsPerSecond)
}

pub(super) fn requests(names: &Names) -> Recorded<'_> {
    names.recorded(&["endpoint"], "http_requests", "rate5m", Unit::RequestsPerSecond)
}

pub(super) fn targets(names: &Names) -> Recorded<'_> {
    names.recorded(&["job", "instance"], "http_requests", "present", Unit::Number)
}

pub(super) fn failure_ratio(names: &Names) -> Recorded<'_> {
    names.recorded(&["endpoint"], "http_request_failures", "ratio_rate5m", Unit::Share)
}

pub(super) fn latency(names: &Names) -> Recorded<'_> {
    names.recorded(&["endpoint"], "http_request_duration_seconds", "p99_rate5m", Unit::Seconds)
}

pub(super) fn calls(names: &Names) -> Recorded<'_> {
    names.recorded(&["provider", "error_type"], "llm_calls", "rate5m", Unit::PerSecond)
}

pub(super) fn cost(names: &Names) -> Recorded<'_> {
    names.recorded(&["provider", "model"], "cost_usd", "rate1h", Unit::DollarsPerSecond)
}

/// Returns the recording rules of a program. A rule comes after those that it uses.
pub(super) fn rules(names: &Names, program: Program) -> Vec<Rule> {
    let rule = |recorded: Recorded<'_>, expr| Rule::Recording {
        name: recorded.name().to_owned(),
        expr,
        labels: names.labels().to_vec(),
    };
    let by_outcome = requests_by_outcome(names);
    let mut rules = vec![
        rule(targets(names), series!(names, http_requests).targets()),
        rule(requests(names), by_outcome.sum(&["endpoint"], &[])),
        rule(
            failure_ratio(names),
            by_outcome
                .sum(&["endpoint"], &[("outcome", OneOf(FAILED_REQUESTS))])
                .or_zero_of(&requests(names).all())
                .divided_by_nonzero(&requests(names).all()),
        ),
        rule(
            latency(names),
            series!(names, http_request_duration by endpoint).quantile(0.99, WINDOW),
        ),
    ];
    let requests = series!(names, http_requests by endpoint, outcome).rate(WINDOW);
    rules.insert(0, rule(by_outcome, requests));
    if program.has_calls {
        let rate = series!(names, llm_calls by provider, error_type).rate(WINDOW);
        rules.push(rule(calls(names), rate));
    }
    if program.has_cost {
        rules.push(rule(cost(names), series!(names, cost by provider, model).rate("1h")));
    }
    rules
}
