//! What shares the page with the families: other metrics of a registry, whatever they are.

use std::collections::HashMap;

use axum::http::StatusCode;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};
use streamgauge::{EncodeError, Metrics};
use streamgauge_test_support::client::metrics;
use streamgauge_test_support::strict::{self, Format};
use streamgauge_test_support::{Scrape, page_of};

use crate::formats::{body, request, scrape, served};

/// Metrics of an application's own.
fn own(registry: &Registry) {
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
async fn an_applications_own_metrics_stand_on_the_page() {
    let metrics = metrics();
    own(metrics.registry());
    served(&metrics, &["m"]).await;
    let scrape = Scrape::of(&metrics);
    assert_eq!(scrape.sum("shop_orders_total", &[("kind", "a\"b\\c\nd")]), 2);
    assert_eq!(scrape.sum("shop_price_bucket", &[("le", "2.5")]), 1);
    assert!(scrape.amount("shop_stock", &[]).is_infinite());
    let open = metrics.encode_openmetrics().expect("it encodes");
    strict::check(&open, Format::OpenMetrics);
    assert!(open.contains("shop_price_bucket{kind=\"x\",le=\"1.0\"} 0\n"), "{open}");
}

/// It is what promtool has to say of this page: `tests/e2e/test_pages.py` waits for it.
#[test]
fn a_counter_without_openmetrics_suffix_has_it_in_openmetrics_alone() {
    let metrics = metrics();
    let visits = IntCounter::new("shop_visits", "Visits, named as OpenMetrics does not.");
    let visits = visits.expect("valid");
    visits.inc_by(7);
    metrics.registry().register(Box::new(visits)).expect("the name is free");
    assert!(page_of(&metrics).contains("\nshop_visits 7\n"));
    let open = metrics.encode_openmetrics().expect("it encodes");
    strict::check(&open, Format::OpenMetrics);
    assert!(open.contains("\nshop_visits_total 7\n"), "{open}");
}

#[tokio::test]
async fn a_registrys_own_prefix_and_labels_are_on_our_families_too() {
    let labels = [("region".to_owned(), "eu\"1".to_owned())].into();
    let registry = Registry::new_custom(Some("corp".to_owned()), Some(labels)).expect("valid");
    own(&registry);
    let metrics = Metrics::builder().registry(registry.clone()).build().expect("valid");
    served(&metrics, &["m"]).await;
    let scrape = Scrape::of(&metrics);
    let region = [("region", "eu\"1")];
    assert_eq!(scrape.sum("corp_app_llm_calls_total", &region), 1);
    assert_eq!(scrape.sum("corp_shop_orders_total", &region), 2);
    // Whoever gathers from the registry finds the same.
    let text =
        prometheus::TextEncoder::new().encode_to_string(&registry.gather()).expect("it encodes");
    assert!(text.contains("corp_app_llm_calls_total{"), "{text}");
    assert!(!text.contains("probe"), "{text}");
    // It writes infinity in a way of its own.
    let gathered = Scrape::parse(&text.replace(" inf\n", " +Inf\n"));
    assert_eq!(gathered.sum("corp_app_llm_calls_total", &region), 1);
    assert_eq!(gathered.series(), scrape.series());
}

#[test]
fn a_registry_that_no_scraper_would_read_is_refused() {
    for (prefix, label) in [
        (Some("my-app"), None),
        (None, Some(("endpoint", "x"))),
        (None, Some(("my-label", "x"))),
        (None, Some(("region", "x"))),
    ] {
        let labels = label.map(|(name, value)| [(name.to_owned(), value.to_owned())].into());
        let registry =
            Registry::new_custom(prefix.map(str::to_owned), labels).expect("it says yes");
        let built = Metrics::builder().label("region", "y").registry(registry).build();
        let error = built.expect_err("no scraper would read it").to_string();
        let named = prefix.or(label.map(|(name, _)| name)).expect("one of them");
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn a_registrys_label_is_nobody_elses() {
    let registry = || {
        let labels = [("tier".to_owned(), "x".to_owned())].into();
        Registry::new_custom(None, Some(labels)).expect("it says yes")
    };
    for builder in [
        Metrics::builder().label_from_header("tier", "x-tier", ["free"]),
        Metrics::builder().label("tier", "y"),
        Metrics::builder().build_info([("tier", "1")]),
    ] {
        let error = builder.registry(registry()).build().expect_err("there would be two of them");
        assert!(error.to_string().contains("\"tier\""), "{error}");
    }
}

#[tokio::test]
async fn two_instances_of_one_name_in_one_registry_are_both_on_either_page() {
    let registry = Registry::new();
    let instance = |app| {
        let builder = Metrics::builder().label("app", app).registry(registry.clone());
        builder.build().expect("their labels tell them apart")
    };
    let (a, b) = (instance("a"), instance("b"));
    served(&a, &["m"]).await;
    served(&b, &["m", "n"]).await;
    for metrics in [&a, &b] {
        let scrape = Scrape::of(metrics);
        assert_eq!(scrape.sum("app_llm_calls_total", &[("app", "a")]), 1);
        assert_eq!(scrape.sum("app_llm_calls_total", &[("app", "b")]), 2);
    }
}

#[test]
fn instances_may_be_built_at_once_in_one_registry() {
    let registry = Registry::new();
    std::thread::scope(|threads| {
        for thread in 0..4 {
            let registry = &registry;
            threads.spawn(move || {
                for number in 0..20 {
                    let builder = Metrics::builder().prefix(format!("app_{thread}_{number}"));
                    let metrics = builder.registry(registry.clone()).build().expect("it is free");
                    let page = page_of(&metrics);
                    assert!(!page.contains("probe"), "{page}");
                }
            });
        }
    });
}

#[test]
fn names_of_samples_are_taken_whoever_comes_first() {
    for name in [
        "app_request_tokens_total",
        "app_active_requests_total",
        "app_http_request_duration_seconds_count",
        "app_http_request_duration_seconds_sum",
        "app_request_tokens_bucket",
        "app_http_requests",
    ] {
        let mine = || Box::new(IntCounter::new(name, "Mine.").expect("valid"));
        let registry = Registry::new();
        registry.register(mine()).expect("it is empty");
        assert!(Metrics::builder().registry(registry).build().is_err(), "{name}");
        let metrics = metrics();
        assert!(metrics.registry().register(mine()).is_err(), "{name}");
    }
}

/// A collector that gives what it is told to, whatever that is.
struct Odd(Desc, fn() -> Vec<MetricFamily>);

impl Odd {
    fn new(collect: fn() -> Vec<MetricFamily>) -> Self {
        let desc = Desc::new("odd".into(), "Odd.".into(), Vec::new(), HashMap::new());
        Self(desc.expect("valid"), collect)
    }
}

impl Collector for Odd {
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
    family.set_help("Odd.".to_owned());
    family.set_field_type(MetricType::GAUGE);
    family.set_metric(vec![metric]);
    family
}

#[tokio::test]
async fn families_that_would_cost_the_whole_scrape_are_left_out() {
    let metrics = metrics();
    served(&metrics, &["m"]).await;
    let odd = Odd::new(|| {
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
    metrics.registry().register(Box::new(odd)).expect("the name is free");
    // In OpenMetrics `shop_visits` and `shop_visits_total` are one family.
    let visits = IntCounter::new("shop_visits_total", "Visits.").expect("valid");
    metrics.registry().register(Box::new(visits)).expect("the name is free");
    let opts = HistogramOpts::new("odd_below_zero", "Odd.").buckets(vec![1.0]);
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
async fn a_collector_that_panics_costs_one_scrape() {
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    static PANICS: AtomicBool = AtomicBool::new(true);

    let metrics = metrics();
    served(&metrics, &["m"]).await;
    let odd = Odd::new(|| {
        assert!(!PANICS.load(Relaxed), "the database is away");
        vec![family("odd_good", &[])]
    });
    metrics.registry().register(Box::new(odd)).expect("the name is free");
    let response = scrape(&metrics, request(&[])).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let said = String::from_utf8(body(response).await.1).expect("it is text");
    assert!(said.contains("the database is away"), "{said}");
    let error = metrics.encode_text().expect_err("it panics still");
    assert!(matches!(error, EncodeError::CollectorPanicked { .. }), "{error}");
    PANICS.store(false, Relaxed);
    let whole = Scrape::of(&metrics);
    assert_eq!(whole.count("odd_good", &[]), 1);
    assert_eq!(whole.sum("app_llm_calls_total", &[]), 1);
}

#[test]
fn a_collector_that_asks_for_its_own_page_is_told_so() {
    use std::sync::OnceLock;
    static METRICS: OnceLock<Metrics> = OnceLock::new();

    let metrics = METRICS.get_or_init(metrics);
    let odd = Odd::new(|| {
        let asked = METRICS.get().expect("it is there").encode_text();
        assert!(matches!(asked, Err(EncodeError::Nested)), "{asked:?}");
        vec![family("odd_good", &[])]
    });
    metrics.registry().register(Box::new(odd)).expect("the name is free");
    assert_eq!(Scrape::of(metrics).count("odd_good", &[]), 1);
}
