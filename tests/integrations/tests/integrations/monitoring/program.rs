//! An instance, and the series that its queries may name.

use std::collections::BTreeMap;

use streamgauge::Metrics;

use super::output::{Dashboard, RuleFile};
use super::promql::{Labels, Schema, parse};
use super::variables::interpolate;

/// The table of families in the guide, which is generated from the families.
const CHAPTER: &str = include_str!("../../../../../docs/metrics.md");

/// The series that Prometheus and the node exporter add, with their labels.
const FOREIGN: &[(&str, &[&str])] =
    &[("up", &["job", "instance"]), ("node_textfile_mtime_seconds", &["file", "job", "instance"])];

/// An instance, with the settings that its queries depend on.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) metrics: Metrics,
    /// With its separator.
    pub(crate) prefix: &'static str,
    pub(crate) labels: &'static [&'static str],
    pub(crate) request_labels: &'static [&'static str],
    pub(crate) has_prices: bool,
}

impl Program {
    pub(crate) fn with_defaults(metrics: Metrics) -> Self {
        Self { metrics, prefix: "app_", labels: &[], request_labels: &[], has_prices: false }
    }

    /// Returns the series of all families.
    fn schema(&self) -> Schema {
        let (_, table) = CHAPTER.split_once("<!-- families: begin").expect("a table of families");
        let (table, _) = table.split_once("<!-- families: end").expect("the table ends");
        let mut series = BTreeMap::new();
        for row in table.lines().filter(|line| line.starts_with("| `")) {
            let columns: Vec<_> = row.trim_matches('|').splitn(4, '|').map(str::trim).collect();
            let [name, kind, labels, meaning] = columns[..] else { panic!("four columns: {row}") };
            if meaning.contains("Exists only if prices are configured") && !self.has_prices {
                continue;
            }
            let has_request_labels = labels.contains("*request labels*");
            let own = labels.split('`').skip(1).step_by(2).chain(["job", "instance"]);
            let own = own.chain(self.labels.iter().copied());
            let requested = self.request_labels.iter().copied().filter(|_| has_request_labels);
            let labels: Labels = own.chain(requested).map(str::to_owned).collect();
            let name = format!("{}{}", self.prefix, name.trim_matches('`'));
            if kind == "histogram" {
                let mut bucket = labels.clone();
                bucket.insert("le".to_owned());
                series.insert(format!("{name}_bucket"), bucket);
                series.insert(format!("{name}_sum"), labels.clone());
                series.insert(format!("{name}_count"), labels);
            } else {
                series.insert(name, labels);
            }
        }
        assert!(series.len() > 50, "the table has all families: {series:?}");
        for (name, labels) in FOREIGN {
            series.insert((*name).to_owned(), labels.iter().map(|it| (*it).to_owned()).collect());
        }
        Schema(series)
    }

    /// Checks that the rules and the dashboards name only series and labels that exist, and that
    /// texts show only labels that the results have. Returns the number of queries.
    pub(crate) fn check(&self) -> usize {
        let monitoring = self.metrics.monitoring();
        let mut schema = self.schema();
        let rules = RuleFile::parse(&monitoring.prometheus_rules());
        let mut count = 0;
        // A rule comes after those whose series it uses.
        for rule in rules.rules() {
            let results = results(&schema, &rule.expr);
            count += 1;
            if let Some(name) = &rule.record {
                let mut labels = results.clone();
                labels.extend(rule.labels.keys().cloned());
                if let Some(before) = schema.0.insert(name.clone(), labels.clone()) {
                    assert_eq!(before, labels, "all rules of {name} have the same labels");
                }
            }
            for text in rule.annotations.values() {
                for label in named(text, "$labels.") {
                    assert!(results.contains(label), "{text} has no {label}: {}", rule.expr);
                }
            }
        }
        for dashboard in Dashboard::both(&monitoring) {
            assert!(dashboard.queries.len() > 20, "{dashboard:?}");
            for query in &dashboard.queries {
                let results = results(&schema, &interpolate(&query.expr, ".*"));
                count += 1;
                for label in named(&query.legend, "{{") {
                    assert!(results.contains(label), "{label} of {query:?} is not in the result");
                }
            }
        }
        count
    }
}

fn results(schema: &Schema, query: &str) -> Labels {
    let labels = schema.labels(&parse(query)).unwrap_or_else(|error| panic!("{error}\n{query}"));
    labels.unwrap_or_else(|| panic!("the result is a number: {query}"))
}

/// Returns the names of labels that follow `before` in a text.
fn named<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(before)
        .skip(1)
        .map(|rest| rest.split(|c| !is_name(c)).next().unwrap_or(""))
        .collect()
}
