//! Exemplars: the trace ID of a recorded value.

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

/// Runs a future under a subscriber that connects spans to OpenTelemetry.
async fn traced<F: Future>(sampler: Sampler, work: F) -> F::Output {
    let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("tests"));
    let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    work.await
}

/// Returns the ID of the current trace.
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

/// Returns the exemplar lines of a page, after a strict check of both formats.
fn exemplars(metrics: &Metrics) -> Vec<String> {
    let page = metrics.encode_openmetrics().expect("the metrics encode");
    strict::check(&page, Format::OpenMetrics);
    let text = metrics.encode_text().expect("the metrics encode");
    strict::check(&text, Format::Text);
    assert!(!text.contains("trace_id"), "the text format has no exemplars: {text}");
    page.lines().filter(|line| line.contains(" # {")).map(str::to_owned).collect()
}

#[track_caller]
fn assert_exemplar(exemplars: &[String], family: &str, trace: &str) {
    let bucket = format!("app_{family}_bucket{{");
    let of_family: Vec<_> = exemplars.iter().filter(|line| line.starts_with(&bucket)).collect();
    assert!(!of_family.is_empty(), "{family} has no exemplar: {exemplars:#?}");
    for line in of_family {
        assert!(line.contains(&format!("trace_id=\"{trace}\"")), "not {trace}: {line}");
        let (_, rest) = line.split_once("span_id=\"").expect("the exemplar has a span ID");
        let (span, _) = rest.split_once('"').expect("the span ID ends with a quote");
        assert_eq!(span.len(), 16, "{line}");
        assert_ne!(span, "0".repeat(16), "{line}");
    }
}

#[tokio::test]
async fn exemplars_of_a_request_have_its_trace_id() {
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
    assert_exemplar(&exemplars, "http_request_duration_seconds", &trace);
    assert_exemplar(&exemplars, "request_tokens", &trace);
}

#[tokio::test]
async fn exemplars_recorded_after_the_span_have_the_trace_id_of_the_request() {
    let metrics = metrics();
    let trace = traced(Sampler::AlwaysOn, async {
        let app = app(&metrics);
        let (response, trace) = async { (send(&app, Method::GET, "/chat").await, trace_id()) }
            .instrument(info_span!("request"))
            .await;
        // Read the body outside the span.
        response.into_body().collect().await.expect("the body does not fail");
        trace
    })
    .await;
    let exemplars = exemplars(&metrics);
    for family in [
        "http_request_duration_seconds",
        "time_to_first_chunk_seconds",
        "time_to_first_token_seconds",
    ] {
        assert_exemplar(&exemplars, family, &trace);
    }
}

#[tokio::test]
async fn exemplars_show_the_newest_value_of_a_bucket() {
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
    assert_exemplar(&exemplars(&metrics), "request_tokens", &last);
}

#[tokio::test]
async fn exemplars_are_absent_without_a_sampled_trace() {
    let metrics = metrics();
    traced(Sampler::AlwaysOff, async {
        get(&app(&metrics), "/ask").instrument(info_span!("request")).await;
    })
    .await;
    get(&app(&metrics), "/ask").await;
    assert_eq!(exemplars(&metrics), [""; 0]);
}
