//! Queries of instances with different settings.

use std::time::Duration;

use prometheus::Registry;
use streamgauge::{Metrics, MetricsBuilder, Objective, Price, Prices, RequestLabel};

use super::program::Program;

fn objective() -> Objective {
    Objective::new()
        .success(99.9)
        .latency(Duration::from_millis(250), 99.0)
        .first_token(Duration::from_secs(1), 95.0)
}

fn build(builder: MetricsBuilder) -> Program {
    Program::with_defaults(builder.build().expect("the settings are valid"))
}

#[test]
fn queries_name_only_series_and_labels_that_exist() {
    let count = build(Metrics::builder()).check();
    assert!(count > 80, "{count}");
}

#[test]
fn queries_of_objectives_name_only_series_and_labels_that_exist() {
    let other = Objective::new().success(99.5).latency(Duration::from_secs(1), 99.0);
    let builder = Metrics::builder().objective("/a", objective()).objective("/{b}", other);
    let count = build(builder).check();
    assert!(count > 120, "{count}");
}

#[test]
fn queries_with_constant_labels_name_only_series_and_labels_that_exist() {
    let builder = Metrics::builder()
        .prefix("my_shop")
        .label("env", "test")
        .label("zone", "a")
        .prices(Prices::new().price("small-1", Price::per_million(1.0, 2.0)))
        .objective("/a", objective());
    let program = build(builder);
    let program =
        Program { prefix: "my_shop_", labels: &["env", "zone"], has_prices: true, ..program };
    program.check();
}

#[test]
fn queries_with_the_names_of_a_registry_name_only_series_and_labels_that_exist() {
    let labels = [("zone".to_owned(), "a".to_owned())].into();
    let registry = Registry::new_custom(Some("corp".to_owned()), Some(labels));
    let builder = Metrics::builder()
        .registry(registry.expect("the names are valid"))
        .registry_prefix("corp")
        .registry_label("zone", "a")
        .label("env", "test")
        .objective("/a", objective());
    Program { prefix: "corp_app_", labels: &["env", "zone"], ..build(builder) }.check();
}

#[test]
fn queries_without_a_prefix_name_only_series_and_labels_that_exist() {
    let builder = Metrics::builder().prefix("").objective("/a", objective());
    Program { prefix: "", ..build(builder) }.check();
}

#[test]
fn queries_with_request_labels_name_only_series_and_labels_that_exist() {
    let tenant = RequestLabel::new("tenant").values(["acme"]);
    let plan = RequestLabel::new("plan").at_most(5);
    let builder = Metrics::builder().request_label(tenant).request_label(plan).label("env", "test");
    let builder = builder.prices(Prices::new().price("small-1", Price::per_million(1.0, 2.0)));
    let program = Program {
        labels: &["env"],
        request_labels: &["tenant", "plan"],
        has_prices: true,
        ..build(builder)
    };
    program.check();
}
