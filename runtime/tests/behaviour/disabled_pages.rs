//! What a disabled instance exports, and that its settings are validated.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::routing::get as route_get;
use http_body_util::BodyExt;
use prometheus::{IntCounter, Registry};
use streamgauge::{BuildError, Metrics, MetricsBuilder, Price, Prices, metrics_endpoint};
use streamgauge_test_support::client::{get, metrics, send, settled};
use streamgauge_test_support::strict::{self, Format};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt;

use crate::disabled::disabled;

/// The page of a disabled instance in the text format.
const COMMENT: &str = "# streamgauge is disabled by `enabled(false)` or \
                       STREAMGAUGE_DISABLED: nothing is recorded.\n";

#[test]
fn disabled_page_is_a_comment_in_the_text_format_and_empty_in_openmetrics() {
    let metrics = disabled();
    assert_eq!(metrics.encode_text().expect("the page encodes"), COMMENT);
    // The parser of Prometheus ignores such a line only if it is neither metadata nor blank.
    assert!(!COMMENT.starts_with("# HELP") && !COMMENT.starts_with("# TYPE"));
    let open = metrics.encode_openmetrics().expect("the page encodes");
    assert_eq!(open, "# EOF\n", "OpenMetrics has no comments");
    strict::check(&open, Format::OpenMetrics);
}

#[tokio::test]
async fn disabled_page_is_served_by_each_endpoint_in_the_format_that_is_asked_for() {
    let metrics = disabled();
    let app = Router::new()
        .route("/metrics", route_get(metrics_endpoint))
        .layer(metrics.layer())
        .route("/own", route_get(metrics.endpoint()))
        .route_service("/service", metrics.endpoint());
    for path in ["/metrics", "/own", "/service", "/metrics?name[]=app_build_info"] {
        let response = send(&app, Method::GET, path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/plain; version=0.0.4; charset=utf-8"
        );
        let body = response.into_body().collect().await.expect("the body does not fail");
        assert_eq!(body.to_bytes(), COMMENT, "{path}");

        let request = Request::get(path)
            .header(header::ACCEPT, "application/openmetrics-text; version=1.0.0")
            .header(header::ACCEPT_ENCODING, "gzip")
            .body(Body::empty())
            .expect("the request is well formed");
        let response = app.clone().oneshot(request).await.expect("a router does not fail");
        let media_type = response.headers()[header::CONTENT_TYPE].to_str().expect("text");
        assert!(media_type.starts_with("application/openmetrics-text"), "{media_type}");
        assert!(response.headers().get(header::CONTENT_ENCODING).is_none());
        let body = response.into_body().collect().await.expect("the body does not fail");
        assert_eq!(body.to_bytes(), "# EOF\n", "{path}");

        let head = send(&app, Method::HEAD, path).await;
        assert_eq!(head.headers()[header::CONTENT_LENGTH], COMMENT.len().to_string());
    }
    let posted = Request::post("/service").body(Body::empty()).expect("well formed");
    let refused = app.oneshot(posted).await.expect("a router does not fail");
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn disabled_page_behind_the_layer_of_an_enabled_instance_is_still_a_scrape() {
    let outer = metrics();
    let app = Router::new()
        .route("/metrics", route_get(metrics_endpoint))
        .layer(disabled().layer())
        .layer(outer.layer());
    for _ in 0..2 {
        assert_eq!(get(&app, "/metrics").await.1, COMMENT);
    }
    assert_eq!(settled(&outer).count("app_http_requests_total", &[]), 0);
}

#[test]
fn disabled_instance_exports_nothing_from_its_registry() {
    let registry = Registry::new();
    let builder = Metrics::builder().build_info([("version", "1")]).registry(registry.clone());
    #[cfg(feature = "process")]
    let builder = builder.process_metrics();
    let builder = builder.price("m", Price::per_million(1.0, 2.0));
    let metrics = builder.enabled(false).build().expect("the settings are valid");
    let orders = IntCounter::new("orders_total", "Orders.").expect("valid");
    metrics.registry().register(Box::new(orders.clone())).expect("the name is free");
    orders.inc();
    metrics.set_prices(Prices::new()).expect("the prices are valid");
    assert_eq!(metrics.encode_text().expect("the page encodes"), COMMENT);
    // The registry itself works: it has the application's own metrics, and none of ours.
    let names: Vec<_> = registry.gather().iter().map(|it| it.name().to_owned()).collect();
    assert_eq!(names, ["orders_total"]);
}

#[test]
fn disabled_instance_has_the_settings_errors_of_an_enabled_one() {
    let with = |change: fn(MetricsBuilder) -> MetricsBuilder| {
        [true, false].map(|enabled| {
            let error = change(Metrics::builder()).enabled(enabled).build();
            error.expect_err("a setting is wrong").to_string()
        })
    };
    let taken = |builder: MetricsBuilder| {
        let registry = Registry::new();
        let clash = IntCounter::new("app_http_requests_total", "Taken.").expect("valid");
        registry.register(Box::new(clash)).expect("the registry is empty");
        builder.registry(registry)
    };
    for [enabled, disabled] in [
        with(|builder| builder.prefix("7")),
        with(|builder| builder.label("a-b", "c").max_scrapes(0)),
        with(|builder| builder.buckets("no_such_family", [1.0])),
        with(|builder| builder.price("m", Price::per_million(-1.0, 0.0))),
        with(taken),
    ] {
        assert_eq!(enabled, disabled);
    }
}

#[test]
fn disabled_instance_takes_its_names_in_the_registry() {
    let registry = Registry::new();
    let build = || Metrics::builder().registry(registry.clone()).enabled(false).build();
    let first = build().expect("the registry is empty");
    assert!(matches!(build(), Err(BuildError::Registry(_))));
    drop(first);
    build().expect("the names are free again");
}

#[tokio::test]
async fn disabled_instance_replaces_an_old_file() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("shop.prom");
    let old = metrics();
    let app = Router::new().route("/", route_get(|| async {})).layer(old.layer());
    get(&app, "/").await;
    old.write_to_file(&path).await.expect("the file is written");
    let read = || std::fs::read_to_string(&path).expect("the file exists");
    assert!(read().contains("app_http_requests_total{"));
    disabled().write_to_file(&path).await.expect("the file is written");
    assert_eq!(read(), COMMENT);
}

#[cfg(feature = "push")]
#[tokio::test]
async fn disabled_instance_pushes_a_page_without_metrics() {
    let (address, received) = crate::push::gateway(StatusCode::OK).await;
    let group = streamgauge::PushGateway::new(address, "nightly");
    group.push(&disabled()).await.expect("the gateway accepts the request");
    group.add(&disabled()).await.expect("the gateway accepts the request");
    let received = received.lock().expect("the lock is not poisoned");
    let sent: Vec<_> = received.iter().map(|(method, _, body)| (&**method, &**body)).collect();
    assert_eq!(sent, [("PUT", COMMENT), ("POST", COMMENT)]);
}

#[test]
fn enabled_instance_shares_a_registry_with_a_disabled_one() {
    let registry = Registry::new();
    let off = Metrics::builder().prefix("off").registry(registry.clone()).enabled(false);
    let off = off.build_info([("version", "1")]).build().expect("the settings are valid");
    let on = Metrics::builder().prefix("on").registry(registry.clone());
    let on = on.build_info([("version", "1")]).build().expect("the settings are valid");
    let orders = IntCounter::new("orders_total", "Orders.").expect("valid");
    registry.register(Box::new(orders)).expect("the name is free");
    let page = streamgauge_test_support::page_of(&on);
    assert!(page.contains("on_build_info{") && page.contains("orders_total 0"), "{page}");
    assert!(!page.contains("off_"), "{page}");
    assert_eq!(off.encode_text().expect("the page encodes"), COMMENT);
}

#[tokio::test]
async fn disabled_page_is_served_on_a_port_of_its_own() {
    let metrics = disabled();
    let server = metrics.serve("127.0.0.1:0").await.expect("a port is free");
    let address = server.local_addr();
    let mut client = tokio::net::TcpStream::connect(address).await.expect("the server listens");
    let request = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    client.write_all(request).await.expect("the server reads");
    let mut received = String::new();
    client.read_to_string(&mut received).await.expect("the server answers");
    assert!(received.starts_with("HTTP/1.1 200") && received.ends_with(COMMENT), "{received}");
}
