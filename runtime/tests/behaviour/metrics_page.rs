//! The metrics page and the file: families, content type, writing.

use std::collections::BTreeSet;

use axum::Router;
use axum::http::Method;
use axum::routing::get as route_get;
use prometheus::Registry;
use prometheus::core::Collector;
use streamgauge::{Metrics, WriteError, metrics_endpoint};
use streamgauge_test_support::client::{get, metrics, send};
use streamgauge_test_support::page_of;
use streamgauge_test_support::strict::{self, Format};

#[test]
fn families_register_twenty_two_names() {
    let registry = Registry::new();
    let metrics = Metrics::builder().registry(registry.clone()).build().expect("valid");
    // A metric with the name of a family is refused, even while the family has no sample.
    let names = [
        "http_requests_total",
        "http_request_duration_seconds",
        "active_requests",
        "request_size_bytes",
        "response_size_bytes",
        "errors_total",
        "exceptions_total",
        "global_exceptions_total",
        "active_streams",
        "stream_chunks_total",
        "stream_bytes_total",
        "stream_duration_seconds",
        "stream_errors_total",
        "time_to_first_chunk_seconds",
        "inter_chunk_seconds",
        "token_usage_total",
        "request_tokens",
        "llm_calls_total",
        "usage_missing_total",
        "time_to_first_token_seconds",
        "time_per_output_token_seconds",
        "metrics_overflow_total",
    ];
    assert_eq!(names.len(), 22);
    for name in names {
        let clash = prometheus::IntCounter::new(format!("app_{name}"), "A clash.").expect("a name");
        assert_eq!(clash.desc().len(), 1);
        assert!(registry.register(Box::new(clash)).is_err(), "{name} is missing");
    }
    drop(metrics);
}

#[tokio::test]
async fn page_has_the_content_type_of_the_text_format() {
    let metrics = metrics();
    for app in [
        Router::new().route("/metrics", route_get(metrics.endpoint())),
        Router::new().route("/metrics", route_get(metrics_endpoint)).layer(metrics.layer()),
    ] {
        let response = send(&app, Method::GET, "/metrics").await;
        let content_type = response.headers()["content-type"].to_str().expect("the text is UTF-8");
        assert!(content_type.starts_with("text/plain; version=0.0.4"), "{content_type}");
    }
}

#[tokio::test]
async fn page_shows_the_instance_of_the_surrounding_layer() {
    let metrics = Metrics::builder().prefix("mine").build().expect("valid");
    let app = Router::new()
        .route("/plain", route_get(|| async {}))
        .route("/metrics", route_get(metrics_endpoint))
        .layer(metrics.layer());
    get(&app, "/plain").await;
    let page = get(&app, "/metrics").await.1;
    let page = std::str::from_utf8(&page).expect("the text is UTF-8");
    strict::check(page, Format::Text);
    assert!(page.contains("mine_http_requests_total"), "{page}");
}

#[tokio::test]
async fn scrapes_are_not_counted_and_change_nothing() {
    let metrics = metrics();
    let app = Router::new()
        .route("/own", route_get(metrics.endpoint()))
        .route("/plain", route_get(|| async {}))
        .nest("/deep", Router::new().route("/metrics", route_get(metrics_endpoint)))
        .layer(metrics.layer());
    get(&app, "/plain").await;
    let pages: BTreeSet<_> = [
        get(&app, "/own").await.1,
        get(&app, "/deep/metrics").await.1,
        get(&app, "/own").await.1,
        page_of(&metrics).into(),
    ]
    .into();
    assert_eq!(pages.len(), 1, "{pages:?}");
    let page = pages.first().expect("there is a page");
    assert!(!String::from_utf8_lossy(page).contains("metrics\""));
    assert!(!String::from_utf8_lossy(page).contains("\"/own\""));
}

#[tokio::test]
async fn file_is_replaced_as_a_whole() {
    let directory = tempfile::tempdir().expect("a temporary directory can be created");
    let path = directory.path().join("shop.prom");
    let metrics = metrics();
    let app = Router::new().route("/x", route_get(|| async {})).layer(metrics.layer());
    for requests in 1..=3 {
        get(&app, "/x").await;
        metrics.write_to_file(&path).await.expect("the file is written");
        let text = std::fs::read_to_string(&path).expect("the file exists");
        assert_eq!(text, page_of(&metrics));
        let line = format!(
            r#"app_http_requests_total{{method="GET",endpoint="/x",status="200",outcome="success"}} {requests}"#
        );
        assert!(text.contains(&line), "{text}");
    }
    let entries = std::fs::read_dir(&directory).expect("the directory can be listed").count();
    assert_eq!(entries, 1, "no temporary file remains");
}

#[cfg(unix)]
#[tokio::test]
async fn file_is_readable_by_other_users() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().expect("a temporary directory can be created");
    let path = directory.path().join("shop.prom");
    metrics().write_to_file(&path).await.expect("the file is written");
    let mode = std::fs::metadata(&path).expect("the file exists").permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
}

#[tokio::test]
async fn file_write_error_names_the_path() {
    let directory = tempfile::tempdir().expect("a temporary directory can be created");
    let metrics = metrics();
    let missing = directory.path().join("missing").join("shop.prom");
    let error = metrics.write_to_file(&missing).await.expect_err("the directory does not exist");
    assert!(matches!(error, WriteError::Io { .. }));
    assert!(error.to_string().contains("missing"), "{error}");

    let taken = directory.path().join("taken.prom");
    std::fs::create_dir_all(taken.join("inside")).expect("the directory can be created");
    assert!(metrics.write_to_file(&taken).await.is_err());
    let entries = std::fs::read_dir(&directory).expect("the directory can be listed").count();
    assert_eq!(entries, 1, "no temporary file remains");

    let error = metrics.write_to_file("/").await.expect_err("the path has no file name");
    assert!(matches!(error, WriteError::NoFileName { .. }), "{error}");
}
