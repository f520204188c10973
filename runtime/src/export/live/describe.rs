//! The first event of a viewer: what the program has, and the bounds of its histograms.

use serde_json::{Value, json};

use crate::callsite::{Records, SITES};
use crate::family::{AnyFamily, Families, SeriesLabels, SeriesSink, SeriesValue};
use crate::metrics::Instance;
#[cfg(feature = "monitoring")]
use crate::objective::{Condition, seconds};

/// Returns the description of the instance, as the page reads it.
pub(super) fn description(instance: &Instance) -> Value {
    let families = instance.endpoints().families();
    let prefix = instance.exported_prefix();
    let prefix = prefix.trim_end_matches('_');
    json!({
        "instance": format!("{:016x}", instance.live_hub().id()),
        "prefix": prefix,
        "is_disabled": !instance.is_enabled(),
        "title": if prefix.is_empty() { "streamgauge" } else { prefix },
        "bounds": {
            "request": families.http_request_duration.bounds(),
            "first": first_bounds(families),
        },
        "objectives": objectives(instance),
        "has": sections(instance),
    })
}

/// Returns the bounds of the times to a first chunk or token: those of all three families, which
/// may have different buckets.
pub(super) fn first_bounds(families: &Families) -> Vec<f64> {
    let mut bounds = [
        families.time_to_first_chunk.bounds(),
        families.time_to_first_token.bounds(),
        families.llm_call_time_to_first_token.bounds(),
    ]
    .concat();
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    bounds
}

#[cfg(feature = "monitoring")]
fn objectives(instance: &Instance) -> Vec<Value> {
    let mut goals: Vec<_> = instance.goals().iter().collect();
    // The linker chooses the order of the attributes.
    goals.sort_by(|(left, _), (right, _)| left.cmp(right));
    let objectives = goals.into_iter().map(|(endpoint, goal)| {
        let (condition, time) = match goal.condition {
            Condition::Success => ("success", None),
            Condition::Latency(time) => ("latency", Some(time)),
            Condition::FirstToken(time) => ("first_token", Some(time)),
        };
        let mut objective = json!({
            "endpoint": endpoint,
            "condition": condition,
            "percent": goal.percent,
        });
        if let Some(time) = time {
            objective["seconds"] = seconds(time).into();
        }
        objective
    });
    objectives.collect()
}

#[cfg(not(feature = "monitoring"))]
fn objectives(_instance: &Instance) -> Vec<Value> {
    Vec::new()
}

/// Returns the sections of the page that the program has: those of its attributes, and those that
/// already have series, as functions record streams without an attribute, too.
fn sections(instance: &Instance) -> Value {
    let endpoints = instance.endpoints();
    let families = endpoints.families();
    let any = |records: fn(&Records) -> bool| SITES.iter().any(|site| records(site.records()));
    let has_calls = any(|it| matches!(it, Records::Tokens(_) | Records::Streams(Some(_))))
        || has_series(&families.llm_calls);
    let has_streams =
        any(|it| matches!(it, Records::Streams(_))) || has_series(&families.stream_chunks);
    let has_cost = endpoints.prices().are_used() || has_series(&families.provider_cost);
    json!({ "streams": has_streams, "calls": has_calls, "cost": has_calls && has_cost })
}

/// Returns whether a family has a series.
fn has_series(family: &dyn AnyFamily) -> bool {
    struct AnySeries(bool);

    impl SeriesSink for AnySeries {
        fn series(&mut self, _labels: &SeriesLabels<'_>, _value: SeriesValue<'_>) {
            self.0 = true;
        }

        fn is_full(&self) -> bool {
            self.0
        }
    }

    let mut sink = AnySeries(false);
    family.write_series(None, &mut sink);
    sink.0
}
