//! Events that the library emits through `tracing` for errors and panics.

use std::fmt::Debug;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::routing::get as route_get;
use futures_util::{FutureExt, stream};
use streamgauge::{
    Metrics, RequestLabel, instrument_endpoint, request_label, token_usage_context,
    track_detailed_exception, track_global_exception,
};
use streamgauge_test_support::client::{get, metrics, send};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

#[instrument_endpoint]
async fn returns() -> Result<(), StatusCode> {
    Err(StatusCode::CONFLICT)
}

#[instrument_endpoint]
async fn reports() {
    track_detailed_exception(&std::fmt::Error, StatusCode::ACCEPTED);
    track_global_exception(&std::fmt::Error);
}

async fn panics() {
    panic!("on purpose")
}

async fn sets_undeclared_labels() {
    request_label::set("tenent", "acme");
    request_label::set("tenent", "acme");
    request_label::set("plan", "free");
}

fn app(metrics: &Metrics) -> Router {
    let broken = || async {
        let items = [Ok(Bytes::from("one")), Err(std::io::Error::other("a secret"))];
        Body::from_stream(stream::iter(items))
    };
    Router::new()
        .route("/returns", route_get(returns))
        .route("/reports", route_get(reports))
        .route("/panics", route_get(panics))
        .route("/labels", route_get(sets_undeclared_labels))
        .route("/broken", route_get(broken))
        .layer(metrics.layer())
}

/// Collects every event of the library, and calls back into the library for each, as a subscriber
/// may.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "streamgauge"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        drop(token_usage_context::handle());
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().expect("the lock is not poisoned").push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.extend([" ", field.name(), "=", &format!("{value:?}")]);
    }
}

/// Returns the events of one request and the number of exceptions counted for it.
async fn events_and_exceptions(path: &str) -> (Vec<String>, i64) {
    let log = Log::default();
    let metrics = metrics();
    {
        let _guard = tracing::subscriber::set_default(log.clone());
        let app = app(&metrics);
        let response = send(&app, axum::http::Method::GET, path);
        if let Ok(response) = AssertUnwindSafe(response).catch_unwind().await {
            let body = http_body_util::BodyExt::collect(response.into_body()).await;
            assert_eq!(body.is_err(), path == "/broken");
        }
    }
    let scrape = streamgauge_test_support::client::settled(&metrics);
    let counted = ["app_exceptions_total", "app_global_exceptions_total"];
    let counted = counted.into_iter().map(|family| scrape.sum(family, &[])).sum();
    let lines = log.0.lock().expect("the lock is not poisoned").clone();
    (lines, counted)
}

#[tokio::test]
async fn handler_error_emits_a_warning() {
    let line = "WARN message=a handler failed endpoint=\"/returns\" \
                exception_type=\"StatusCode\" status=409";
    assert_eq!(events_and_exceptions("/returns").await, (vec![line.to_owned()], 1));
}

#[tokio::test]
async fn exceptions_reported_by_the_handler_emit_events() {
    let (lines, counted) = events_and_exceptions("/reports").await;
    assert_eq!(
        lines,
        [
            "WARN message=a handler failed endpoint=\"/reports\" \
             exception_type=\"fmt::Error\" status=202",
            "ERROR message=a failure that no handler owned endpoint=\"/reports\" \
             exception_type=\"fmt::Error\"",
        ]
    );
    assert_eq!(counted, 2);
}

#[tokio::test]
async fn panic_emits_an_error() {
    let line = "ERROR message=a failure that no handler owned endpoint=\"/panics\" \
                exception_type=\"panic\"";
    assert_eq!(events_and_exceptions("/panics").await, (vec![line.to_owned()], 1));
}

#[tokio::test]
async fn response_body_error_emits_an_error_without_its_message() {
    let line = "ERROR message=a failure that no handler owned endpoint=\"/broken\" \
                exception_type=\"BodyError\"";
    assert_eq!(events_and_exceptions("/broken").await, (vec![line.to_owned()], 1));
}

#[tokio::test]
async fn request_label_without_a_declaration_emits_one_warning_and_is_not_recorded() {
    let log = Log::default();
    let label = RequestLabel::new("tenant").at_most(5);
    let metrics = Metrics::builder().request_label(label).build().expect("valid");
    {
        let _guard = tracing::subscriber::set_default(log.clone());
        let app = app(&metrics);
        for _ in 0..3 {
            assert_eq!(get(&app, "/labels").await.0, StatusCode::OK);
        }
    }
    let line = |label: &str| {
        format!(
            "WARN message=request_label::set has no effect: declare the label with \
             MetricsBuilder::request_label label=\"{label}\""
        )
    };
    assert_eq!(*log.0.lock().expect("the lock is not poisoned"), [line("tenent"), line("plan")]);
    let scrape = streamgauge_test_support::client::settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[("tenant", "")]), 3);
    assert!(scrape.all_values("tenent").is_empty() && scrape.all_values("plan").is_empty());
}

#[tokio::test]
async fn missing_subscriber_changes_nothing() {
    assert_eq!(get(&app(&metrics()), "/returns").await.0, StatusCode::CONFLICT);
}
