//! Dashboards for Perses.

use serde_json::{Map, Value, json};

use super::panel::{Kind, Panel, Row, Threshold, Unit};

/// Returns a dashboard in JSON. `name` has only letters, digits, `_` and `-`.
pub(super) fn dashboard(name: &str, title: &str, requests: &str, rows: &[Row]) -> Value {
    let mut panels = Map::new();
    let layouts: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(row_index, row)| {
            let (mut x, mut y, mut row_height) = (0, 0, 0);
            let mut items = Vec::new();
            for (index, panel) in row.panels.iter().enumerate() {
                let (width, height) = super::grafana::size(panel.kind);
                if x + width > 24 {
                    (x, y) = (0, y + row_height);
                }
                row_height = height;
                let key = format!("panel_{row_index}_{index}");
                let content = json!({ "$ref": format!("#/spec/panels/{key}") });
                items.push(json!({
                    "x": x, "y": y, "width": width, "height": height, "content": content,
                }));
                panels.insert(key, self::panel(panel));
                x += width;
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
    let format = json!({ "unit": unit(panel.unit) });
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
            },
        }),
    };
    if let Some(Threshold::From(value) | Threshold::Below(value)) = panel.threshold {
        plugin["spec"]["thresholds"] = json!({ "steps": [{ "value": value }] });
    }
    if panel.kind == Kind::Lines && panel.has_no_negative_values() {
        plugin["spec"]["yAxis"]["min"] = json!(0);
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
        Unit::Number | Unit::Dollars => "decimal",
        Unit::Seconds => "seconds",
        Unit::Share => "percent-decimal",
        Unit::PerSecond => "counts/sec",
        Unit::RequestsPerSecond => "requests/sec",
        Unit::BytesPerSecond => "bytes/sec",
    }
}
