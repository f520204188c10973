//! Invalid settings are refused by `build` with an error that names them.

use axum::Router;
use axum::routing::get as route_get;
use prometheus::{IntCounter, Registry};
use streamgauge::{BuildError, Metrics, MetricsBuilder, Price, Prices, RequestLabel};
use streamgauge_test_support::client::get;
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
fn prefix_that_makes_unwanted_names_is_refused_with_another_one() {
    for (prefix, instead) in [
        ("app_", "use \"app\""),
        ("__x", "use \"x\""),
        ("__7", "use \"_7\""),
        ("_", "use \"\""),
        (&*"a".repeat(300), "at most 100"),
    ] {
        let error = refused(Metrics::builder().prefix(prefix));
        assert!(error.contains(prefix) && error.contains(instead), "{error}");
    }
    for prefix in ["_x", "a__b", &*"a".repeat(100)] {
        assert!(Metrics::builder().prefix(prefix).build().is_ok(), "{prefix}");
    }
}

#[test]
fn label_that_prometheus_would_drop_is_refused() {
    let error = refused(Metrics::builder().label("region", ""));
    assert!(error.contains("label \"region\" has an empty value"), "{error}");
    let long = "a".repeat(101);
    let request_label = RequestLabel::new(&*long).at_most(1);
    for builder in [
        Metrics::builder().label(&*long, "x"),
        Metrics::builder().build_info([(&*long, "x")]),
        Metrics::builder().request_label(request_label),
    ] {
        assert!(refused(builder).contains("100 bytes"));
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
    let twice = Metrics::builder().buckets(family, [1.0]).buckets(family, [2.0]);
    let error = refused(twice);
    assert!(error.contains("given twice"), "{error}");
    let with_prefix = "app_stream_duration_seconds";
    let error = refused(Metrics::builder().buckets(with_prefix, [1.0]));
    assert!(error.contains(with_prefix) && error.contains("without it"), "{error}");
    let error = refused(Metrics::builder().buckets("http_requests_total", [1.0]));
    assert!(error.contains("no such histogram") && error.contains(family), "{error}");
}

#[test]
fn skip_paths_that_match_no_request_are_refused_with_one_that_matches() {
    for (pattern, instead) in [
        ("health", "\"/health\""),
        ("/api/*/x", "\"/api/{name}/x\""),
        ("/a?b", "\"/a\""),
        ("/health#x", "\"/health\""),
        ("with space", "\"/with%20space\""),
        ("/items/{id", "`{name}`"),
        ("/admin/{*rest}/x", "`{*rest}`"),
    ] {
        let error = refused(Metrics::builder().skip_paths([pattern]));
        let named = error.starts_with(&format!("skip path {pattern:?} matches no request: "));
        assert!(named && error.contains(instead), "{error}");
    }
}

#[test]
fn header_values_that_no_header_has_are_refused() {
    for value in [" free", "free\t", "a\nb"] {
        let label = || RequestLabel::new("plan").values([value]);
        let error = refused(Metrics::builder().request_label(label().from_header("x-plan")));
        assert!(error.contains("no header has this value"), "{error}");
        let set_by_handlers = Metrics::builder().request_label(label());
        assert!(set_by_handlers.build().is_ok(), "a handler can set {value:?}");
    }
}

#[test]
fn problems_of_all_settings_are_reported_at_once() {
    let registry = Registry::new();
    let builder = Metrics::builder()
        .prefix("app_")
        .label("endpoint", "x")
        .label("region", "")
        .buckets("stream_duration_seconds", [])
        .skip_paths(["/api/*/x", "/good", "/a?b"])
        .request_label(RequestLabel::new("tenant"))
        .models(Vec::<String>::new())
        .providers(["other"])
        .price("small-1", Price::per_million(-1.0, 1.0))
        .max_scrapes(0)
        .build_info(Vec::<(String, String)>::new())
        .registry(registry.clone())
        .registry_prefix("corp_")
        .registry_label("my-label", "x");
    let error = builder.build().expect_err("many settings are invalid");
    let text = error.to_string();
    let BuildError::Several(errors) = error else { panic!("one error: {text}") };
    assert_eq!(errors.len(), 14, "{text}");
    assert_eq!(text.lines().count(), 15, "a heading, and a line for each: {text}");
    for error in errors {
        assert!(text.contains(&format!("\n- {error}")), "{error} is not in {text}");
    }
    Metrics::builder().registry(registry).build().expect("nothing was registered");
}

#[test]
fn problems_of_new_prices_are_reported_at_once() {
    let metrics = Metrics::builder().build().expect("valid");
    let bad = || Price::per_million(-1.0, 1.0);
    let prices = Prices::new().price("small-1", bad()).price("large-1", bad());
    let error = metrics.set_prices(prices).expect_err("both prices are negative");
    assert!(matches!(&error, BuildError::Several(errors) if errors.len() == 2), "{error}");
}

#[test]
fn registry_refuses_a_second_instance_with_the_same_prefix() {
    let registry = Registry::new();
    let build = |prefix| Metrics::builder().prefix(prefix).registry(registry.clone()).build();
    let _one = build("one").expect("the registry is empty");
    assert!(matches!(build("one"), Err(BuildError::Registry(_))));
    build("two").expect("another prefix is free");
}

#[tokio::test]
async fn prefix_can_be_empty() {
    let metrics = Metrics::builder().prefix("").build().expect("valid");
    let app = Router::new().route("/plain", route_get(|| async {})).layer(metrics.layer());
    get(&app, "/plain").await;
    let page = page_of(&metrics);
    assert!(page.contains("\nhttp_requests_total{"), "{page}");
}

#[tokio::test]
async fn page_shows_constant_labels_and_metrics_of_the_application() {
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
    let app = Router::new().route("/plain", route_get(|| async {})).layer(metrics.layer());
    get(&app, "/plain").await;
    let scrape = Scrape::of(&metrics);
    assert_eq!(scrape.sum("orders_total", &[]), 1);
    let requests = [("region", "eu"), ("endpoint", "/plain")];
    assert_eq!(scrape.sum("app_http_requests_total", &requests), 1);
}
