//! Invalid settings are refused by `build` with an error that names them.

use prometheus::{IntCounter, Registry};
use streamgauge::{BuildError, Metrics, MetricsBuilder};
use streamgauge_test_support::{Scrape, page_of};

fn refused(builder: MetricsBuilder) -> String {
    builder.build().expect_err("the settings are invalid").to_string()
}

#[test]
fn prefix_must_be_valid_in_a_metric_name() {
    for prefix in ["my-app", "1st", "häuser", "a b", "a:b", "a\n"] {
        let error = refused(Metrics::builder().prefix(prefix));
        assert!(error.contains(&format!("{prefix:?}")) && error.contains("my_app"), "{error}");
    }
}

#[test]
fn label_name_must_be_valid_and_free() {
    for name in ["", "my-label", "1st", "a:b"] {
        let error = refused(Metrics::builder().label(name, "x"));
        assert!(error.contains(&format!("{name:?} is not a label name")), "{error}");
    }
    for name in ["__name__", "le", "quantile", "endpoint", "model", "family"] {
        let error = refused(Metrics::builder().label(name, "x"));
        assert!(error.contains(&format!("{name:?} is taken")), "{error}");
    }
    let error = refused(Metrics::builder().label("region", "a").label("region", "b"));
    assert!(error.contains("\"region\" is given twice"), "{error}");
}

#[test]
fn buckets_must_be_finite_and_ascending() {
    let family = "stream_duration_seconds";
    for bounds in [
        vec![],
        vec![1.0, 1.0],
        vec![2.0, 1.0],
        vec![f64::NAN],
        vec![1.0, f64::INFINITY],
        vec![-1.0, 1.0],
    ] {
        let error = refused(Metrics::builder().buckets(family, bounds.clone()));
        assert!(error.starts_with(&format!("buckets of {family:?}: ")), "{bounds:?}: {error}");
    }
    let error = refused(Metrics::builder().buckets("http_requests_total", [1.0]));
    assert!(error.contains("no such histogram") && error.contains(family), "{error}");
}

#[test]
fn skip_paths_must_begin_with_a_slash() {
    let error = refused(Metrics::builder().skip_paths(["health"]));
    assert!(error.contains("\"health\""), "{error}");
}

#[test]
fn registry_refuses_a_second_instance_with_the_same_prefix() {
    let registry = Registry::new();
    let build = |prefix| Metrics::builder().prefix(prefix).registry(registry.clone()).build();
    build("one").expect("the registry is empty");
    assert!(matches!(build("one"), Err(BuildError::Registry(_))));
    build("two").expect("another prefix is free");
}

#[test]
fn prefix_can_be_empty() {
    let metrics = Metrics::builder().prefix("").build().expect("valid");
    let page = page_of(&metrics);
    assert!(page.contains("\nhttp_requests_total{"), "{page}");
}

#[test]
fn page_shows_constant_labels_and_metrics_of_the_application() {
    let registry = Registry::new();
    let application = IntCounter::new("orders_total", "Orders.").expect("a valid name");
    registry.register(Box::new(application.clone())).expect("the name is free");
    application.inc();
    let metrics = Metrics::builder()
        .registry(registry)
        .label("region", "eu")
        .buckets("stream_duration_seconds", [1.0])
        .build()
        .expect("valid");
    let scrape = Scrape::of(&metrics);
    assert_eq!(scrape.sum("orders_total", &[]), 1);
    let series = scrape.count("app_active_streams", &[]);
    assert!(series > 0, "other tests of this program declare streams");
    assert_eq!(scrape.count("app_active_streams", &[("region", "eu")]), series);
}
