//! Overflow: label values and series are bounded, and the overflow is counted.

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get as route_get;
use streamgauge::{
    Metrics, Usage, track_detailed_exception, track_tokens, wrap_streaming_response,
};
use streamgauge_test_support::client::{get, metrics};
use streamgauge_test_support::{Scrape, page_of};

#[track_tokens(provider = provider, model = model)]
async fn ask(provider: &str, model: &str) -> Usage {
    Usage::new(1, 0)
}

async fn ask_handler(Path((provider, model)): Path<(String, String)>) {
    ask(&provider, &model).await;
}

fn app(metrics: &Metrics) -> Router {
    Router::new().route("/ask/{provider}/{model}", route_get(ask_handler)).layer(metrics.layer())
}

#[tokio::test]
async fn series_differ_for_labels_with_equal_concatenation() {
    let metrics = metrics();
    let app = app(&metrics);
    get(&app, "/ask/ab/c").await;
    get(&app, "/ask/a/bc").await;
    get(&app, "/ask/a/bc").await;
    let scrape = Scrape::of(&metrics);
    assert_eq!(scrape.sum("app_token_usage_total", &[("provider", "ab"), ("model", "c")]), 1);
    assert_eq!(scrape.sum("app_token_usage_total", &[("provider", "a"), ("model", "bc")]), 2);
}

#[tokio::test]
async fn overflow_of_label_values_becomes_other() {
    let metrics = Metrics::builder().max_label_values(3).build().expect("valid");
    let app = app(&metrics);
    for round in 0..2 {
        for model in 0..10 {
            get(&app, &format!("/ask/house/model-{model}")).await;
        }
        let scrape = Scrape::of(&metrics);
        assert_eq!(
            scrape.values("app_llm_calls_total", "model"),
            ["model-0", "model-1", "model-2", "other"]
        );
        assert_eq!(scrape.sum("app_llm_calls_total", &[("model", "other")]), 7 * (round + 1));
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 10 * (round + 1));
        let overflow = [("family", "app_llm_calls_total"), ("label", "model")];
        assert_eq!(scrape.sum("app_metrics_overflow_total", &overflow), 7 * (round + 1));
    }
}

#[tokio::test]
async fn overflow_bounds_endpoints_named_at_run_time() {
    let metrics = metrics();
    let stream = |Path(name): Path<String>| async move {
        let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>("one")]);
        axum::body::Body::from_stream(wrap_streaming_response(chunks, &name))
    };
    let app = Router::new()
        .route("/made-up/{name}", route_get(stream))
        .route("/orders", route_get(|| async {}))
        .layer(metrics.layer());
    for name in 0..5_000 {
        get(&app, &format!("/made-up/{name}")).await;
    }
    let scrape = Scrape::of(&metrics);
    assert!(scrape.count("app_stream_chunks_total", &[]) <= 4_097);
    assert_eq!(scrape.sum("app_stream_chunks_total", &[]), 5_000);
    assert_eq!(scrape.sum("app_active_streams", &[]), 0);
    // Names that clients make up leave room for routes and for requests without one.
    for path in ["/orders", "/nowhere"] {
        get(&app, path).await;
    }
    let scrape = Scrape::of(&metrics);
    for endpoint in ["/orders", "unmatched"] {
        assert_eq!(scrape.sum("app_http_requests_total", &[("endpoint", endpoint)]), 1);
    }
}

#[tokio::test]
async fn overflow_limit_does_not_count_the_empty_value() {
    let metrics = Metrics::builder().max_label_values(1).build().expect("valid");
    let ask_nobody = || async {
        ask("", "").await;
    };
    let app = Router::new()
        .route("/ask", route_get(ask_nobody))
        .route("/ask/{provider}/{model}", route_get(ask_handler))
        .layer(metrics.layer());
    get(&app, "/ask").await;
    get(&app, "/ask/house/small-1").await;
    let scrape = Scrape::of(&metrics);
    assert_eq!(scrape.values("app_llm_calls_total", "model"), ["", "small-1"]);
    assert_eq!(scrape.sum("app_metrics_overflow_total", &[]), 0);
}

#[tokio::test]
async fn overflow_of_an_exception_type_does_not_count_as_another_type() {
    struct First;
    struct Second;
    struct Third;
    let metrics = Metrics::builder().max_label_values(1).build().expect("valid");
    let fail = |name: &'static str| {
        route_get(move || async move {
            let status = StatusCode::BAD_REQUEST;
            match name {
                "first" => track_detailed_exception(&First, status),
                "second" => track_detailed_exception(&Second, status),
                _ => track_detailed_exception(&Third, status),
            }
        })
    };
    let app = Router::new()
        .route("/first", fail("first"))
        .route("/{any}/second", fail("second"))
        .route("/{any}/first", fail("first"))
        .route("/{any}/third", fail("third"))
        .layer(metrics.layer());
    for path in ["/first", "/a/second", "/a/first", "/a/third"] {
        get(&app, path).await;
    }
    let scrape = Scrape::of(&metrics);
    let count = |name| scrape.sum("app_exceptions_total", &[("exception_type", name)]);
    assert_eq!((count("First"), count("other")), (2, 2));
}

#[tokio::test]
async fn label_values_cannot_forge_a_family() {
    let metrics = metrics();
    let app = app(&metrics);
    for model in ["%22", "%5C", "%0A", "%00", "%E2%80%A8", "a%22%7D%201%0Afake_total%201"] {
        get(&app, &format!("/ask/house/{model}")).await;
    }
    let scrape = Scrape::of(&metrics);
    assert_eq!(scrape.count("app_llm_calls_total", &[]), 6);
    assert_eq!(scrape.count("fake_total", &[]), 0);
}

#[tokio::test]
async fn overflow_of_a_long_label_value_becomes_other() {
    let metrics = metrics();
    let app = app(&metrics);
    get(&app, &format!("/ask/house/{}", "m".repeat(128))).await;
    get(&app, &format!("/ask/house/{}", "m".repeat(129))).await;
    get(&app, &format!("/ask/house/{}", "m".repeat(50_000))).await;
    let scrape = Scrape::of(&metrics);
    assert_eq!(scrape.sum("app_llm_calls_total", &[("model", "other")]), 2);
    assert_eq!(scrape.count("app_llm_calls_total", &[]), 2);
    assert!(page_of(&metrics).len() < 100_000);
}

#[tokio::test]
async fn overflow_does_not_apply_to_closed_sets_of_values() {
    let metrics = Metrics::builder().max_label_values(0).build().expect("valid");
    get(&app(&metrics), "/nope").await;
    assert_eq!(Scrape::of(&metrics).sum("app_errors_total", &[("error_type", "client")]), 1);
}

#[tokio::test]
async fn overflow_of_series_becomes_one_series() {
    let metrics = Metrics::builder().max_series(5).build().expect("valid");
    let app = app(&metrics);
    for round in 1..=2 {
        for number in 0..20 {
            get(&app, &format!("/ask/provider-{}/model-{number}", number % 4)).await;
        }
        let scrape = Scrape::of(&metrics);
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 20 * round);
        assert_eq!(
            scrape.count("app_llm_calls_total", &[]),
            6,
            "five series, and one for the overflow"
        );
        let others = [("endpoint", "other"), ("provider", "other"), ("model", "other")];
        assert_eq!(scrape.sum("app_llm_calls_total", &others), 15 * round);
        for label in ["endpoint", "provider", "model"] {
            let overflow = [("family", "app_llm_calls_total"), ("label", label)];
            assert_eq!(scrape.sum("app_metrics_overflow_total", &overflow), 15 * round, "{label}");
        }
    }
}

#[tokio::test]
async fn overflow_of_series_still_counts_every_request() {
    let metrics = Metrics::builder().max_series(0).build().expect("valid");
    let app = app(&metrics);
    for path in ["/ask/a/b", "/nope", "/ask/a/b"] {
        get(&app, path).await;
    }
    let scrape = streamgauge_test_support::client::settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[("endpoint", "other")]), 3);
    assert_eq!(scrape.values("app_active_requests", "endpoint"), ["other"]);
}
