//! Dashboards for Perses.

use serde_json::{Map, Value, json};

use super::panel::{Kind, Panel, Place, Row, Threshold};
use super::query::Unit;

/// Returns a dashboard in JSON. `name` has only letters, digits, `_` and `-`.
pub(super) fn dashboard(name: &str, title: &str, requests: &str, rows: &[Row]) -> Value {
    let mut panels = Map::new();
    let layouts: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(row_index, row)| {
            let mut items = Vec::new();
            for (index, (place, panel)) in row.places().enumerate() {
                let Place { x, y, width, height } = place;
                let key = format!("panel_{row_index}_{index}");
                let content = json!({ "$ref": format!("#/spec/panels/{key}") });
                items.push(json!({
                    "x": x, "y": y, "width": width, "height": height, "content": content,
                }));
                panels.insert(key, self::panel(panel));
            }
            let display = json!({ "title": row.title, "collapse": { "open": true } });
            json!({ "kind": "Grid", "spec": { "display": display, "items": items } })
        })
        .collect();
    json!({
        "kind": "Dashboard",
        "metadata": { "name": name, "project": "streamgauge" },
        "spec": {
            "display": { "name": title, "description": "Written by streamgauge." },
            "duration": "1h",
            "refreshInterval": "30s",
            "variables": [
                variable("instance", "Instance", requests),
                variable("endpoint", "Endpoint", requests),
            ],
            "panels": panels,
            "layouts": layouts,
        },
    })
}

fn variable(name: &str, title: &str, requests: &str) -> Value {
    json!({
        "kind": "ListVariable",
        "spec": {
            "name": name,
            "display": { "name": title },
            "allowAllValue": true,
            "allowMultiple": true,
            "customAllValue": ".*",
            "defaultValue": "$__all",
            "plugin": {
                "kind": "PrometheusLabelValuesVariable",
                "spec": { "labelName": name, "matchers": [requests] },
            },
        },
    })
}

fn panel(panel: &Panel) -> Value {
    let format = json!({ "unit": unit(panel.unit()) });
    let mut plugin = match panel.kind {
        Kind::Number => json!({
            "kind": "StatChart",
            "spec": { "calculation": "last-number", "format": format, "sparkline": {} },
        }),
        Kind::Lines => json!({
            "kind": "TimeSeriesChart",
            "spec": {
                "legend": { "position": "bottom", "mode": "list" },
                "yAxis": { "format": format },
                // Without a palette, the name of a line decides its colour: red for `success`.
                "visual": {
                    "palette": { "mode": "categorical" }, "areaOpacity": 0.1, "lineWidth": 1.5,
                },
            },
        }),
    };
    if let Some(Threshold::From(value) | Threshold::Below(value)) = panel.threshold {
        let step = json!({ "value": value, "color": "#d62f3f", "name": "limit" });
        plugin["spec"]["thresholds"] = json!({ "steps": [step] });
    }
    if let Some((name, limit)) = panel.axis_limit() {
        plugin["spec"]["yAxis"][name] = json!(limit);
    }
    let queries: Vec<_> = panel
        .queries
        .iter()
        .map(|query| {
            let spec = json!({
                "query": query.expr.to_string(),
                "seriesNameFormat": query.legend,
            });
            let plugin = json!({ "kind": "PrometheusTimeSeriesQuery", "spec": spec });
            json!({ "kind": "TimeSeriesQuery", "spec": { "plugin": plugin } })
        })
        .collect();
    json!({
        "kind": "Panel",
        "spec": {
            "display": { "name": panel.title, "description": panel.description },
            "plugin": plugin,
            "queries": queries,
        },
    })
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Number => "decimal",
        Unit::Dollars | Unit::DollarsPerSecond => "usd",
        Unit::Seconds => "seconds",
        Unit::Bytes => "bytes",
        Unit::Share => "percent-decimal",
        Unit::PerSecond => "counts/sec",
        Unit::RequestsPerSecond => "requests/sec",
        Unit::BytesPerSecond => "bytes/sec",
    }
}
