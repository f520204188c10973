//! Reads rule files and dashboards.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use streamgauge::monitoring::Monitoring;

/// A rule file. Fields that Prometheus does not know are errors.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleFile {
    pub(crate) groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    #[expect(dead_code, reason = "part of the format")]
    name: String,
    pub(crate) rules: Vec<Rule>,
}

/// A recording rule or an alert.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) record: Option<String>,
    pub(crate) alert: Option<String>,
    pub(crate) expr: String,
    #[serde(rename = "for")]
    #[expect(dead_code, reason = "part of the format")]
    pending: Option<String>,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) annotations: BTreeMap<String, String>,
}

impl RuleFile {
    pub(crate) fn parse(yaml: &str) -> Self {
        // As a tree first: it has an error for a key that is given twice, as Prometheus does.
        let tree: serde_norway::Value = serde_norway::from_str(yaml)
            .unwrap_or_else(|error| panic!("rules are not YAML: {error}"));
        serde_norway::from_value(tree).unwrap_or_else(|error| panic!("not a rule file: {error}"))
    }

    pub(crate) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.groups.iter().flat_map(|group| &group.rules)
    }
}

/// A query of a dashboard.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) expr: String,
    /// The name of a line, in which `{{label}}` stands for the value of a label. Selectors of
    /// variables have none.
    pub(crate) legend: String,
}

/// A dashboard in JSON, and the queries that were in it.
#[derive(Debug)]
pub(crate) struct Dashboard {
    pub(crate) queries: Vec<Query>,
    /// The dashboard with empty texts in place of the queries.
    pub(crate) rest: Value,
}

impl Dashboard {
    pub(crate) fn both(monitoring: &Monitoring) -> [Self; 2] {
        [Self::grafana(monitoring), Self::perses(monitoring)]
    }

    fn grafana(monitoring: &Monitoring) -> Self {
        let mut rest = json(&monitoring.grafana_dashboard());
        let mut queries = Vec::new();
        for variable in elements(&mut rest["templating"]["list"]) {
            if variable["type"] == "query" {
                let query = take(&mut variable["query"]["query"]);
                let selector =
                    query.strip_prefix("label_values(").and_then(|it| it.rsplit_once(", "));
                let (selector, label) = selector.expect("the variable has the values of a label");
                assert_eq!(Some(label.trim_end_matches(')')), variable["name"].as_str());
                queries.push(Query { expr: selector.to_owned(), legend: String::new() });
            }
        }
        for panel in elements(&mut rest["panels"]) {
            for target in panel["targets"].as_array_mut().into_iter().flatten() {
                let legend = text(&target["legendFormat"]);
                queries.push(Query { expr: take(&mut target["expr"]), legend });
            }
        }
        Self { queries, rest }
    }

    fn perses(monitoring: &Monitoring) -> Self {
        let mut rest = json(&monitoring.perses_dashboard());
        let mut queries = Vec::new();
        for variable in elements(&mut rest["spec"]["variables"]) {
            for matcher in elements(&mut variable["spec"]["plugin"]["spec"]["matchers"]) {
                queries.push(Query { expr: take(matcher), legend: String::new() });
            }
        }
        let panels = rest["spec"]["panels"].as_object_mut().expect("panels have names");
        for panel in panels.values_mut() {
            for query in elements(&mut panel["spec"]["queries"]) {
                let spec = &mut query["spec"]["plugin"]["spec"];
                let legend = text(&spec["seriesNameFormat"]);
                queries.push(Query { expr: take(&mut spec["query"]), legend });
            }
        }
        Self { queries, rest }
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("not JSON: {error}\n{text}"))
}

fn elements(list: &mut Value) -> impl Iterator<Item = &mut Value> {
    list.as_array_mut().expect("the field is a list").iter_mut()
}

fn text(value: &Value) -> String {
    value.as_str().expect("the field is a text").to_owned()
}

/// Takes a text out of a dashboard.
fn take(value: &mut Value) -> String {
    let text = text(value);
    *value = Value::from("");
    text
}
