//! Exemplars: which trace a value belongs to.

use std::future::Future;

use axum::Router;
use axum::body::Body;
use axum::http::Method;
use axum::routing::get as route_get;
use futures_util::stream;
use http_body_util::BodyExt;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use streamgauge::{Metrics, Usage, streaming_metrics, track_tokens};
use streamgauge_test_support::client::{get, metrics, send};
use streamgauge_test_support::strict::{self, Format};
use tracing::{Instrument, info_span};
use tracing_subscriber::layer::SubscriberExt;

/// Runs with spans that OpenTelemetry knows.
async fn traced<F: Future>(sampler: Sampler, work: F) -> F::Output {
    let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("tests"));
    let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    work.await
}

/// The trace that is current.
fn trace_id() -> String {
    opentelemetry::Context::current().span().span_context().trace_id().to_string()
}

#[track_tokens(model = "m")]
async fn ask() -> Usage {
    Usage::new(3, 4)
}

#[streaming_metrics(protocol = "openai")]
async fn chat() -> Body {
    Body::from_stream(stream::iter([Ok::<_, std::io::Error>(
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word\"}}]}\n\ndata: [DONE]\n\n",
    )]))
}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route(
            "/ask",
            route_get(|| async {
                ask().await;
            }),
        )
        .route("/chat", route_get(chat))
        .layer(metrics.layer())
}

/// The exemplars of a page, as a strict reader takes it.
fn exemplars(metrics: &Metrics) -> Vec<String> {
    let page = metrics.encode_openmetrics().expect("it encodes");
    strict::check(&page, Format::OpenMetrics);
    let text = metrics.encode_text().expect("it encodes");
    strict::check(&text, Format::Text);
    assert!(!text.contains("trace_id"), "the text format has no exemplars: {text}");
    page.lines().filter(|line| line.contains(" # {")).map(str::to_owned).collect()
}

#[track_caller]
fn assert_one(exemplars: &[String], family: &str, trace: &str) {
    let bucket = format!("app_{family}_bucket{{");
    let of_family: Vec<_> = exemplars.iter().filter(|line| line.starts_with(&bucket)).collect();
    assert!(!of_family.is_empty(), "{family} has none: {exemplars:#?}");
    for line in of_family {
        assert!(line.contains(&format!("trace_id=\"{trace}\"")), "not {trace}: {line}");
        let (_, rest) = line.split_once("span_id=\"").expect("there is a span");
        let (span, _) = rest.split_once('"').expect("it ends");
        assert_eq!(span.len(), 16, "{line}");
        assert_ne!(span, "0".repeat(16), "{line}");
    }
}

#[tokio::test]
async fn a_request_within_a_span_shows_its_trace() {
    let metrics = metrics();
    let trace = traced(Sampler::AlwaysOn, async {
        let app = app(&metrics);
        async {
            get(&app, "/ask").await;
            trace_id()
        }
        .instrument(info_span!("request"))
        .await
    })
    .await;
    let exemplars = exemplars(&metrics);
    assert_one(&exemplars, "http_request_duration_seconds", &trace);
    assert_one(&exemplars, "request_tokens", &trace);
}

#[tokio::test]
async fn what_comes_of_a_request_after_its_span_is_left_shows_the_trace_it_came_with() {
    let metrics = metrics();
    let trace = traced(Sampler::AlwaysOn, async {
        let app = app(&metrics);
        let (response, trace) = async { (send(&app, Method::GET, "/chat").await, trace_id()) }
            .instrument(info_span!("request"))
            .await;
        // The body is read outside the span.
        response.into_body().collect().await.expect("it is no error");
        trace
    })
    .await;
    let exemplars = exemplars(&metrics);
    for family in [
        "http_request_duration_seconds",
        "time_to_first_chunk_seconds",
        "time_to_first_token_seconds",
    ] {
        assert_one(&exemplars, family, &trace);
    }
}

#[tokio::test]
async fn the_newest_value_of_a_bucket_is_shown() {
    let metrics = metrics();
    let last = traced(Sampler::AlwaysOn, async {
        let app = app(&metrics);
        let mut last = String::new();
        for _ in 0..3 {
            last = async {
                get(&app, "/ask").await;
                trace_id()
            }
            .instrument(info_span!("request"))
            .await;
        }
        last
    })
    .await;
    assert_one(&exemplars(&metrics), "request_tokens", &last);
}

#[tokio::test]
async fn a_trace_that_nobody_could_look_up_is_not_shown() {
    let metrics = metrics();
    traced(Sampler::AlwaysOff, async {
        get(&app(&metrics), "/ask").instrument(info_span!("request")).await;
    })
    .await;
    get(&app(&metrics), "/ask").await;
    assert_eq!(exemplars(&metrics), [""; 0]);
}
