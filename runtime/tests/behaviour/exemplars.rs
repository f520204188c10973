//! Exemplars: which span names the trace of a request.

use std::future::{Future, poll_fn};
use std::pin::pin;

use axum::Router;
use axum::routing::get as route_get;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use streamgauge::{Metrics, instrument_endpoint};
use streamgauge_test_support::client::{get, metrics, settled};

const TRACE: u128 = 0x1234;

/// Runs a future with a sampled span as the current one, as `tracing-opentelemetry` does.
async fn in_a_span<F: Future>(future: F) -> F::Output {
    let span = SpanContext::new(
        TraceId::from(TRACE),
        SpanId::from(0x56),
        TraceFlags::SAMPLED,
        false,
        TraceState::NONE,
    );
    let context = Context::new().with_remote_span_context(span);
    let mut future = pin!(future);
    poll_fn(|polled| {
        let _entered = context.clone().attach();
        future.as_mut().poll(polled)
    })
    .await
}

#[instrument_endpoint]
async fn annotated() {}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/plain", route_get(|| async {}))
        .route("/plain-in-a-span", route_get(|| in_a_span(async {})))
        .route("/annotated-in-a-span", route_get(|| in_a_span(annotated())))
        .layer(metrics.layer())
}

/// Returns the exemplars of the durations of requests.
fn exemplars(metrics: &Metrics) -> Vec<String> {
    assert_eq!(settled(metrics).sum("app_http_requests_total", &[]), 1);
    let page = metrics.encode_openmetrics().expect("the metrics encode");
    let durations =
        page.lines().filter(|line| line.starts_with("app_http_request_duration_seconds_bucket{"));
    let exemplars = durations.filter_map(|line| line.split_once(" # "));
    exemplars.map(|(_, exemplar)| exemplar.to_owned()).collect()
}

#[track_caller]
fn assert_is_of_the_trace(exemplars: &[String]) {
    assert_eq!(exemplars.len(), 1, "{exemplars:?}");
    assert!(exemplars[0].contains(&format!("trace_id=\"{TRACE:032x}\"")), "{exemplars:?}");
}

#[tokio::test]
async fn exemplars_have_the_span_around_the_layer() {
    let metrics = metrics();
    in_a_span(get(&app(&metrics), "/plain")).await;
    assert_is_of_the_trace(&exemplars(&metrics));
}

/// The span is not current when the request arrives, nor when it has ended.
#[tokio::test]
async fn exemplars_do_not_have_a_span_inside_the_layer_that_no_attribute_sees() {
    let metrics = metrics();
    get(&app(&metrics), "/plain-in-a-span").await;
    assert_eq!(exemplars(&metrics), [""; 0]);
}

#[tokio::test]
async fn exemplars_have_a_span_inside_the_layer_that_an_attribute_sees() {
    let metrics = metrics();
    get(&app(&metrics), "/annotated-in-a-span").await;
    assert_is_of_the_trace(&exemplars(&metrics));
}
