//! Configured labels: constant labels, grouped statuses, and a label taken from requests.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::{HeaderValue, StatusCode};
use axum::routing::get as route_get;
use futures_util::FutureExt;
use streamgauge::{
    Metrics, Usage, instrument_endpoint, streaming_metrics, track_global_exception, track_tokens,
};
use streamgauge_test_support::client::{get, settled};
use streamgauge_test_support::{Scrape, page_of};
use tower::ServiceExt;

#[instrument_endpoint]
async fn answer(Path(status): Path<u16>) -> Result<StatusCode, StatusCode> {
    let status = StatusCode::from_u16(status).expect("the number is a status");
    if status.is_success() { Ok(status) } else { Err(status) }
}

#[streaming_metrics(media_type = "text/plain")]
#[track_tokens(model = "m")]
async fn stream() -> impl futures_core::Stream<Item = &'static str> {
    track_global_exception(&std::fmt::Error);
    streamgauge::token_usage_context::record(Usage::new(1, 1));
    futures_util::stream::iter(["one", "two"])
}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/answer/{status}", route_get(answer))
        .route("/stream", route_get(stream))
        .route("/pending", route_get(std::future::pending::<()>))
        .layer(metrics.layer())
}

#[tokio::test]
async fn constant_labels_are_on_every_series_of_every_family() {
    let metrics = Metrics::builder().label("region", "eu \"1\"\n").max_label_values(0);
    let metrics = metrics.label("zone", "").build().expect("valid");
    let app = app(&metrics);
    for path in ["/answer/200", "/answer/500", "/stream", "/nope"] {
        get(&app, path).await;
    }
    let page = page_of(&metrics);
    let samples: Vec<_> = page.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(samples.len() > 100);
    for sample in samples {
        assert!(sample.contains(r#"region="eu \"1\"\n""#), "{sample}");
        assert!(sample.contains(r#"zone="""#), "{sample}");
    }
}

#[tokio::test]
async fn group_status_applies_to_every_family() {
    let metrics = Metrics::builder().group_status().build().expect("valid");
    let app = app(&metrics);
    for status in [200, 204, 404, 409, 500, 503, 599] {
        get(&app, &format!("/answer/{status}")).await;
    }
    let request = Request::get("/pending").body(Body::empty()).expect("the request is well formed");
    assert!(app.oneshot(request).now_or_never().is_none());
    let scrape = settled(&metrics);
    for family in ["app_http_requests_total", "app_errors_total", "app_exceptions_total"] {
        let classes = scrape.values(family, "status");
        assert!(classes.iter().all(|class| ["2xx", "4xx", "5xx"].contains(class)), "{classes:?}");
        assert_eq!(scrape.sum(family, &[("status", "5xx")]), 3, "{family}");
    }
    assert_eq!(scrape.sum("app_http_requests_total", &[("status", "2xx")]), 2);
    let cancelled = [("status", "4xx"), ("outcome", "cancelled")];
    assert_eq!(scrape.sum("app_http_requests_total", &cancelled), 1);
    let refused = [("status", "4xx"), ("outcome", "client_error")];
    assert_eq!(scrape.sum("app_http_requests_total", &refused), 2);
}

/// The families of requests: those that carry a label taken from requests.
const REQUEST_FAMILIES: [&str; 6] = [
    "app_http_requests_total",
    "app_http_request_duration_seconds_count",
    "app_active_requests",
    "app_request_size_bytes_count",
    "app_response_size_bytes_count",
    "app_errors_total",
];

async fn send_with(app: &Router, prepare: impl FnOnce(&mut Request)) {
    let mut request =
        Request::get("/answer/500").body(Body::empty()).expect("the request is well formed");
    prepare(&mut request);
    app.clone().oneshot(request).await.expect("a router does not fail");
}

/// The values of the label `tier` that have been counted, with their sums.
fn tiers(scrape: &Scrape, family: &str) -> Vec<(String, i64)> {
    let values = scrape.values(family, "tier").into_iter();
    values
        .map(|tier| (tier.to_owned(), scrape.sum(family, &[("tier", tier)])))
        .filter(|(_, sum)| *sum > 0)
        .collect()
}

#[tokio::test]
async fn label_from_header_turns_other_values_into_the_overflow_other() {
    let metrics = Metrics::builder()
        .label_from_header("tier", "X-Tier", ["free", "paid"])
        .build()
        .expect("valid");
    let app = app(&metrics);
    for value in ["free", "paid", "paid", "gold", "Free", "free ", "\u{ff}", ""] {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("the header value is valid");
        send_with(&app, |request| {
            request.headers_mut().insert("x-tier", value);
        })
        .await;
    }
    send_with(&app, |_| {}).await;
    let scrape = settled(&metrics);
    let expected = [("", 2), ("free", 1), ("other", 4), ("paid", 2)];
    let expected = expected.map(|(tier, sum)| (tier.to_owned(), sum));
    for family in REQUEST_FAMILIES.into_iter().filter(|family| !family.contains("active")) {
        assert_eq!(tiers(&scrape, family), expected, "{family}");
    }
    let overflow = [("family", "app_http_requests_total"), ("label", "tier")];
    assert_eq!(scrape.sum("app_metrics_overflow_total", &overflow), 4);
    assert_eq!(scrape.values("app_active_requests", "tier"), ["", "free", "other", "paid"]);
    assert_eq!(scrape.count("app_exceptions_total", &[("tier", "free")]), 0);
}

#[derive(Clone)]
struct Tier(&'static str);

impl AsRef<str> for Tier {
    fn as_ref(&self) -> &str {
        self.0
    }
}

#[tokio::test]
async fn label_from_extension_uses_the_allowed_values() {
    let metrics = Metrics::builder()
        .label_from_extension::<Tier, _>("tier", ["free", "paid"])
        .build()
        .expect("valid");
    let app = app(&metrics);
    for tier in [Tier("free"), Tier("gold")] {
        send_with(&app, |request| {
            request.extensions_mut().insert(tier);
        })
        .await;
    }
    send_with(&app, |_| {}).await;
    let scrape = settled(&metrics);
    let expected = [("", 1), ("free", 1), ("other", 1)].map(|(tier, n)| (tier.to_owned(), n));
    assert_eq!(tiers(&scrape, "app_http_requests_total"), expected);
}

#[tokio::test]
async fn label_from_request_is_absent_by_default() {
    let metrics = Metrics::builder().build().expect("valid");
    get(&app(&metrics), "/answer/500").await;
    assert!(
        REQUEST_FAMILIES.iter().all(|family| settled(&metrics).values(family, "tier").is_empty())
    );
}

#[test]
fn label_from_header_rejects_invalid_settings() {
    let refused = |builder: streamgauge::MetricsBuilder| {
        builder.build().expect_err("the settings are invalid").to_string()
    };
    let from = |name: &str, header: &str, allowed: &[&str]| {
        let builder = Metrics::builder().label("region", "eu");
        builder.label_from_header(name, header, allowed.iter().copied())
    };
    for (builder, message) in [
        (from("my-tier", "x-tier", &["a"]), "\"my-tier\" is not a label name"),
        (from("endpoint", "x-tier", &["a"]), "\"endpoint\" is taken"),
        (from("region", "x-tier", &["a"]), "\"region\" is given twice"),
        (from("tier", "x tier", &["a"]), "the header name is not valid"),
        (from("tier", "x-tier", &[]), "no value is allowed"),
        (from("tier", "x-tier", &["a", "other"]), "remove them"),
        (from("tier", "x-tier", &["a", ""]), "remove them"),
        (from("tier", "x-tier", &["a"]).label_from_header("b", "b", ["c"]), "remove one"),
    ] {
        let error = refused(builder);
        assert!(error.contains(message), "{error}");
    }
}
