//! Warnings about records in the global instance that nothing reads.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use futures_util::{StreamExt, stream};
use streamgauge::{
    Metrics, PrometheusLayer, Usage, instrument_endpoint, metrics_endpoint, streaming_metrics,
    token_usage_context, track_detailed_exception, track_global_exception, track_tokens,
    wrap_streaming_response,
};
use streamgauge_test_support::client::get;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::processes::{block_on, in_new_process};

/// Collects the events of the library.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        assert!(!metadata.target().starts_with("streamgauge::"), "{}", metadata.target());
        metadata.target() == "streamgauge"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
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

/// Runs a scenario of this module in a new process and passes the events of the library to `check`.
fn events_of<F: Future<Output = ()>>(
    name: &str,
    scenario: impl FnOnce() -> F,
    check: impl FnOnce(&[String]),
) {
    events_in_new_process(&format!("warnings::{name}"), scenario, check);
}

/// Runs the test `name` in a new process and passes the events of the library to `check`.
pub(crate) fn events_in_new_process<F: Future<Output = ()>>(
    name: &str,
    scenario: impl FnOnce() -> F,
    check: impl FnOnce(&[String]),
) {
    in_new_process(name, || {
        let log = Log::default();
        tracing::subscriber::set_global_default(log.clone()).expect("no other subscriber is set");
        block_on(scenario());
        check(&log.0.lock().expect("the lock is not poisoned"));
    });
}

fn build() -> Metrics {
    Metrics::builder().build().expect("valid")
}

#[instrument_endpoint]
async fn job() {}

#[track_tokens(model = "m")]
async fn ask() -> Usage {
    Usage::new(2, 1)
}

#[streaming_metrics]
fn numbers() -> impl futures_util::Stream<Item = Bytes> {
    stream::iter([Bytes::from("1")])
}

/// Records outside any request in every way, twice.
pub(crate) async fn record_everything() {
    for _ in 0..2 {
        job().await;
        ask().await;
        numbers().count().await;
        wrap_streaming_response(stream::iter([Bytes::from("1")]), "/numbers").count().await;
        token_usage_context::record(Usage::new(1, 1));
        track_detailed_exception(&std::fmt::Error, StatusCode::CONFLICT);
        track_global_exception(&std::fmt::Error);
    }
}

/// Returns the events that are not about counted errors.
fn warnings(events: &[String]) -> Vec<&String> {
    events.iter().filter(|event| !event.contains("exception_type=")).collect()
}

#[test]
fn records_that_nothing_reads_warn_once_for_each_function() {
    events_of(
        "records_that_nothing_reads_warn_once_for_each_function",
        || async {
            let metrics = build();
            let _app: Router =
                Router::new().route("/", route_get(|| async {})).layer(metrics.layer());
            record_everything().await;
        },
        |events| {
            let warnings = warnings(events);
            let functions = [
                "job",
                "ask",
                "numbers",
                "wrap_streaming_response",
                "token_usage_context::record",
                "track_detailed_exception",
                "track_global_exception",
            ];
            assert_eq!(warnings.len(), functions.len(), "{warnings:#?}");
            for (warning, function) in warnings.into_iter().zip(functions) {
                assert!(warning.starts_with("WARN "), "{warning}");
                assert!(warning.contains(&format!("function={function:?}")), "{warning}");
                assert!(warning.contains("MetricsBuilder::install"), "{warning}");
                let is_function = warning.contains("add that layer to the router");
                let is_call = warning.contains("token_usage_context::Handle");
                assert_eq!((is_function, is_call), (function == "job", function != "job"));
            }
        },
    );
}

#[test]
fn task_without_a_handle_warns() {
    async fn handler() {
        let handle = token_usage_context::handle();
        tokio::spawn(handle.scope(ask())).await.expect("the task does not panic");
        let handle = token_usage_context::handle();
        let recorded = tokio::spawn(async move { handle.record(Usage::new(1, 1)) });
        recorded.await.expect("the task does not panic");
        ask().await;
    }

    async fn handler_without_handle() {
        tokio::spawn(ask()).await.expect("the task does not panic");
    }

    events_of(
        "task_without_a_handle_warns",
        || async {
            let metrics = build();
            let app = Router::new()
                .route("/handle", route_get(handler))
                .route("/without", route_get(handler_without_handle))
                .layer(metrics.layer());
            get(&app, "/handle").await;
            tracing::warn!(target: "streamgauge", "the second request");
            get(&app, "/without").await;
            get(&app, "/without").await;
        },
        |events| {
            assert_eq!(events.len(), 2, "{events:#?}");
            assert!(events[0].contains("the second request"), "{events:#?}");
            assert!(events[1].contains("function=\"ask\""), "{events:#?}");
        },
    );
}

#[test]
fn records_in_a_global_instance_that_the_program_uses_warn_of_usage_without_a_request_only() {
    events_of(
        "records_in_a_global_instance_that_the_program_uses_warn_of_usage_without_a_request_only",
        || async {
            let global = Metrics::builder().install().expect("nothing is installed yet");
            let beside = build();
            let _layers = (global.layer(), beside.layer());
            record_everything().await;
        },
        |events| {
            let warnings = warnings(events);
            assert_eq!(warnings.len(), 1, "{warnings:#?}");
            assert!(warnings[0].contains("function=\"token_usage_context::record\""));
            assert!(warnings[0].contains("`token_usage_context::Handle`"), "{warnings:#?}");
        },
    );
}

#[test]
fn records_of_a_program_without_a_layer_do_not_warn() {
    let no_warnings = |events: &[String]| assert!(warnings(events).is_empty(), "{events:#?}");
    events_of(
        "records_of_a_program_without_a_layer_do_not_warn",
        || async {
            let _beside = build();
            record_everything().await;
            drop(build().layer());
            record_everything().await;
        },
        no_warnings,
    );
}

#[test]
fn metrics_endpoint_outside_the_layer_of_a_built_instance_warns_once() {
    events_of(
        "metrics_endpoint_outside_the_layer_of_a_built_instance_warns_once",
        || async {
            let metrics = build();
            let inside: Router =
                Router::new().route("/metrics", route_get(metrics_endpoint)).layer(metrics.layer());
            get(&inside, "/metrics").await;
            tracing::warn!(target: "streamgauge", "outside");
            let outside = Router::new().route("/metrics", route_get(metrics_endpoint));
            get(&outside, "/metrics").await;
            get(&outside, "/metrics").await;
        },
        |events| {
            assert_eq!(events.len(), 2, "{events:#?}");
            assert!(events[0].contains("message=outside"), "{events:#?}");
            assert!(events[1].contains("Metrics::endpoint"), "{events:#?}");
        },
    );
}

#[test]
fn metrics_endpoint_outside_the_default_layer_does_not_warn() {
    events_of(
        "metrics_endpoint_outside_the_default_layer_does_not_warn",
        || async {
            let _app: Router =
                Router::new().route("/", route_get(|| async {})).layer(PrometheusLayer::new());
            let outside = Router::new().route("/metrics", route_get(metrics_endpoint));
            get(&outside, "/metrics").await;
        },
        |events| assert!(events.is_empty(), "{events:#?}"),
    );
}

#[test]
fn response_without_a_layer_warns_once() {
    /// A type whose body the attributes cannot reach.
    struct Opaque;

    impl IntoResponse for Opaque {
        fn into_response(self) -> Response {
            Response::default()
        }
    }

    #[streaming_metrics]
    async fn streamed() -> Opaque {
        Opaque
    }

    #[track_tokens(model = "m", protocol = "openai")]
    async fn replied() -> Opaque {
        Opaque
    }

    events_of(
        "response_without_a_layer_warns_once",
        || async {
            for _ in 0..2 {
                let _: (Opaque, Opaque) = (streamed().await, replied().await);
            }
        },
        |events| {
            assert_eq!(events.len(), 2, "{events:#?}");
            for (event, function) in events.iter().zip(["streamed", "replied"]) {
                assert!(event.contains(&format!("function={function:?}")), "{event}");
                assert!(event.contains("add the layer to the router"), "{event}");
            }
        },
    );
}
