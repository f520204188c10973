//! Validates objectives.

use std::collections::{HashMap, HashSet};

use super::Problems;
use crate::callsite::SITES;
use crate::family::default_buckets;
use crate::metrics::BuildError;
use crate::objective::{Condition, Goal, Objective, seconds};

/// Validates the objectives of endpoints, and returns their goals. `labels` are the names of the
/// labels that all series have, and `buckets` are the bounds that differ from the default ones.
pub(in crate::metrics) fn objectives<'a>(
    objectives: &[(String, Objective)],
    mut labels: impl Iterator<Item = &'a str>,
    buckets: &HashMap<&'static str, Vec<f64>>,
    problems: &mut Problems,
) -> Vec<(Box<str>, Goal)> {
    let mut goals = Goals { accepted: Vec::new(), seen: HashMap::new(), buckets, problems };
    // The macros have checked the percentages.
    for site in SITES {
        for goal in site.goals() {
            goals.add(site.endpoint_label(), *goal);
        }
    }
    let mut of_options = HashSet::new();
    for (endpoint, objective) in objectives {
        if endpoint.is_empty() {
            let reason =
                "the endpoint is empty: name a route template or the endpoint of an attribute";
            goals.refuse(endpoint, reason.to_owned());
        }
        if objective.goals().is_empty() {
            let reason = "it has no condition: add `success`, `latency` or `first_token`";
            goals.refuse(endpoint, reason.to_owned());
        }
        for goal in objective.goals() {
            if !of_options.insert((endpoint, goal.condition)) {
                goals.refuse(endpoint, TWICE.to_owned());
            } else if let Some(reason) = percent_problem(goal.percent) {
                goals.refuse(endpoint, reason);
            } else {
                goals.add(endpoint, *goal);
            }
        }
    }
    // The recording rules have both the label of the objective and those of all series.
    if !goals.seen.is_empty() && labels.any(|label| label == OBJECTIVE) {
        goals.problems.add(BuildError::LabelTaken { name: OBJECTIVE.to_owned() });
    }
    goals.accepted
}

/// The label of recorded series and alerts that names the objective.
const OBJECTIVE: &str = "objective";

const TWICE: &str = "the same condition is given twice: give it once";

/// Collects goals.
struct Goals<'a> {
    accepted: Vec<(Box<str>, Goal)>,
    seen: HashMap<(String, Condition), Goal>,
    buckets: &'a HashMap<&'static str, Vec<f64>>,
    problems: &'a mut Problems,
}

impl Goals<'_> {
    /// Adds a goal of an endpoint. Two attributes may state the same goal: those of the functions
    /// for two methods of a route, for example.
    fn add(&mut self, endpoint: &str, goal: Goal) {
        let key = (endpoint.to_owned(), goal.condition);
        match self.seen.insert(key, goal) {
            Some(other) if other == goal => {}
            Some(_) => {
                let reason = "two different goals have the same condition: leave one of them out, \
                              in an attribute or in the settings";
                self.refuse(endpoint, reason.to_owned());
            }
            None => match bound_problem(&goal, self.buckets) {
                Some(reason) => self.refuse(endpoint, reason),
                None => self.accepted.push((endpoint.into(), goal)),
            },
        }
    }

    fn refuse(&mut self, endpoint: &str, reason: String) {
        self.problems.add(BuildError::Objective { endpoint: endpoint.to_owned(), reason });
    }
}

/// The largest percentage, as in the macros. With it, one request in a million may fail.
const MOST_PERCENT: f64 = 99.9999;

fn percent_problem(percent: f64) -> Option<String> {
    let is_valid = percent > 0.0 && percent <= MOST_PERCENT;
    (!is_valid).then(|| {
        format!(
            "{percent} per cent is not possible: use a number above 0 and at most {MOST_PERCENT}, \
             such as 99.9"
        )
    })
}

/// Returns what is wrong if the time of a condition is not the bound of a bucket.
fn bound_problem(goal: &Goal, buckets: &HashMap<&'static str, Vec<f64>>) -> Option<String> {
    let (family, time) = goal.condition.bound()?;
    let bounds = buckets.get(family).map_or_else(|| default_buckets(family), Vec::as_slice);
    let seconds = seconds(time);
    if bounds.contains(&seconds) {
        return None;
    }
    let nearest: Vec<_> = [
        bounds.iter().rfind(|bound| **bound < seconds),
        bounds.iter().find(|bound| **bound > seconds),
    ]
    .into_iter()
    .flatten()
    .map(|bound| format!("{bound} s"))
    .collect();
    Some(format!(
        "{seconds} s is not the bound of a bucket of `{family}`: use {}, or set other bounds with \
         `buckets`",
        nearest.join(" or ")
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::{BuildError, Metrics, Objective};

    fn refusal(objective: Objective) -> String {
        let built = Metrics::builder().objective("/chat", objective).build();
        built.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn objective_with_a_time_between_two_bounds_names_both() {
        let refused = refusal(Objective::new().latency(Duration::from_millis(300), 99.0));
        assert_eq!(
            refused,
            "objective of \"/chat\": 0.3 s is not the bound of a bucket of \
             `http_request_duration_seconds`: use 0.25 s or 0.5 s, or set other bounds with \
             `buckets`"
        );
        let beyond = refusal(Objective::new().first_token(Duration::from_secs(1000), 99.0));
        assert!(beyond.contains("use 160 s, or"), "{beyond}");
    }

    #[test]
    fn objective_needs_a_condition_and_a_possible_percentage() {
        assert!(refusal(Objective::new()).contains("no condition"));
        for percent in [0.0, 100.0, 99.999_91, -1.0, f64::NAN, f64::INFINITY] {
            let refused = refusal(Objective::new().success(percent));
            assert!(refused.contains("is not possible"), "{percent}: {refused}");
        }
        assert!(refusal(Objective::new().success(99.0).success(98.0)).contains("twice"));
        // The largest percentage that attributes accept, too.
        assert_eq!(refusal(Objective::new().success(99.9999)), "");
    }

    #[test]
    fn objective_may_have_two_times_with_a_percentage_each() {
        let [quick, slow] = [Duration::from_millis(250), Duration::from_secs(1)];
        assert_eq!(refusal(Objective::new().latency(quick, 95.0).latency(slow, 99.9)), "");
        let refused = refusal(Objective::new().latency(quick, 95.0).latency(quick, 99.9));
        assert!(refused.contains("twice"), "{refused}");
    }

    #[test]
    fn objective_takes_a_bound_whose_seconds_are_rounded_twice() {
        let objective = Objective::new().latency(Duration::from_millis(1_118), 99.0);
        let builder = Metrics::builder().buckets("http_request_duration_seconds", [0.5, 1.118]);
        assert!(builder.objective("/chat", objective).build().is_ok());
    }

    #[test]
    fn objective_refuses_a_constant_label_with_the_name_of_its_own() {
        let objective = Objective::new().success(99.0);
        let builder = Metrics::builder().label("objective", "x");
        let refused = builder.objective("/chat", objective).build().err();
        assert!(matches!(refused, Some(BuildError::LabelTaken { name }) if name == "objective"));
    }

    #[test]
    fn objective_takes_the_bounds_that_are_set() {
        let build = |bounds: [f64; 2]| {
            let objective = Objective::new().latency(Duration::from_millis(300), 99.0);
            let builder = Metrics::builder().buckets("http_request_duration_seconds", bounds);
            builder.objective("/chat", objective).build().is_ok()
        };
        assert!(build([0.1, 0.3]));
        assert!(!build([0.1, 0.25]));
    }
}
