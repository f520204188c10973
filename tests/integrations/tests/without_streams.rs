//! The rules and dashboards of a program without streams and model calls.
//!
//! The linker gathers the attributes of the whole program, so this is a program of its own.

#[path = "integrations/monitoring/output.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod output;
#[path = "integrations/monitoring/program.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod program;
#[path = "integrations/monitoring/promql.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod promql;
#[path = "integrations/monitoring/variables.rs"]
mod variables;

use std::collections::BTreeSet;

use axum::Router;
use axum::routing::get as route_get;
use streamgauge::{Metrics, Price, Prices, instrument_endpoint};
use streamgauge_test_support::client::get;

use self::output::{Dashboard, RuleFile};
use self::program::Program;
use self::promql::{parse, selectors};
use self::variables::interpolate;

/// Parts of the names of families that only streams and model calls have.
const ABSENT: &[&str] =
    &["stream", "chunk", "llm_", "token", "answer", "usage_missing", "cost", "unpriced"];

#[instrument_endpoint(endpoint = "/order", objective(success = 99.9))]
async fn order() {}

/// Returns the names of all series in rules and dashboards.
fn names(metrics: &Metrics) -> BTreeSet<String> {
    let monitoring = metrics.monitoring();
    let rules = RuleFile::parse(&monitoring.prometheus_rules());
    let mut queries: Vec<_> = rules.rules().map(|rule| rule.expr.clone()).collect();
    for dashboard in Dashboard::both(&monitoring) {
        queries.extend(dashboard.queries.iter().map(|query| interpolate(&query.expr, ".*")));
    }
    let names = |query: &String| -> Vec<_> {
        selectors(&parse(query)).into_iter().filter_map(|it| it.name.clone()).collect()
    };
    queries.iter().flat_map(names).collect()
}

#[tokio::test]
async fn program_without_streams_has_no_queries_of_streams_and_calls() {
    // Prices without calls have no cost.
    let prices = Prices::new().price("small-1", Price::per_million(1.0, 2.0));
    let metrics = Metrics::builder().prices(prices).build().expect("the prices are valid");
    let app = Router::new().route("/order", route_get(order)).layer(metrics.layer());
    get(&app, "/order").await;
    let names = names(&metrics);
    let is_absent = |name: &&String| ABSENT.iter().any(|part| name.contains(part));
    assert_eq!(names.iter().find(is_absent), None);
    for name in ["app_http_requests_total", "endpoint_objective:app_errors:ratio_rate5m"] {
        assert!(names.contains(name), "{name}: {names:?}");
    }
    Program { has_prices: true, ..Program::with_defaults(metrics) }.check();
}
