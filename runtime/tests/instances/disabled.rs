//! Disabled instances: what runs behind their layers is recorded nowhere, and nothing is logged.

use std::io;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use futures_util::{Stream, StreamExt, stream};
use streamgauge::call::{self, CallErrorType};
use streamgauge::{
    Metrics, Usage, instrument_endpoint, metrics_endpoint, request_label, streaming_metrics,
    token_usage_context, track_detailed_exception, track_global_exception, track_named_exception,
    track_tokens, wrap_streaming_response,
};
use streamgauge_test_support::client::get;

use crate::processes::{block_on, in_new_process, in_new_process_with};
use crate::warnings::{events_in_new_process, record_everything};

#[track_tokens(provider = "house", model = "m")]
async fn ask() -> Usage {
    call::report(CallErrorType::Timeout);
    token_usage_context::record(Usage::new(1, 1));
    Usage::new(2, 1)
}

#[instrument_endpoint]
async fn fails() -> Result<&'static str, StatusCode> {
    request_label::set("undeclared", "x");
    track_detailed_exception(&io::Error::other("no"), StatusCode::CONFLICT);
    track_named_exception(&Named, StatusCode::CONFLICT);
    track_global_exception(&std::fmt::Error);
    Err(StatusCode::BAD_GATEWAY)
}

#[derive(streamgauge::ExceptionType)]
struct Named;

#[instrument_endpoint(endpoint = "not_a_route")]
async fn calls() -> &'static str {
    ask().await;
    token_usage_context::record(Usage::new(1, 1));
    call::report(CallErrorType::Timeout);
    "called"
}

#[instrument_endpoint]
async fn panics() {
    panic!("a handler that panics");
}

/// Its body makes calls and reports errors while it is polled.
#[streaming_metrics(media_type = "text/plain", protocol = "openai", model = "m")]
async fn streams() -> impl Stream<Item = Bytes> {
    stream::iter(0..3).then(|_| async {
        ask().await;
        token_usage_context::record(Usage::new(1, 1));
        track_detailed_exception(&io::Error::other("no"), StatusCode::CONFLICT);
        track_global_exception(&std::fmt::Error);
        wrap_streaming_response(stream::iter([Bytes::from("1")]), "/inner").count().await;
        Bytes::from("chunk")
    })
}

/// Its body is metered by the layer.
#[streaming_metrics]
async fn events() -> Sse<impl Stream<Item = Result<Event, io::Error>>> {
    Sse::new(stream::iter([Ok(Event::default().data("1")), Err(io::Error::other("cut"))]))
}

/// Its reply is parsed by the layer.
#[track_tokens(protocol = "openai", model = "m")]
async fn replies() -> Response {
    (StatusCode::OK, "{\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}").into_response()
}

async fn wraps() -> Response {
    let chunks = stream::iter([Ok::<_, io::Error>(Bytes::from("1"))]);
    Response::new(Body::from_stream(wrap_streaming_response(chunks, "/wraps")))
}

/// Goes on in a task that outlives the request.
async fn spawns() {
    let handle = token_usage_context::handle();
    tokio::spawn(async move {
        handle.record(Usage::new(1, 1));
        handle.scope(everything_of_a_task()).await;
    })
    .await
    .expect("the task does not panic");
}

async fn everything_of_a_task() {
    ask().await;
    drop(streams().await.into_body());
    wrap_streaming_response(stream::iter([Bytes::from("1")]), "/task").count().await;
    token_usage_context::record(Usage::new(1, 1));
    token_usage_context::handle().record(Usage::new(1, 1));
    track_detailed_exception(&io::Error::other("no"), StatusCode::CONFLICT);
    track_global_exception(&std::fmt::Error);
    fails().await.expect_err("the function fails");
}

/// Requests each route once, to its end.
async fn serve_everything(app: &Router) {
    for (path, status) in [
        ("/fails", StatusCode::BAD_GATEWAY),
        ("/calls", StatusCode::OK),
        ("/streams", StatusCode::OK),
        ("/replies", StatusCode::OK),
        ("/wraps", StatusCode::OK),
        ("/spawns", StatusCode::OK),
        ("/metrics", StatusCode::OK),
        ("/nothing", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(get(app, path).await.0, status, "{path}");
    }
    for path in ["/panics", "/events"] {
        let app = app.clone();
        tokio::spawn(async move { get(&app, path).await }).await.expect_err("the response fails");
    }
}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/fails", route_get(fails))
        .route("/calls", route_get(calls))
        .route("/panics", route_get(panics))
        .route("/streams", route_get(streams))
        .route("/events", route_get(events))
        .route("/replies", route_get(replies))
        .route("/wraps", route_get(wraps))
        .route("/spawns", route_get(spawns))
        .route("/metrics", route_get(metrics_endpoint))
        .layer(metrics.layer())
}

fn page(metrics: &Metrics) -> String {
    metrics.encode_text().expect("the page encodes")
}

#[test]
fn disabled_layer_keeps_everything_out_of_the_global_instance_and_the_log() {
    events_in_new_process(
        "disabled::disabled_layer_keeps_everything_out_of_the_global_instance_and_the_log",
        || async {
            let metrics = Metrics::builder().enabled(false).build().expect("valid");
            // Both have series at zero: those of the functions that name an endpoint.
            let before = page(Metrics::global());
            serve_everything(&app(&metrics)).await;
            assert_eq!(page(Metrics::global()), before);
            assert!(page(&metrics).starts_with("# streamgauge is disabled"));
            assert_eq!(metrics.registry().gather(), []);
        },
        |events| assert_eq!(events, [""; 0]),
    );
}

#[test]
fn enabled_layer_records_and_logs_the_same_requests() {
    // Shows that the test above would see what is recorded.
    events_in_new_process(
        "disabled::enabled_layer_records_and_logs_the_same_requests",
        || async {
            let metrics = Metrics::builder().build().expect("valid");
            serve_everything(&app(&metrics)).await;
            for family in ["exceptions_total", "llm_calls_total", "stream_chunks_total"] {
                assert!(page(&metrics).contains(&format!("app_{family}{{")), "{family}");
            }
        },
        |events| assert!(events.len() > 5, "{events:#?}"),
    );
}

#[test]
fn disabled_global_instance_records_nothing_outside_requests() {
    events_in_new_process(
        "disabled::disabled_global_instance_records_nothing_outside_requests",
        || async {
            let metrics = Metrics::builder().enabled(false).install().expect("valid");
            record_everything().await;
            everything_of_a_task().await;
            tokio::spawn(panics()).await.expect_err("the function panics");
            let handle = token_usage_context::handle();
            handle.record(Usage::new(1, 1));
            handle.scope(everything_of_a_task()).await;
            assert!(page(metrics).starts_with("# streamgauge is disabled"));
            assert_eq!(metrics.registry().gather(), []);
        },
        |events| assert_eq!(events, [""; 0]),
    );
}

#[test]
fn enabled_layer_beside_a_disabled_global_instance_records() {
    in_new_process("disabled::enabled_layer_beside_a_disabled_global_instance_records", || {
        block_on(async {
            let global = Metrics::builder().enabled(false).install().expect("valid");
            let metrics = Metrics::builder().build().expect("valid");
            get(&app(&metrics), "/calls").await;
            get(&app(global), "/calls").await;
            assert!(page(&metrics).contains("app_llm_calls_total{"), "{}", page(&metrics));
            assert!(page(&metrics).contains("outcome=\"success\"} 1\n"), "{}", page(&metrics));
            assert!(page(global).starts_with("# streamgauge is disabled"));
        });
    });
}

#[test]
fn layer_of_a_disabled_instance_causes_no_warnings_about_unread_records() {
    events_in_new_process(
        "disabled::layer_of_a_disabled_instance_causes_no_warnings_about_unread_records",
        || async {
            let metrics = Metrics::builder().enabled(false).build().expect("valid");
            let _app = app(&metrics);
            record_everything().await;
        },
        |events| assert!(events.iter().all(|it| it.contains("exception_type=")), "{events:#?}"),
    );
}

/// The variable of this test's own that says whether the instances are enabled.
const EXPECTED: &str = "STREAMGAUGE_TEST_EXPECTED";

#[test]
fn environment_variable_disables_every_instance_if_it_is_1_or_true() {
    let name = "disabled::environment_variable_disables_every_instance_if_it_is_1_or_true";
    let disabling = ["1", "true", "TRUE", "True"].map(|value| (value, "disabled"));
    let others = ["", "0", "false", "no", "yes", "11", " 1"].map(|value| (value, "enabled"));
    for (value, expected) in disabling.into_iter().chain(others) {
        let variables = [("STREAMGAUGE_DISABLED", value), (EXPECTED, expected)];
        in_new_process_with(name, &variables, || {
            let is_enabled = std::env::var(EXPECTED).expect("the parent sets it") == "enabled";
            let built = Metrics::builder().enabled(true).build().expect("valid");
            assert_eq!(built.is_enabled(), is_enabled);
            assert_eq!(Metrics::global().is_enabled(), is_enabled);
            let off = Metrics::builder().enabled(false).build().expect("valid");
            assert!(!off.is_enabled(), "the variable does not enable");
        });
    }
}

#[test]
fn environment_variable_keeps_everything_out_of_every_instance() {
    let name = "disabled::environment_variable_keeps_everything_out_of_every_instance";
    in_new_process_with(name, &[("STREAMGAUGE_DISABLED", "1")], || {
        block_on(async {
            let metrics = Metrics::builder().build().expect("valid");
            serve_everything(&app(&metrics)).await;
            record_everything().await;
            for metrics in [&metrics, Metrics::global()] {
                assert!(page(metrics).starts_with("# streamgauge is disabled"));
                assert_eq!(metrics.registry().gather(), []);
            }
        });
    });
}
