//! Dashboards for Grafana 11 and later.

use serde_json::{Value, json};

use super::panel::{COLUMNS, Kind, Panel, Place, Row, Threshold};
use super::query::Unit;

/// The variable of the data source, which the person who looks chooses.
const DATA_SOURCE: &str = "${datasource}";
/// The longest identifier of a dashboard.
const UID_LENGTH: usize = 40;

/// Returns a dashboard in JSON. `name` has only ASCII letters, digits and `_`. `requests` is the
/// name of the family of requests, whose labels are the values of the variables.
pub(super) fn dashboard(name: &str, title: &str, requests: &str, rows: &[Row]) -> Value {
    let mut panels = Vec::new();
    let (mut id, mut y) = (0, 0);
    for row in rows {
        id += 1;
        panels.push(json!({
            "id": id,
            "type": "row",
            "title": row.title,
            "collapsed": false,
            "gridPos": { "h": 1, "w": COLUMNS, "x": 0, "y": y },
            "panels": [],
        }));
        y += 1;
        let mut height = 0;
        for (place, panel) in row.places() {
            id += 1;
            let Place { x, y: line, width, height: lines } = place;
            let grid = json!({ "h": lines, "w": width, "x": x, "y": y + line });
            panels.push(panel_at(panel, id, &grid));
            height = line + lines;
        }
        y += height;
    }
    let uid: String = format!("streamgauge-{name}").chars().take(UID_LENGTH).collect();
    json!({
        "uid": uid,
        "title": title,
        "description": "Written by streamgauge.",
        "tags": ["streamgauge"],
        "editable": true,
        "schemaVersion": 39,
        "time": { "from": "now-1h", "to": "now" },
        "refresh": "30s",
        "templating": { "list": [
            {
                "name": "datasource",
                "label": "Data source",
                "type": "datasource",
                "query": "prometheus",
            },
            variable("instance", "Instance", requests),
            variable("endpoint", "Endpoint", requests),
        ] },
        "panels": panels,
    })
}

fn variable(name: &str, label: &str, requests: &str) -> Value {
    let query = format!("label_values({requests}, {name})");
    json!({
        "name": name,
        "label": label,
        "type": "query",
        "datasource": { "type": "prometheus", "uid": DATA_SOURCE },
        "query": { "query": query, "refId": "variable" },
        "refresh": 2,
        "sort": 1,
        "multi": true,
        "includeAll": true,
        "allValue": ".*",
        "current": { "text": ["All"], "value": ["$__all"] },
    })
}

fn panel_at(panel: &Panel, id: usize, place: &Value) -> Value {
    let targets: Vec<_> = panel
        .queries
        .iter()
        .zip('A'..)
        .map(|(query, reference)| {
            json!({
                "refId": reference.to_string(),
                "datasource": { "type": "prometheus", "uid": DATA_SOURCE },
                "editorMode": "code",
                "expr": query.expr.to_string(),
                "legendFormat": query.legend,
                "range": true,
            })
        })
        .collect();
    let threshold_style = if panel.threshold.is_some() { "line" } else { "off" };
    let (name, options, custom) = match panel.kind {
        Kind::Number => (
            "stat",
            json!({
                "colorMode": "value",
                "graphMode": "area",
                "reduceOptions": { "calcs": ["lastNotNull"], "fields": "", "values": false },
            }),
            json!({}),
        ),
        Kind::Lines => (
            "timeseries",
            json!({
                "legend": {
                    "calcs": ["lastNotNull"],
                    "displayMode": "table",
                    "placement": "bottom",
                    "showLegend": true,
                },
                "tooltip": { "mode": "multi", "sort": "desc" },
            }),
            json!({
                "fillOpacity": 10,
                "lineWidth": 1,
                "showPoints": "never",
                "thresholdsStyle": { "mode": threshold_style },
            }),
        ),
    };
    let steps = match panel.threshold {
        None => json!([{ "color": "green", "value": null }]),
        Some(Threshold::From(value)) => json!([
            { "color": "green", "value": null },
            { "color": "red", "value": value },
        ]),
        Some(Threshold::Below(value)) => json!([
            { "color": "red", "value": null },
            { "color": "green", "value": value },
        ]),
    };
    let mut defaults = json!({
        "unit": unit(panel.unit()),
        "thresholds": { "mode": "absolute", "steps": steps },
        "custom": custom,
    });
    if let Some((name, limit)) = panel.axis_limit() {
        defaults[name] = json!(limit);
    }
    json!({
        "id": id,
        "type": name,
        "title": panel.title,
        "description": panel.description,
        "gridPos": place,
        "datasource": { "type": "prometheus", "uid": DATA_SOURCE },
        "targets": targets,
        "options": options,
        "fieldConfig": { "defaults": defaults, "overrides": [] },
    })
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Number => "short",
        Unit::Seconds => "s",
        Unit::Bytes => "bytes",
        Unit::Share => "percentunit",
        Unit::PerSecond => "cps",
        Unit::RequestsPerSecond => "reqps",
        Unit::BytesPerSecond => "Bps",
        Unit::Dollars | Unit::DollarsPerSecond => "currencyUSD",
    }
}
