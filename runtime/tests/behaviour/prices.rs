//! Cost of calls: computed from the configured prices only.

use axum::Router;
use axum::extract::Path;
use axum::routing::get as route_get;
use prometheus::{IntCounter, Registry};
use streamgauge::{BuildError, Metrics, MetricsBuilder, Price, Prices, Usage, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::get;

#[track_tokens(provider = "house", model = model)]
async fn ask(model: String, usage: Option<Usage>) -> Option<Usage> {
    usage
}

async fn scrape_after(
    builder: MetricsBuilder,
    model: &'static str,
    usage: Option<Usage>,
) -> Scrape {
    let metrics = builder.build().expect("the prices are valid");
    for _ in 0..3 {
        let handler = move || async move {
            ask(model.to_owned(), usage).await;
        };
        let app = Router::new().route("/ask", route_get(handler)).layer(metrics.layer());
        get(&app, "/ask").await;
    }
    Scrape::of(&metrics)
}

const USAGE: Usage =
    Usage::new(1_200_000, 300_000).cache_read(1_000_000).cache_write(50_000).reasoning(250_000);

/// Checks the cost of three calls by token type and detail.
fn assert_costs(scrape: &Scrape, costs: &[(&str, &str, f64)]) {
    for (token_type, detail, cost) in costs {
        let labels = [
            ("endpoint", "/ask"),
            ("provider", "house"),
            ("model", "large-1"),
            ("token_type", token_type),
            ("detail", detail),
        ];
        let shown = scrape.amount("app_cost_usd_total", &labels);
        assert!((shown - cost).abs() < 1e-9, "{token_type} {detail}: {shown} instead of {cost}");
    }
    let total: f64 = costs.iter().map(|(.., cost)| cost).sum();
    assert!((scrape.amount("app_cost_usd_total", &[]) - total).abs() < 1e-9);
    assert_eq!(scrape.sum("app_unpriced_calls_total", &[]), 0);
}

#[tokio::test]
async fn price_applies_to_each_token_class() {
    let price = Price::per_million(3.0, 15.0).cache_read(0.3).cache_write(3.75).reasoning(20.0);
    let builder = Metrics::builder().price("large-1", price);
    assert_costs(
        &scrape_after(builder, "large-1", Some(USAGE)).await,
        &[
            ("input", "uncached", 3.0 * 0.15 * 3.0),
            ("input", "cache_read", 3.0 * 0.3),
            ("input", "cache_write", 3.0 * 0.05 * 3.75),
            ("output", "response", 3.0 * 0.05 * 15.0),
            ("output", "reasoning", 3.0 * 0.25 * 20.0),
        ],
    );
}

#[tokio::test]
async fn price_of_input_or_output_applies_to_classes_without_a_price() {
    let builder = || Metrics::builder().price("large-1", Price::per_million(2.0, 10.0));
    assert_costs(
        &scrape_after(builder(), "large-1", Some(USAGE)).await,
        &[
            ("input", "uncached", 3.0 * 0.15 * 2.0),
            ("input", "cache_read", 3.0 * 2.0),
            ("input", "cache_write", 3.0 * 0.05 * 2.0),
            ("output", "response", 3.0 * 0.05 * 10.0),
            ("output", "reasoning", 3.0 * 0.25 * 10.0),
        ],
    );
    assert_costs(
        &scrape_after(builder(), "large-1", Some(Usage::new(500_000, 100_000))).await,
        &[("input", "unspecified", 3.0), ("output", "unspecified", 3.0)],
    );
}

#[tokio::test]
async fn price_applies_to_long_cache_writes_audio_and_images() {
    let price = Price::per_million(2.0, 10.0)
        .cache_write(3.0)
        .cache_write_1h(4.0)
        .input_audio(32.0)
        .output_image(40.0);
    let usage = Usage::new(1_000_000, 500_000)
        .cache_write_1h(100_000)
        .input_audio(200_000)
        .input_image(300_000)
        .output_audio(50_000)
        .output_image(250_000);
    let builder = Metrics::builder().price("large-1", price);
    assert_costs(
        &scrape_after(builder, "large-1", Some(usage)).await,
        &[
            ("input", "uncached", 3.0 * 0.4 * 2.0),
            ("input", "cache_write_1h", 3.0 * 0.1 * 4.0),
            ("input", "audio", 3.0 * 0.2 * 32.0),
            ("input", "image", 3.0 * 0.3 * 2.0),
            ("output", "audio", 3.0 * 0.05 * 10.0),
            ("output", "image", 3.0 * 0.25 * 40.0),
            ("output", "unspecified", 3.0 * 0.2 * 10.0),
        ],
    );
}

#[tokio::test]
async fn price_of_a_long_prompt_applies_above_the_limit() {
    let price = || Price::per_million(1.25, 10.0).above(200_000, Price::per_million(2.5, 15.0));
    for (input, per_input, per_output) in [(200_000, 1.25, 10.0), (200_001, 2.5, 15.0)] {
        let builder = Metrics::builder().price("large-1", price());
        let usage = Usage::new(input, 100_000);
        let millions = if input == 200_000 { 0.2 } else { 0.200_001 };
        assert_costs(
            &scrape_after(builder, "large-1", Some(usage)).await,
            &[
                ("input", "unspecified", 3.0 * millions * per_input),
                ("output", "unspecified", 3.0 * 0.1 * per_output),
            ],
        );
    }
}

#[tokio::test]
async fn cost_of_a_few_tokens_is_not_rounded_away() {
    let builder = Metrics::builder().price("large-1", Price::per_million(0.000_1, 0.0));
    let scrape = scrape_after(builder, "large-1", Some(Usage::new(1, 7))).await;
    let cost = scrape.amount("app_cost_usd_total", &[("token_type", "input")]);
    assert!((cost / 3e-10 - 1.0).abs() < 1e-9, "{cost}");
    assert_eq!(scrape.sum("app_cost_usd_total", &[("token_type", "output")]), 0);
}

#[tokio::test]
async fn unpriced_calls_are_counted_without_a_cost() {
    for model in ["large-1-mini", "large", "", "Large-1"] {
        let builder = Metrics::builder().price("large-1", Price::per_million(2.0, 10.0));
        let scrape = scrape_after(builder, model, Some(USAGE)).await;
        assert_eq!(scrape.count("app_cost_usd_total", &[]), 0, "{model}");
        let labels = [("endpoint", "/ask"), ("model", model)];
        assert_eq!(scrape.sum("app_unpriced_calls_total", &labels), 3, "{model}");
    }
}

#[tokio::test]
async fn cost_is_absent_for_a_call_without_usage() {
    for model in ["large-1", "small-1"] {
        let builder = Metrics::builder().price("large-1", Price::per_million(2.0, 10.0));
        let scrape = scrape_after(builder, model, None).await;
        assert_eq!(scrape.sum("app_usage_missing_total", &[]), 3);
        assert_eq!(scrape.count("app_cost_usd_total", &[]), 0);
        assert_eq!(scrape.count("app_unpriced_calls_total", &[]), 0);
    }
}

#[tokio::test]
async fn cost_families_are_registered_only_with_prices() {
    let registry = Registry::new();
    for name in ["app_cost_usd_total", "app_unpriced_calls_total"] {
        let application = IntCounter::new(name, "Mine.").expect("a valid name");
        registry.register(Box::new(application)).expect("the name is free");
    }
    let builder = Metrics::builder().registry(registry.clone());
    let scrape = scrape_after(builder, "large-1", Some(USAGE)).await;
    assert_eq!(
        scrape.count("app_cost_usd_total", &[]),
        1,
        "the family is the one of the application"
    );
    let priced = Metrics::builder().registry(registry).prefix("app");
    let priced = priced.price("large-1", Price::per_million(1.0, 1.0)).build();
    assert!(matches!(priced, Err(BuildError::Registry(_))));
}

#[tokio::test]
async fn overflow_of_the_model_label_does_not_change_the_price() {
    let price = || Price::per_million(1.0, 1.0);
    let full = Metrics::builder().max_label_values(0).price("large-1", price());
    let unlisted = Metrics::builder().models(["small-1"]).price("large-1", price());
    for builder in [full, unlisted] {
        let scrape = scrape_after(builder, "large-1", Some(Usage::new(1_000_000, 0))).await;
        let labels = [("model", "other"), ("token_type", "input")];
        assert_eq!(scrape.sum("app_cost_usd_total", &labels), 3);
        assert_eq!(scrape.sum("app_unpriced_calls_total", &[]), 0);
    }
}

#[tokio::test]
async fn cost_of_implausible_usage_is_that_of_the_counted_tokens() {
    let builder = Metrics::builder().price("large-1", Price::per_million(1e9, 0.0));
    let scrape = scrape_after(builder, "large-1", Some(Usage::new(u64::MAX / 4, 0))).await;
    // Implausible counts are capped before they are recorded. The cost follows the recorded count.
    let tokens = scrape.sum("app_token_usage_total", &[]);
    assert!(tokens >= 1 << 40, "{tokens}");
    assert_eq!(scrape.sum("app_cost_usd_total", &[]), tokens * 1_000);
}

#[tokio::test]
async fn overflow_bounds_the_models_chosen_by_clients() {
    async fn chosen(Path(model): Path<String>) {
        ask(model, Some(Usage::new(10, 1))).await;
    }
    let priced = || Metrics::builder().price("model-3", Price::per_million(1.0, 1.0));
    for (builder, shown) in [
        (priced(), 101),
        (priced().models(["model-3", "model-9999"]), 3),
        (priced().max_label_values(5), 6),
    ] {
        let metrics = builder.build().expect("valid");
        let app = Router::new().route("/ask/{model}", route_get(chosen)).layer(metrics.layer());
        for number in 0..10_000 {
            get(&app, &format!("/ask/model-{number}")).await;
        }
        let scrape = Scrape::of(&metrics);
        assert_eq!(scrape.sum("app_token_usage_total", &[]), 110_000);
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 10_000);
        assert_eq!(scrape.sum("app_unpriced_calls_total", &[]), 9_999);
        for family in ["llm_calls_total", "request_tokens_count", "token_usage_total"] {
            assert_eq!(scrape.values(&format!("app_{family}"), "model").len(), shown, "{family}");
        }
        let family = [("family", "app_llm_calls_total"), ("label", "model")];
        let others = scrape.sum("app_llm_calls_total", &[("model", "other")]);
        assert_eq!(scrape.sum("app_metrics_overflow_total", &family), others);
        assert_eq!(others, 10_001 - i64::try_from(shown).expect("the number fits"));
    }
}

#[tokio::test]
async fn overflow_limit_of_a_listed_label_is_the_list() {
    let names: Vec<_> = (0..20).map(|number| format!("model-{number}")).collect();
    let builder = Metrics::builder().max_label_values(5).models(names).providers(["house"]);
    let metrics = builder.models(["large-1"]).build().expect("valid");
    async fn chosen(Path((provider, model)): Path<(String, String)>) {
        #[track_tokens(provider = provider, model = model)]
        async fn call(provider: String, model: String) -> Usage {
            Usage::new(1, 0)
        }
        call(provider, model).await;
    }
    let app = Router::new().route("/{provider}/{model}", route_get(chosen)).layer(metrics.layer());
    for number in 0..30 {
        get(&app, &format!("/house/model-{number}")).await;
    }
    get(&app, "/house/large-1").await;
    get(&app, "/garden/model-1").await;
    let scrape = Scrape::of(&metrics);
    assert_eq!(scrape.values("app_llm_calls_total", "model").len(), 22);
    assert_eq!(scrape.sum("app_llm_calls_total", &[("model", "other")]), 10);
    let other = [("provider", "other"), ("model", "model-1")];
    assert_eq!(scrape.sum("app_llm_calls_total", &other), 1);
    let overflow = [("family", "app_llm_calls_total"), ("label", "provider")];
    assert_eq!(scrape.sum("app_metrics_overflow_total", &overflow), 1);
}

fn refused(builder: MetricsBuilder) -> String {
    builder.build().expect_err("the settings are invalid").to_string()
}

#[test]
fn price_must_be_finite_and_not_negative() {
    for invalid in [-0.01, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let price = || Price::per_million(1.0, 2.0);
        for (which, price) in [
            ("input", Price::per_million(invalid, 1.0)),
            ("output", Price::per_million(1.0, invalid)),
            ("cache_read", price().cache_read(invalid)),
            ("cache_write", price().cache_write(invalid)),
            ("cache_write_1h", price().cache_write_1h(invalid)),
            ("input_audio", price().input_audio(invalid)),
            ("input_image", price().input_image(invalid)),
            ("reasoning", price().reasoning(invalid)),
            ("output_audio", price().output_audio(invalid)),
            ("output_image", price().output_image(invalid)),
        ] {
            let error = refused(Metrics::builder().price("large-1", price));
            assert!(error.starts_with(&format!("price of \"large-1\": {which} costs")), "{error}");
            assert!(error.contains("zero or more"), "{error}");
        }
    }
    assert!(Metrics::builder().price("free-1", Price::per_million(0.0, 0.0)).build().is_ok());
}

#[test]
fn price_must_be_given_once_for_one_model() {
    let price = || Price::per_million(1.0, 1.0);
    let error = refused(Metrics::builder().price("", price()));
    assert!(error.contains("name of the model"), "{error}");
    let error = refused(Metrics::builder().models(["large-1"]).price("other", price()));
    assert!(error.contains("no price in common"), "{error}");
    let list = || Prices::new().price("b", price()).price("a", price());
    for twice in [
        Metrics::builder().price("a", price()).price("b", price()).price("a", price()),
        Metrics::builder().price("a", price()).prices(list()),
        Metrics::builder().prices(list()).price("a", price()),
        Metrics::builder().prices(list().price("a", price())),
    ] {
        assert_eq!(refused(twice), "price of \"a\": it is given twice: give it once");
    }
}

#[test]
fn models_list_must_name_allowed_values() {
    let none: [&str; 0] = [];
    let error = refused(Metrics::builder().models(none));
    assert!(error.starts_with("models: nothing is allowed"), "{error}");
    for reserved in ["other", ""] {
        let error = refused(Metrics::builder().providers(["house", reserved]));
        assert!(error.starts_with("providers: ") && error.contains("remove them"), "{error}");
    }
}
