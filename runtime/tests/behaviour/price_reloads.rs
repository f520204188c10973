//! Prices that are replaced while the program runs.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use axum::Router;
use axum::extract::Path;
use axum::routing::get as route_get;
use prometheus::{IntCounter, Registry};
use streamgauge::{BuildError, Metrics, Price, Prices, Usage, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::get;

#[track_tokens(provider = "house", model = model)]
async fn ask(model: String) -> Usage {
    Usage::new(1_000_000, 0)
}

fn app(metrics: &Metrics) -> Router {
    async fn handler(Path(model): Path<String>) {
        ask(model).await;
    }
    Router::new().route("/{model}", route_get(handler)).layer(metrics.layer())
}

fn priced(model: &str, input: f64) -> Prices {
    Prices::new().price(model, Price::per_million(input, 0.0))
}

fn assert_amount(metrics: &Metrics, model: &str, dollars: f64) {
    let scrape = Scrape::of(metrics);
    let shown = scrape.amount("app_cost_usd_total", &[("model", model), ("token_type", "input")]);
    assert!((shown - dollars).abs() < 1e-9, "{model}: {shown} instead of {dollars}");
}

#[tokio::test]
async fn price_reload_applies_to_later_calls_only() {
    let metrics = Metrics::builder().prices(priced("large-1", 2.0)).build().expect("valid");
    let app = app(&metrics);
    get(&app, "/large-1").await;
    get(&app, "/small-1").await;
    assert_amount(&metrics, "large-1", 2.0);
    let prices = priced("large-1", 3.0).price("small-1", Price::per_million(0.5, 0.0));
    metrics.set_prices(prices).expect("valid");
    assert_amount(&metrics, "large-1", 2.0);
    get(&app, "/large-1").await;
    get(&app, "/small-1").await;
    assert_amount(&metrics, "large-1", 5.0);
    assert_amount(&metrics, "small-1", 0.5);
    let unpriced =
        |model| Scrape::of(&metrics).sum("app_unpriced_calls_total", &[("model", model)]);
    assert_eq!((unpriced("large-1"), unpriced("small-1")), (0, 1));

    // A model that loses its price keeps its cost, and is unpriced from then on.
    metrics.set_prices(priced("small-1", 1.0)).expect("valid");
    get(&app, "/large-1").await;
    get(&app, "/small-1").await;
    assert_amount(&metrics, "large-1", 5.0);
    assert_amount(&metrics, "small-1", 1.5);
    assert_eq!((unpriced("large-1"), unpriced("small-1")), (1, 1));
    metrics.set_prices(Prices::new()).expect("valid");
    get(&app, "/small-1").await;
    assert_amount(&metrics, "small-1", 1.5);
    assert_eq!((unpriced("large-1"), unpriced("small-1")), (1, 2));
}

#[tokio::test]
async fn cost_families_appear_with_the_first_prices() {
    let metrics = Metrics::builder().build().expect("valid");
    let app = app(&metrics);
    let families = || {
        let page = metrics.encode_text().expect("the page is encoded");
        let gathered = metrics.registry().gather();
        let gathered = gathered.iter().filter(|family| family.name() == "app_cost_usd_total");
        (page.matches("# TYPE app_cost_usd_total").count(), gathered.count())
    };
    get(&app, "/large-1").await;
    metrics.set_prices(Prices::new()).expect("valid");
    get(&app, "/large-1").await;
    assert_eq!(families(), (0, 0));
    assert_eq!(Scrape::of(&metrics).count("app_unpriced_calls_total", &[]), 0);
    metrics.set_prices(priced("large-1", 2.0)).expect("valid");
    get(&app, "/large-1").await;
    assert_eq!(families(), (1, 1));
    assert_amount(&metrics, "large-1", 2.0);
    assert_eq!(Scrape::of(&metrics).sum("app_unpriced_calls_total", &[]), 0);
    metrics.set_prices(priced("large-1", 3.0)).expect("valid");
    get(&app, "/large-1").await;
    assert_eq!(families(), (1, 1));
    assert_amount(&metrics, "large-1", 5.0);
}

#[tokio::test]
async fn invalid_prices_keep_the_old_ones() {
    let metrics = Metrics::builder().prices(priced("large-1", 2.0)).build().expect("valid");
    let app = app(&metrics);
    let price = || Price::per_million(1.0, 1.0);
    for invalid in [
        priced("large-1", -1.0),
        priced("large-1", f64::NAN),
        priced("other", 1.0),
        priced("", 1.0),
        priced("large-1", 9.0).price("large-1", price()),
        priced("large-1", 9.0).price("small-1", price().service_tier("batch", -0.5)),
        priced("large-1", 9.0).price("small-1", price().above(1, price().above(2, price()))),
    ] {
        let error = metrics.set_prices(invalid.clone()).expect_err("the prices are invalid");
        assert!(matches!(error, BuildError::Price { .. }), "{error}");
        get(&app, "/large-1").await;
    }
    assert_amount(&metrics, "large-1", 14.0);
}

#[tokio::test]
async fn taken_names_of_cost_families_refuse_the_first_prices() {
    let registry = Registry::new();
    let metrics = Metrics::builder().registry(registry.clone()).build().expect("valid");
    let app = app(&metrics);
    let own = IntCounter::new("app_cost_usd_total", "Mine.").expect("a valid name");
    registry.register(Box::new(own.clone())).expect("the name is free");
    let error = metrics.set_prices(priced("large-1", 2.0)).expect_err("the name is taken");
    assert!(matches!(error, BuildError::Registry(_)), "{error}");
    get(&app, "/large-1").await;
    let page = metrics.encode_text().expect("the page is encoded");
    assert!(page.contains("\napp_cost_usd_total 0\n"), "{page}");
    assert!(!page.contains("app_unpriced_calls_total"), "{page}");
}

#[tokio::test]
async fn price_reload_applies_to_models_that_are_shown_as_other() {
    let builder = Metrics::builder().models(["small-1"]).prices(priced("small-1", 1.0));
    let metrics = builder.build().expect("valid");
    let app = app(&metrics);
    get(&app, "/large-1").await;
    let prices = priced("large-1", 2.0).price("large-2", Price::per_million(3.0, 0.0));
    metrics.set_prices(prices).expect("valid");
    get(&app, "/large-1").await;
    get(&app, "/large-2").await;
    get(&app, "/large-3").await;
    assert_amount(&metrics, "other", 5.0);
    let scrape = Scrape::of(&metrics);
    assert_eq!(scrape.sum("app_unpriced_calls_total", &[("model", "other")]), 2);
    assert_eq!(scrape.sum("app_llm_calls_total", &[("model", "other")]), 4);
}

const THREADS: usize = 3;

/// Calls a priced model on several threads.
fn record_on_threads(metrics: &Metrics, calls: usize, meanwhile: impl FnOnce(&dyn Fn() -> bool)) {
    let finished = AtomicUsize::new(0);
    thread::scope(|threads| {
        for _ in 0..THREADS {
            threads.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().build();
                let app = app(metrics);
                runtime.expect("the runtime starts").block_on(async {
                    for _ in 0..calls {
                        get(&app, "/large-1").await;
                    }
                });
                finished.fetch_add(1, Relaxed);
            });
        }
        meanwhile(&|| finished.load(Relaxed) == THREADS);
    });
}

/// Each call costs what either the old or the new price says, and no call is lost.
#[test]
fn price_reload_while_threads_record_loses_no_call() {
    const CALLS: usize = 400;
    // Without prices at the start, the first ones race with calls as well.
    for is_priced in [true, false] {
        let metrics = Metrics::builder();
        let metrics = if is_priced { metrics.prices(priced("large-1", 1.0)) } else { metrics };
        let metrics = metrics.build().expect("valid");
        record_on_threads(&metrics, CALLS, |have_finished| {
            for price in [1_024.0, 1.0].into_iter().cycle() {
                metrics.set_prices(priced("large-1", price)).expect("valid");
                metrics.encode_text().expect("the page is encoded");
                if have_finished() {
                    break;
                }
            }
        });
        let calls = i64::try_from(THREADS * CALLS).expect("the number fits");
        let scrape = Scrape::of(&metrics);
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), calls);
        assert_eq!(scrape.sum("app_token_usage_total", &[]), calls * 1_000_000);
        assert_eq!(scrape.sum("app_unpriced_calls_total", &[]), 0);
        let cost = scrape.sum("app_cost_usd_total", &[]);
        if is_priced {
            // The cost is one dollar for each call, and 1,023 more for each dear one.
            let dear = (cost - calls) / 1_023;
            assert_eq!((cost - calls) % 1_023, 0, "{cost} for {calls} calls");
            assert!((0..=calls).contains(&dear), "{dear} of {calls} calls");
        }
        // Nothing races any more: the last price applies to each call.
        metrics.set_prices(priced("large-1", 7.0)).expect("valid");
        record_on_threads(&metrics, 1, |_| {});
        assert_eq!(Scrape::of(&metrics).sum("app_cost_usd_total", &[]), cost + 21);
    }
}
