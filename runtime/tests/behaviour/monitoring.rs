//! Rules and dashboards that fit the program.

use std::time::Duration;

use streamgauge::monitoring::Thresholds;
use streamgauge::{
    Metrics, Objective, Price, Prices, RequestLabel, instrument_endpoint, streaming_metrics,
};

#[instrument_endpoint(endpoint = "/orders/{id}", objective(success = 99.9, latency("250ms", 99)))]
async fn order() {}

#[streaming_metrics(protocol = "openai", endpoint = "/chat", objective(first_token("1s", 95.0)))]
fn chat() -> impl futures_core::Stream<Item = &'static str> {
    futures_util::stream::iter(["data: [DONE]\n\n"])
}

fn rules(metrics: &Metrics) -> String {
    metrics.monitoring().prometheus_rules()
}

#[tokio::test]
async fn objective_of_an_attribute_has_rules_and_alerts() {
    order().await;
    drop(chat());
    let rules = rules(&Metrics::builder().build().expect("valid"));
    for expected in [
        r#"endpoint=~"/orders/\\{id\\}""#,
        "objective: 'latency_0.25s'",
        "objective: 'first_token_1s'",
        "alert: 'AppSuccessObjective'",
        // 14.4 times the error budget of 99.9 %.
        "> 0.0144",
    ] {
        assert!(rules.contains(expected), "{expected}: {rules}");
    }
}

#[test]
fn rules_have_the_prefix_and_the_labels_of_the_instance() {
    let metrics = Metrics::builder().prefix("my_shop").label("env", "it's").build().expect("valid");
    let rules = rules(&metrics);
    assert!(rules.contains("alert: 'MyShopFailing'"), "{rules}");
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
