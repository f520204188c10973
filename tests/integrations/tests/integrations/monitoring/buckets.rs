//! Objectives on latency and the buckets of metrics pages.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Router;
use axum::routing::get as route_get;
use promql_parser::label::{MatchOp, Matcher};
use streamgauge::{Metrics, Objective};
use streamgauge_test_support::client::get;

use super::output::RuleFile;
use super::promql::{matchers, parse};

const FAMILY: &str = "http_request_duration_seconds";

/// Returns the matchers of buckets in the rules of an instance.
fn bucket_matchers(metrics: &Metrics) -> Vec<Matcher> {
    let rules = RuleFile::parse(&metrics.monitoring().prometheus_rules());
    let matchers = rules.rules().flat_map(|rule| matchers(&parse(&rule.expr)));
    matchers.filter(|matcher| matcher.name == "le").collect()
}

fn bounds(page: &str) -> BTreeSet<&str> {
    let buckets = page.lines().filter(|line| line.starts_with("app_http_request_duration_seconds"));
    let bounds = buckets.filter_map(|line| line.split_once("le=\"")?.1.split_once('"'));
    bounds.map(|(bound, _)| bound).collect()
}

#[tokio::test]
async fn objective_on_latency_selects_one_bucket_of_both_page_formats() {
    let bounds_in_seconds = [1e-9, 0.000_05, 0.25, 0.3, 1.0, 2.5, 10.0, 100_000.0, 1e9, 1e16];
    for bound in bounds_in_seconds {
        let metrics = Metrics::builder()
            .buckets(FAMILY, bounds_in_seconds)
            .objective("/", Objective::new().latency(Duration::from_secs_f64(bound), 99.0))
            .build()
            .expect("the settings are valid");
        let app = Router::new().route("/", route_get(async || "")).layer(metrics.layer());
        get(&app, "/").await;
        let matchers = bucket_matchers(&metrics);
        assert_eq!(matchers.len(), 7, "one for each window: {matchers:?}");
        let text = metrics.encode_text().expect("the metrics encode");
        let open_metrics = metrics.encode_openmetrics().expect("the metrics encode");
        for page in [text, open_metrics] {
            let all = bounds(&page);
            assert_eq!(all.len(), bounds_in_seconds.len() + 1, "{all:?}");
            for matcher in &matchers {
                let matching: Vec<_> = all.iter().filter(|it| matcher.is_match(it)).collect();
                let [found] = matching[..] else { panic!("{matcher}: {matching:?} of {all:?}") };
                assert_eq!(found.parse(), Ok(bound), "{matcher}");
            }
        }
    }
}

#[test]
fn bucket_matcher_of_a_fraction_is_not_an_expression() {
    let objective = Objective::new().latency(Duration::from_millis(250), 99.0);
    let metrics = Metrics::builder().objective("/", objective).build().expect("valid");
    assert!(bucket_matchers(&metrics).iter().all(|matcher| matcher.op == MatchOp::Equal));
}
