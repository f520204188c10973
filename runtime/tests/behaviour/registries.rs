//! Registries shared with other metrics: prefixes, labels, name clashes, collectors that misbehave.

use std::collections::HashMap;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get as route_get;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};
use streamgauge::testing::Page;
use streamgauge::{
    BuildError, EncodeError, Metrics, Price, Prices, RequestLabel, metrics_endpoint,
};
use streamgauge_test_support::client::{get, metrics};
use streamgauge_test_support::strict::{self, Format};
use streamgauge_test_support::{Scrape, page_of};

use crate::scrapes::{body, record_calls, request, scrape};

/// Registers metrics of an application.
fn register_application_metrics(registry: &Registry) {
    let opts = || Opts::new("shop_orders_total", "Orders, by \"kind\"\nand\\or more.");
    let orders = IntCounterVec::new(opts(), &["kind"]).expect("valid");
    let opts = HistogramOpts::new("shop_price", "Prices.").buckets(vec![1.0, 2.5]);
    let prices = HistogramVec::new(opts, &["kind"]).expect("valid");
    let stock = prometheus::Gauge::new("shop_stock", "Stock.").expect("valid");
    orders.with_label_values(&["a\"b\\c\nd"]).inc_by(2);
    prices.with_label_values(&["x"]).observe(2.0);
    stock.set(f64::INFINITY);
    registry.register(Box::new(orders)).expect("the name is free");
    registry.register(Box::new(prices)).expect("the name is free");
    registry.register(Box::new(stock)).expect("the name is free");
}

#[tokio::test]
async fn page_includes_metrics_of_the_application() {
    let metrics = metrics();
    register_application_metrics(metrics.registry());
    record_calls(&metrics, &["m"]).await;
    let scrape = Scrape::of(&metrics);
    assert_eq!(scrape.sum("shop_orders_total", &[("kind", "a\"b\\c\nd")]), 2);
    assert_eq!(scrape.sum("shop_price_bucket", &[("le", "2.5")]), 1);
    assert!(scrape.amount("shop_stock", &[]).is_infinite());
    let openmetrics = metrics.encode_openmetrics().expect("the page encodes");
    strict::check(&openmetrics, Format::OpenMetrics);
    let page = Page::parse(&openmetrics).expect("the page is valid");
    assert_eq!(page.label_values("shop_price_bucket", "le"), ["+Inf", "1.0", "2.5"]);
}

/// promtool complains about this counter, and `tests/e2e/test_pages.py` expects that complaint.
#[test]
fn openmetrics_page_adds_the_total_suffix_to_counters() {
    let metrics = metrics();
    let visits =
        IntCounter::new("shop_visits", "Visits, without the suffix that OpenMetrics requires.");
    let visits = visits.expect("valid");
    visits.inc_by(7);
    metrics.registry().register(Box::new(visits)).expect("the name is free");
    assert!(page_of(&metrics).contains("\nshop_visits 7\n"));
    let openmetrics = metrics.encode_openmetrics().expect("the page encodes");
    strict::check(&openmetrics, Format::OpenMetrics);
    assert!(openmetrics.contains("\nshop_visits_total 7\n"), "{openmetrics}");
}

#[tokio::test]
async fn registry_prefix_and_labels_apply_to_the_families() {
    let labels = [("region".to_owned(), "eu\"1".to_owned())].into();
    let registry = Registry::new_custom(Some("corp".to_owned()), Some(labels)).expect("valid");
    register_application_metrics(&registry);
    let metrics = Metrics::builder()
        .registry(registry.clone())
        .registry_prefix("corp")
        .registry_label("region", "eu\"1")
        .build()
        .expect("valid");
    record_calls(&metrics, &["m"]).await;
    let scrape = Scrape::of(&metrics);
    let region = [("region", "eu\"1")];
    assert_eq!(scrape.sum("corp_app_llm_calls_total", &region), 1);
    assert_eq!(scrape.sum("corp_shop_orders_total", &region), 2);
    // Gathering from the registry gives the same families.
    let text = prometheus::TextEncoder::new()
        .encode_to_string(&registry.gather())
        .expect("the page encodes");
    assert!(text.contains("corp_app_llm_calls_total{"), "{text}");
    // `TextEncoder` writes infinity as `inf`.
    let gathered = Scrape::parse(&text.replace(" inf\n", " +Inf\n"));
    assert_eq!(gathered.sum("corp_app_llm_calls_total", &region), 1);
    assert_eq!(gathered.series(), scrape.series());
}

#[test]
fn registry_with_an_invalid_prefix_or_label_is_refused() {
    for (prefix, label) in [
        (Some("my-app"), None),
        (None, Some(("endpoint", "x"))),
        (None, Some(("my-label", "x"))),
        (None, Some(("region", "x"))),
    ] {
        let labels = label.map(|(name, value)| [(name.to_owned(), value.to_owned())].into());
        let registry = Registry::new_custom(prefix.map(str::to_owned), labels)
            .expect("the registry accepts it");
        let mut builder = Metrics::builder().label("region", "y").registry(registry);
        if let Some(prefix) = prefix {
            builder = builder.registry_prefix(prefix);
        }
        if let Some((name, value)) = label {
            builder = builder.registry_label(name, value);
        }
        let error = builder.build().expect_err("no scraper would accept the page");
        assert!(matches!(error, BuildError::RegistryOption { .. }), "{error:?}");
        let error = error.to_string();
        let named =
            prefix.or(label.map(|(name, _)| name)).expect("the case has a prefix or a label");
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn registry_label_cannot_be_given_again() {
    let registry = || {
        let labels = [("tier".to_owned(), "x".to_owned())].into();
        Registry::new_custom(None, Some(labels)).expect("the registry accepts it")
    };
    for builder in [
        Metrics::builder().request_label(RequestLabel::new("tier").values(["free"])),
        Metrics::builder().label("tier", "y"),
        Metrics::builder().build_info([("tier", "1")]),
    ] {
        let builder = builder.registry(registry()).registry_label("tier", "x");
        let error = builder.build().expect_err("the label would occur twice");
        assert!(error.to_string().contains("\"tier\""), "{error}");
    }
}

#[test]
fn registry_options_without_a_registry_or_given_twice_are_refused() {
    for (builder, named) in [
        (Metrics::builder().registry_prefix("corp"), "registry_prefix \"corp\": needs the option"),
        (
            Metrics::builder().registry_label("zone", "a"),
            "registry_label \"zone\": needs the option",
        ),
        (
            Metrics::builder()
                .registry(Registry::new())
                .registry_label("zone", "a")
                .registry_label("zone", "b"),
            "registry_label \"zone\": is given twice",
        ),
    ] {
        let error = builder.build().expect_err("the options do not describe a registry");
        assert!(error.to_string().starts_with(named), "{error}");
    }
}

#[test]
fn registry_with_a_panicking_collector_can_be_built_on() {
    let registry = Registry::new();
    let collector = ScriptedCollector::new(|| panic!("the database is away"));
    registry.register(Box::new(collector)).expect("the name is free");
    let metrics = Metrics::builder().registry(registry).build().expect("building gathers nothing");
    let error = metrics.encode_text().expect_err("it panics");
    assert!(matches!(error, EncodeError::CollectorPanicked { .. }), "{error}");
}

#[tokio::test]
async fn registry_of_two_instances_shows_both_on_either_page() {
    let registry = Registry::new();
    let instance = |app| {
        let builder = Metrics::builder().label("app", app).registry(registry.clone());
        builder.build().expect("their labels differ")
    };
    let (a, b) = (instance("a"), instance("b"));
    record_calls(&a, &["m"]).await;
    record_calls(&b, &["m", "n"]).await;
    for metrics in [&a, &b] {
        let scrape = Scrape::of(metrics);
        assert_eq!(scrape.sum("app_llm_calls_total", &[("app", "a")]), 1);
        assert_eq!(scrape.sum("app_llm_calls_total", &[("app", "b")]), 2);
    }
}

#[tokio::test]
async fn registry_is_free_for_another_instance_once_the_last_handle_is_dropped() {
    let registry = Registry::new();
    let build = || {
        let builder = Metrics::builder().price("m", Price::per_million(1.0, 1.0));
        let builder = builder.build_info([("version", "1")]).registry(registry.clone());
        #[cfg(feature = "process")]
        let builder = builder.process_metrics();
        builder.build()
    };
    for _ in 0..3 {
        let metrics = build().expect("the names are free");
        record_calls(&metrics, &["m"]).await;
        assert!(matches!(build(), Err(BuildError::Registry(_))), "the names are taken");
        assert_eq!(Scrape::of(&metrics).sum("app_llm_calls_total", &[]), 1);
        let (layer, endpoint) = (metrics.layer(), metrics.endpoint());
        drop(metrics);
        assert!(build().is_err(), "the layer and the endpoint have handles");
        drop((layer, endpoint));
        assert!(registry.gather().is_empty(), "nothing is left");
    }
}

#[test]
fn registry_keeps_the_names_of_prices_that_were_set_later_while_the_instance_lives() {
    let registry = Registry::new();
    let build = || Metrics::builder().registry(registry.clone()).build().expect("free");
    for _ in 0..2 {
        let metrics = build();
        let prices = || Prices::new().price("m", Price::per_million(1.0, 1.0));
        metrics.set_prices(prices()).expect("the names are free");
        metrics.set_prices(prices()).expect("the families exist");
    }
}

#[tokio::test]
async fn registry_keeps_the_names_while_a_clone_of_a_router_exists() {
    for own_registry in [false, true] {
        let registry = Registry::new();
        let builder = || {
            if own_registry {
                Metrics::builder()
            } else {
                Metrics::builder().registry(registry.clone())
            }
        };
        let metrics = builder().build().expect("the registry is empty");
        register_application_metrics(metrics.registry());
        let app = Router::new()
            .route("/", route_get(|| async {}))
            .route("/metrics", route_get(metrics_endpoint));
        let app: Router = app.layer(metrics.layer()).with_state(());
        // The clone shares its routes with nothing once it has a route more.
        let served: Router = app.clone().route("/more", route_get(|| async {}));
        drop((app, metrics));
        get(&served, "/").await;
        let (_, page) = get(&served, "/metrics").await;
        let page = String::from_utf8(page.to_vec()).expect("pages are UTF-8");
        assert!(page.contains("app_http_requests_total{"), "{page}");
        assert!(page.contains("shop_stock"), "{page}");
        if !own_registry {
            assert!(builder().build().is_err(), "a service is left");
            drop(served);
            assert!(builder().build().is_ok());
        }
    }
}

#[tokio::test]
async fn registry_is_free_after_a_page_in_flight_has_ended() {
    let registry = Registry::new();
    let build = || Metrics::builder().registry(registry.clone()).build();
    let metrics = build().expect("the registry is empty");
    let large = prometheus::IntGauge::new("large", "x".repeat(200_000)).expect("valid");
    registry.register(Box::new(large)).expect("the name is free");
    let page = scrape(&metrics, request(&[])).await;
    drop(metrics);
    assert!(build().is_err(), "the page is still being written");
    drop(page);
    assert!(build().is_ok());
}

#[test]
fn registry_accepts_instances_built_concurrently() {
    let registry = Registry::new();
    std::thread::scope(|threads| {
        for thread in 0..4 {
            let registry = &registry;
            threads.spawn(move || {
                for number in 0..20 {
                    let builder = Metrics::builder().prefix(format!("app_{thread}_{number}"));
                    let metrics =
                        builder.registry(registry.clone()).build().expect("the prefix is free");
                    drop(page_of(&metrics));
                }
            });
        }
    });
}

#[test]
fn sample_names_clash_in_either_order_of_registration() {
    for name in [
        "app_request_tokens_total",
        "app_active_requests_total",
        "app_http_request_duration_seconds_count",
        "app_http_request_duration_seconds_sum",
        "app_request_tokens_bucket",
        "app_http_requests",
    ] {
        let clash = || Box::new(IntCounter::new(name, "A clash.").expect("valid"));
        let registry = Registry::new();
        registry.register(clash()).expect("the registry is empty");
        assert!(Metrics::builder().registry(registry).build().is_err(), "{name}");
        let metrics = metrics();
        assert!(metrics.registry().register(clash()).is_err(), "{name}");
    }
}

/// A collector that returns the families of a function, valid or not.
struct ScriptedCollector(Desc, fn() -> Vec<MetricFamily>);

impl ScriptedCollector {
    fn new(collect: fn() -> Vec<MetricFamily>) -> Self {
        let desc =
            Desc::new("collector".into(), "A test family.".into(), Vec::new(), HashMap::new());
        Self(desc.expect("valid"), collect)
    }
}

impl Collector for ScriptedCollector {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.0]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        (self.1)()
    }
}

fn family(name: &str, labels: &[&str]) -> MetricFamily {
    let pairs = labels.iter().map(|name| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value("v".to_owned());
        pair
    });
    let mut metric = Metric::from_label(pairs.collect());
    let mut gauge = Gauge::default();
    gauge.set_value(f64::NAN);
    metric.set_gauge(gauge);
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help("A test family.".to_owned());
    family.set_field_type(MetricType::GAUGE);
    family.set_metric(vec![metric]);
    family
}

#[tokio::test]
async fn invalid_families_of_other_collectors_are_omitted() {
    let metrics = metrics();
    record_calls(&metrics, &["m"]).await;
    let collector = ScriptedCollector::new(|| {
        let mut untyped = family("odd_untyped", &[]);
        untyped.set_field_type(MetricType::UNTYPED);
        vec![
            family("my-app_x", &[]),
            family("9lives", &[]),
            family("odd_label", &["my-label"]),
            family("odd_twice", &["a", "a"]),
            family("app_llm_calls_total", &[]),
            family("odd_good", &["a"]),
            family("shop_visits", &[]),
            untyped,
        ]
    });
    metrics.registry().register(Box::new(collector)).expect("the name is free");
    // In OpenMetrics `shop_visits` and `shop_visits_total` are one family.
    let visits = IntCounter::new("shop_visits_total", "Visits.").expect("valid");
    metrics.registry().register(Box::new(visits)).expect("the name is free");
    let opts = HistogramOpts::new("odd_below_zero", "A test family.").buckets(vec![1.0]);
    let below = prometheus::Histogram::with_opts(opts).expect("valid");
    below.observe(-5.0);
    metrics.registry().register(Box::new(below)).expect("the name is free");
    let scrape = Scrape::of(&metrics);
    assert!(scrape.amount("odd_good", &[("a", "v")]).is_nan());
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1);
    for name in ["my-app_x", "9lives", "odd_label", "odd_twice"] {
        assert_eq!(scrape.count(name, &[]), 0, "{name}");
    }
}

#[tokio::test]
async fn panic_of_a_collector_fails_one_scrape() {
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    static PANICS: AtomicBool = AtomicBool::new(true);

    let metrics = metrics();
    record_calls(&metrics, &["m"]).await;
    let collector = ScriptedCollector::new(|| {
        assert!(!PANICS.load(Relaxed), "the database is down");
        vec![family("odd_good", &[])]
    });
    metrics.registry().register(Box::new(collector)).expect("the name is free");
    let response = scrape(&metrics, request(&[])).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let message = String::from_utf8(body(response).await.1).expect("the text is UTF-8");
    assert!(message.contains("the database is down"), "{message}");
    let error = metrics.encode_text().expect_err("the collector still panics");
    assert!(matches!(error, EncodeError::CollectorPanicked { .. }), "{error}");
    PANICS.store(false, Relaxed);
    let whole = Scrape::of(&metrics);
    assert_eq!(whole.count("odd_good", &[]), 1);
    assert_eq!(whole.sum("app_llm_calls_total", &[]), 1);
}

#[test]
fn nested_encoding_by_a_collector_is_an_error() {
    use std::sync::OnceLock;
    static METRICS: OnceLock<Metrics> = OnceLock::new();

    let metrics = METRICS.get_or_init(metrics);
    let collector = ScriptedCollector::new(|| {
        let nested = METRICS.get().expect("the instance exists").encode_text();
        assert!(matches!(nested, Err(EncodeError::Nested)), "{nested:?}");
        vec![family("odd_good", &[])]
    });
    metrics.registry().register(Box::new(collector)).expect("the name is free");
    assert_eq!(Scrape::of(metrics).count("odd_good", &[]), 1);
}
