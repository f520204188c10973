//! Compares the chapters on monitoring with the files that a program writes.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use streamgauge::monitoring::{Monitoring, Thresholds};
use streamgauge::{
    Metrics, Objective, Price, RequestLabel, Usage, streaming_metrics, track_tokens,
};

use crate::markdown::Document;

#[streaming_metrics(protocol = "openai")]
fn chat() -> impl futures_core::Stream<Item = &'static str> {
    futures_util::stream::iter(["data: [DONE]\n\n"])
}

#[track_tokens]
fn ask() -> Usage {
    Usage::new(1, 1)
}

/// Describes a program that has all rows and all alerts.
fn everything() -> Monitoring {
    let objective = Objective::new()
        .success(99.9)
        .latency(Duration::from_secs(1), 99.0)
        .first_token(Duration::from_secs(1), 95.0);
    let metrics = Metrics::builder()
        .price("small-1", Price::per_million(0.15, 0.60))
        .request_label(RequestLabel::new("tenant").values(["acme"]))
        .objective("/chat", objective)
        .build()
        .expect("the settings are valid");
    let thresholds = Thresholds::default()
        .cost_per_hour(50.0)
        .cost_per_hour_of("tenant", 10.0)
        .metrics_file("shop.prom", Duration::from_secs(120));
    metrics.monitoring().thresholds(thresholds)
}

/// Returns the values of a key in a rule file, each once.
fn values<'a>(rules: &'a str, key: &str) -> BTreeSet<&'a str> {
    let key = format!("{key}: '");
    let rest = rules.split(&key).skip(1);
    rest.filter_map(|rest| rest.split_once('\'')).map(|(value, _)| value).collect()
}

/// Returns the code span at the beginning of a cell, or of a link in it.
fn code(cell: &str) -> &str {
    cell.trim_start_matches('[').trim_start_matches('`').split('`').next().unwrap_or_default()
}

#[test]
fn alerts_have_a_section_of_the_runbook_each() {
    drop(chat());
    let _ = ask();
    let rules = everything().prometheus_rules();
    let chapter = Document::read("docs/alerts.md");
    let sections: BTreeSet<_> =
        chapter.headings().filter_map(|heading| heading.strip_prefix("## ")).collect();
    let alerts = values(&rules, "alert");
    let names: BTreeSet<_> = alerts.iter().filter_map(|name| name.strip_prefix("App")).collect();
    assert_eq!(sections, names);
    let url = |name: &&str| {
        let anchor = name.to_lowercase();
        format!("https://docs.rs/streamgauge/latest/streamgauge/guide/alerts/index.html#{anchor}")
    };
    let urls: BTreeSet<_> = sections.iter().map(url).collect();
    assert_eq!(values(&rules, "runbook_url"), urls.iter().map(String::as_str).collect());
}

#[test]
fn alerts_have_the_severity_and_the_time_of_the_table() {
    let rules = everything().prometheus_rules();
    let chapter = Document::read("docs/alerts.md");
    for row in chapter.table("| alert ") {
        let name = code(row[0]);
        let key = format!("alert: 'App{name}'\n");
        let severities: Vec<_> = rules
            .split(&key)
            .skip(1)
            .map(|rest| {
                let rule = rest.split("- alert:").next().expect("a split text has a first part");
                let pending = rule.split_once("for: ").and_then(|(_, rest)| rest.split_once("m\n"));
                let pending = pending.map_or("–".to_owned(), |(time, _)| format!("{time} min"));
                assert_eq!(pending, row[4], "{name}");
                let [severity] = values(rule, "severity").into_iter().collect::<Vec<_>>()[..]
                else {
                    panic!("{name} has one severity");
                };
                severity
            })
            .collect();
        assert_eq!(severities.join(", "), row[1], "{name}");
    }
}

#[test]
fn thresholds_are_the_limits_of_the_table() {
    // The text of a limit in the table, and the comparison in the query.
    let limits = [
        ("RequestsFailing", "5 %, `failures`", " > 0.05"),
        ("RequestsSlow", "2.5 s, `latency`", " > 2.5"),
        ("ClientDisconnects", "20 %, `cancelled`", " > 0.2"),
        ("StreamsFailing", "5 %, `stream_failures`", " > 0.05"),
        ("ProviderFailing", "10 %, `call_failures`", " > 0.1"),
        ("ProviderBusy", "5 %, `calls_refused`", " > 0.05"),
        ("RateLimitNearlyUsed", "10, `limit_left`", " < 10"),
        ("FirstTokenSlow", "5 s, `first_token`", " > 5"),
        ("UsageMissing", "5 %, `usage_missing`", " > 0.05"),
        ("CostHigh", "none, `cost_per_hour`", " > 50"),
        ("LabelCostHigh", "none, `cost_per_hour_of`", " > 10"),
        ("MetricsFileStale", "none, `metrics_file`", " > 120"),
    ];
    let rules = everything().prometheus_rules();
    let chapter = Document::read("docs/alerts.md");
    let table = chapter.table("| alert ");
    for (alert, limit, comparison) in limits {
        let key = format!("alert: 'App{alert}'\n");
        let (_, rule) = rules.split_once(&key).expect("the alert exists");
        let (expr, _) = rule.split_once("'\n").expect("the query is quoted");
        // The comparison is a whole operand, or the end of the query.
        let found = format!("{expr})").contains(&format!("{comparison})"));
        assert!(found, "{alert}: {expr}");
        let row = table.iter().find(|row| code(row[0]) == alert).expect("the table has a row");
        assert_eq!(row[3], limit, "{alert}");
    }
}

#[test]
fn rows_of_the_dashboard_are_those_of_the_table() {
    let dashboard: Value =
        serde_json::from_str(&everything().grafana_dashboard()).expect("the dashboard is JSON");
    let panels = dashboard["panels"].as_array().expect("panels are a list");
    let rows = panels.iter().filter(|panel| panel["type"] == "row");
    let rows: Vec<_> = rows.map(|row| row["title"].as_str().expect("a title")).collect();
    let chapter = Document::read("docs/monitoring.md");
    let described = chapter.table("| row ");
    let described: Vec<_> =
        described.iter().map(|row| row[0].replace("*label*", "tenant")).collect();
    assert_eq!(described, rows);
    let panels = panels.iter().filter(|panel| panel["type"] != "row");
    assert!(panels.into_iter().all(|panel| panel["description"] != ""), "all panels are described");
}

#[test]
fn recording_rules_are_those_of_the_table() {
    let rules = everything().prometheus_rules();
    let chapter = Document::read("docs/monitoring.md");
    // There is a rule for each window, and the table has the first one.
    let objectives = "endpoint_objective:app_errors:ratio_rate";
    let recorded = values(&rules, "record");
    let windows: Vec<_> =
        recorded.iter().filter_map(|name| name.strip_prefix(objectives)).collect();
    assert_eq!(windows.len(), 8);
    for window in windows {
        assert!(chapter.text.contains(&format!("`{window}`")), "{window}");
    }
    let is_listed = |name: &&str| !name.starts_with(objectives) || name.ends_with("rate5m");
    let table = chapter.table("| series ");
    let described: BTreeSet<_> = table.iter().map(|row| code(row[0])).collect();
    assert_eq!(described, recorded.into_iter().filter(is_listed).collect());
}
