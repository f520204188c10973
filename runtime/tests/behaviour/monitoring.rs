//! Rules and dashboards that fit the program.

use std::time::Duration;

use streamgauge::monitoring::Thresholds;
use streamgauge::{
    Metrics, MetricsBuilder, Objective, Price, Prices, RequestLabel, instrument_endpoint,
    streaming_metrics,
};

#[instrument_endpoint(endpoint = "/orders/{id}", objective(success = 99.9, latency("250ms", 99)))]
async fn order() {}

#[streaming_metrics(protocol = "openai", endpoint = "/chat", objective(first_token("1s", 95.0)))]
fn chat() -> impl futures_core::Stream<Item = &'static str> {
    futures_util::stream::iter(["data: [DONE]\n\n"])
}

/// The largest percentage.
#[instrument_endpoint(endpoint = "/most", objective(success = 99.9999))]
async fn most() {}

fn rules(metrics: &Metrics) -> String {
    metrics.monitoring().prometheus_rules()
}

#[tokio::test]
async fn objective_of_an_attribute_has_rules_and_alerts() {
    order().await;
    most().await;
    drop(chat());
    let rules = rules(&Metrics::builder().build().expect("valid"));
    for expected in [
        r#"endpoint=~"/orders/\\{id\\}""#,
        "objective: 'latency_0.25s_99'",
        "objective: 'first_token_1s_95'",
        "alert: 'AppSuccessObjective'",
        // 14.4 times the error budget of 99.9 %.
        "> 0.0144",
    ] {
        assert!(rules.contains(expected), "{expected}: {rules}");
    }
}

#[test]
fn objective_of_the_settings_may_repeat_one_of_an_attribute_but_not_contradict_it() {
    let build = |percent| {
        let objective = Objective::new().success(percent);
        Metrics::builder().objective("/orders/{id}", objective).build()
    };
    assert!(build(99.9).is_ok());
    let refused = build(99.0).expect_err("the attribute says 99.9").to_string();
    assert!(refused.contains("two different goals have the same condition"), "{refused}");
}

#[test]
fn objective_panels_draw_the_goal_in() {
    let objective = Objective::new().latency(Duration::from_secs(1), 99.0);
    let metrics = Metrics::builder().objective("/a", objective).build().expect("valid");
    let dashboard: serde_json::Value =
        serde_json::from_str(&metrics.monitoring().grafana_dashboard()).expect("valid JSON");
    let panels = dashboard["panels"].as_array().expect("a list");
    let panel = panels.iter().find(|panel| panel["title"] == "Latency, 99 % within 1s");
    let defaults = &panel.expect("a panel of the goal")["fieldConfig"]["defaults"];
    assert_eq!(defaults["thresholds"]["steps"][1]["value"], 1.0);
    assert_eq!(defaults["custom"]["thresholdsStyle"]["mode"], "line");
}

#[test]
fn alert_on_the_cost_of_a_request_label_needs_the_label() {
    let rules = |builder: MetricsBuilder| {
        let prices = Prices::new().price("small-1", Price::per_million(1.0, 2.0));
        let thresholds = Thresholds::default().cost_per_hour_of("tenant", 10.0);
        let metrics = builder.prices(prices).build().expect("valid");
        metrics.monitoring().thresholds(thresholds).prometheus_rules()
    };
    let tenant = RequestLabel::new("tenant").values(["acme"]);
    let with_label = rules(Metrics::builder().request_label(tenant));
    assert!(with_label.contains("sum by (tenant) (rate(app_cost_usd_total[1h]))"), "{with_label}");
    assert!(!rules(Metrics::builder()).contains("LabelCostHigh"));
}

#[test]
fn alert_on_the_cost_of_a_request_label_has_the_last_limit_and_no_label_of_alerts() {
    let labels = ["tenant", "severity"].map(|name| RequestLabel::new(name).values(["acme"]));
    let prices = Prices::new().price("small-1", Price::per_million(1.0, 2.0));
    let builder = Metrics::builder().prices(prices);
    let metrics = labels.into_iter().fold(builder, MetricsBuilder::request_label).build();
    let thresholds = Thresholds::default()
        .cost_per_hour_of("tenant", 10.0)
        .cost_per_hour_of("tenant", 20.0)
        .cost_per_hour_of("severity", 10.0);
    let rules = metrics.expect("valid").monitoring().thresholds(thresholds).prometheus_rules();
    assert_eq!(rules.matches("LabelCostHigh").count(), 1, "{rules}");
    assert!(rules.contains("(rate(app_cost_usd_total[1h])) * 3600) > 20"), "{rules}");
}

#[test]
fn alert_on_latency_counts_a_limit_beyond_the_largest_bound_as_this_bound() {
    let bounds = |bounds: [f64; 2]| {
        let builder = Metrics::builder().buckets("http_request_duration_seconds", bounds);
        rules(&builder.build().expect("valid"))
    };
    // An attribute of this program has an objective with the first bound.
    assert!(bounds([0.25, 1.0]).contains("duration_seconds:p99_rate5m >= 1'"));
    assert!(bounds([0.25, 10.0]).contains("duration_seconds:p99_rate5m > 2.5'"));
}

#[test]
fn alert_labels_keep_constant_labels_that_look_like_templates() {
    let metrics = Metrics::builder().label("owner", "{{ x }}").build().expect("valid");
    let rules = rules(&metrics);
    assert!(rules.contains("owner: '{{ `{{` }} x }}'"), "{rules}");
}

#[test]
fn rules_have_the_prefix_and_the_labels_of_the_instance() {
    let metrics = Metrics::builder().prefix("my_shop").label("env", "it's").build().expect("valid");
    let rules = rules(&metrics);
    assert!(rules.contains("alert: 'MyShopRequestsFailing'"), "{rules}");
    assert!(rules.contains(r#"my_shop_http_requests_total{env="it''s"}"#), "{rules}");
    assert!(rules.contains("env: 'it''s'"), "{rules}");
    assert!(!rules.contains("app_"), "{rules}");
}

#[test]
fn rules_of_many_endpoints_with_one_goal_are_as_many_as_those_of_one() {
    let count = |endpoints: usize| {
        let builder = (0..endpoints).fold(Metrics::builder(), |builder, endpoint| {
            builder.objective(format!("/{endpoint}"), Objective::new().success(99.0))
        });
        rules(&builder.build().expect("valid")).matches("expr:").count()
    };
    assert_eq!(count(5_000), count(1));
}

#[test]
fn alert_on_cost_needs_prices_and_a_threshold() {
    let alert = "CostHigh";
    let priced = Metrics::builder()
        .prices(Prices::new().price("small-1", Price::per_million(1.0, 2.0)))
        .build()
        .expect("valid");
    let thresholds = || Thresholds::default().cost_per_hour(50.0).latency(Duration::from_secs(1));
    assert!(!priced.monitoring().prometheus_rules().contains(alert));
    assert!(priced.monitoring().thresholds(thresholds()).prometheus_rules().contains(alert));
    let unpriced = Metrics::builder().build().expect("valid");
    assert!(!unpriced.monitoring().thresholds(thresholds()).prometheus_rules().contains(alert));
}

#[test]
fn dashboards_are_json_without_variables_in_label_values() {
    let metrics =
        Metrics::builder().label("owner", "$instance [[x]] \"q\"").build().expect("valid");
    let monitoring = metrics.monitoring();
    for text in [monitoring.grafana_dashboard(), monitoring.perses_dashboard()] {
        let dashboard: serde_json::Value = serde_json::from_str(&text).expect("valid JSON");
        let text = dashboard.to_string();
        assert!(!text.contains("$instance [["), "{text}");
        assert!(text.contains("x24instance"), "{text}");
    }
}

#[test]
fn dashboard_has_a_row_for_each_request_label() {
    let metrics = Metrics::builder()
        .request_label(RequestLabel::new("tenant").values(["acme"]))
        .build()
        .expect("valid");
    let dashboard = metrics.monitoring().grafana_dashboard();
    assert!(dashboard.contains("\"title\": \"By tenant\""), "{dashboard}");
    assert!(dashboard.contains("sum by (tenant) (rate(app_token_usage_total{"), "{dashboard}");
    let plain = Metrics::builder().build().expect("valid").monitoring().grafana_dashboard();
    assert!(!plain.contains("tenant"), "{plain}");
}
