//! Settings that do not work are errors that say so.

use prometheus::{IntCounter, Registry};
use streamgauge::{BuildError, Metrics, MetricsBuilder};
use streamgauge_test_support::{Scrape, page_of};

fn refused(builder: MetricsBuilder) -> String {
    builder.build().expect_err("this does not work").to_string()
}

#[test]
fn a_prefix_must_begin_a_metric_name() {
    for prefix in ["my-app", "1st", "häuser", "a b", "a:b", "a\n"] {
        let error = refused(Metrics::builder().prefix(prefix));
        assert!(error.contains(&format!("{prefix:?}")) && error.contains("my_app"), "{error}");
    }
}

#[test]
fn a_label_must_have_a_name_that_is_free() {
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
fn buckets_must_make_a_histogram() {
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
fn a_path_to_skip_begins_with_a_slash() {
    let error = refused(Metrics::builder().skip_paths(["health"]));
    assert!(error.contains("\"health\""), "{error}");
}

#[test]
fn a_second_instance_does_not_fit_into_the_same_registry() {
    let registry = Registry::new();
    let build = |prefix| Metrics::builder().prefix(prefix).registry(registry.clone()).build();
    build("one").expect("the registry is empty");
    assert!(matches!(build("one"), Err(BuildError::Registry(_))));
    build("two").expect("another prefix fits");
}

#[test]
fn an_empty_prefix_leaves_the_names_bare() {
    let metrics = Metrics::builder().prefix("").build().expect("valid");
    let page = page_of(&metrics);
    assert!(page.contains("\nhttp_requests_total{"), "{page}");
}

#[test]
fn constant_labels_and_own_metrics_stand_on_the_page() {
    let registry = Registry::new();
    let own = IntCounter::new("own_total", "Mine.").expect("a valid name");
    registry.register(Box::new(own.clone())).expect("it is new");
    own.inc();
    let metrics = Metrics::builder()
        .registry(registry)
        .label("region", "eu")
        .buckets("stream_duration_seconds", [1.0])
        .build()
        .expect("valid");
    let scrape = Scrape::of(&metrics);
    assert_eq!(scrape.sum("own_total", &[]), 1);
    let ours = scrape.count("app_active_streams", &[]);
    assert!(ours > 0, "streams are declared elsewhere in this program");
    assert_eq!(scrape.count("app_active_streams", &[("region", "eu")]), ours);
}
