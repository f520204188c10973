//! Panics: each is one failure, wherever it is caught.

use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use axum::routing::get as route_get;
use futures_util::FutureExt;
use http_body_util::BodyExt;
use streamgauge::{Metrics, instrument_endpoint, streaming_metrics};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, send, settled};
use tower_http::catch_panic::CatchPanicLayer;
use tracing_subscriber::layer::SubscriberExt;

#[instrument_endpoint]
async fn annotated() {
    panic!("on purpose")
}

async fn plain() {
    panic!("on purpose")
}

/// Catches the panic of an annotated function and continues.
async fn catches() -> &'static str {
    let caught = AssertUnwindSafe(annotated()).catch_unwind().await;
    if caught.is_err() { "caught" } else { "done" }
}

#[instrument_endpoint]
async fn refuses() -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

#[instrument_endpoint]
#[streaming_metrics(media_type = "text/plain")]
async fn streams() -> impl futures_core::Stream<Item = &'static str> {
    async_stream::stream! {
        yield "one";
        panic!("on purpose");
    }
}

fn routes() -> Router {
    Router::new()
        .route("/annotated", route_get(annotated))
        .route("/plain", route_get(plain))
        .route("/catches", route_get(catches))
        .route("/refuses", route_get(refuses))
        .route("/streams", route_get(streams))
}

fn assert_one_panic(scrape: &Scrape, endpoint: &str, status: &str) {
    let labels = [("endpoint", endpoint), ("status", status)];
    let panic = [labels[0], labels[1], ("outcome", "panic")];
    assert_eq!(scrape.sum("app_http_requests_total", &panic), 1, "{endpoint}");
    assert_eq!(scrape.sum("app_http_requests_total", &[]), 1, "{endpoint}");
    let error = [labels[0], labels[1], ("error_type", "panic")];
    assert_eq!(scrape.sum("app_errors_total", &error), 1, "{endpoint}");
    assert_eq!(scrape.sum("app_errors_total", &[]), 1, "{endpoint}");
    assert_eq!(scrape.sum("app_global_exceptions_total", &[("exception_type", "panic")]), 1);
    assert_eq!(scrape.sum("app_global_exceptions_total", &[]), 1, "{endpoint}");
    assert_eq!(scrape.sum("app_exceptions_total", &[]), 0, "{endpoint}");
}

#[tokio::test]
async fn panic_without_a_catch_is_one_failure() {
    for path in ["/annotated", "/plain"] {
        let metrics = metrics();
        let app = routes().layer(metrics.layer());
        assert!(AssertUnwindSafe(get(&app, path)).catch_unwind().await.is_err());
        assert_one_panic(&settled(&metrics), path, "500");
    }
}

#[tokio::test]
async fn panic_caught_outside_the_layer_is_one_failure() {
    for path in ["/annotated", "/plain"] {
        let metrics = metrics();
        let app = routes().layer(metrics.layer()).layer(CatchPanicLayer::new());
        assert_eq!(get(&app, path).await.0, StatusCode::INTERNAL_SERVER_ERROR);
        assert_one_panic(&settled(&metrics), path, "500");
    }
}

#[tokio::test]
async fn panic_of_an_annotated_handler_caught_inside_the_layer_is_one_failure() {
    let metrics = metrics();
    let app = routes().layer(CatchPanicLayer::new()).layer(metrics.layer());
    assert_eq!(get(&app, "/annotated").await.0, StatusCode::INTERNAL_SERVER_ERROR);
    assert_one_panic(&settled(&metrics), "/annotated", "500");
}

#[tokio::test]
async fn panic_of_a_plain_handler_caught_inside_the_layer_is_a_server_error() {
    let metrics = metrics();
    let app = routes().layer(CatchPanicLayer::new()).layer(metrics.layer());
    get(&app, "/plain").await;
    let scrape = settled(&metrics);
    let labels = [("endpoint", "/plain"), ("status", "500"), ("outcome", "server_error")];
    assert_eq!(scrape.sum("app_http_requests_total", &labels), 1);
    assert_eq!(scrape.sum("app_errors_total", &[("error_type", "server")]), 1);
}

#[tokio::test]
async fn panic_caught_by_the_handler_is_not_a_failure() {
    let metrics = metrics();
    let app = routes().layer(metrics.layer());
    assert_eq!(get(&app, "/catches").await.1, "caught");
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[("outcome", "success")]), 1);
    assert_eq!(scrape.sum("app_global_exceptions_total", &[]), 0);
}

#[tokio::test]
async fn server_error_without_a_panic_is_not_an_exception() {
    let metrics = metrics();
    let app = routes().layer(CatchPanicLayer::new()).layer(metrics.layer());
    get(&app, "/refuses").await;
    assert_eq!(settled(&metrics).sum("app_global_exceptions_total", &[]), 0);
}

#[tokio::test]
async fn panic_in_a_stream_is_one_failure_of_request_and_stream() {
    let metrics = metrics();
    let app = routes().layer(CatchPanicLayer::new()).layer(metrics.layer());
    let mut body: Body = send(&app, Method::GET, "/streams").await.into_body();
    body.frame().await.expect("the body has a frame").expect("the frame is not an error");
    assert!(AssertUnwindSafe(body.frame()).catch_unwind().await.is_err());
    drop(body);
    let scrape = settled(&metrics);
    assert_one_panic(&scrape, "/streams", "200");
    assert_eq!(scrape.sum("app_stream_errors_total", &[("error_type", "panic")]), 1);
}

#[tokio::test]
async fn panic_on_a_skipped_path_is_propagated_and_not_counted() {
    let metrics = Metrics::builder().skip_paths(["/annotated"]).build().expect("valid");
    let app = routes().layer(metrics.layer());
    assert!(AssertUnwindSafe(get(&app, "/annotated")).catch_unwind().await.is_err());
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_global_exceptions_total", &[]), 0);
    assert_eq!(scrape.sum("app_http_requests_total", &[]), 0);
}

#[tokio::test]
async fn request_dropped_by_the_panic_of_another_is_cancelled() {
    let metrics = metrics();
    let slow = Router::new()
        .route("/slow", route_get(std::future::pending::<()>))
        .route("/panic", route_get(plain))
        .layer(metrics.layer());
    let both = async {
        futures_util::join!(send(&slow, Method::GET, "/slow"), send(&slow, Method::GET, "/panic"))
    };
    assert!(AssertUnwindSafe(both).catch_unwind().await.is_err());
    let scrape = settled(&metrics);
    let cancelled = [("endpoint", "/slow"), ("status", "499"), ("outcome", "cancelled")];
    assert_eq!(scrape.sum("app_http_requests_total", &cancelled), 1);
    assert_eq!(scrape.sum("app_global_exceptions_total", &[]), 1);
}

/// A subscriber that panics on every event of the library.
struct PanickingSubscriber;

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for PanickingSubscriber {
    fn on_event(
        &self,
        event: &tracing::Event<'_>,
        _context: tracing_subscriber::layer::Context<'_, S>,
    ) {
        assert!(event.metadata().target() != "streamgauge", "on purpose");
    }
}

#[tokio::test]
async fn panic_of_a_subscriber_does_not_change_the_counts() {
    let metrics = metrics();
    let app = Router::new().route("/", route_get(streams)).layer(metrics.layer());
    let subscriber = tracing_subscriber::registry().with(PanickingSubscriber);
    let _subscriber = tracing::subscriber::set_default(subscriber);
    let mut body = send(&app, Method::GET, "/").await.into_body();
    let read = AssertUnwindSafe(async { while body.frame().await.is_some() {} }).catch_unwind();
    assert!(read.await.is_err(), "the body panics");
    let dropped = std::panic::catch_unwind(AssertUnwindSafe(|| drop(body)));
    assert!(dropped.is_err(), "the subscriber panics as well");
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[("outcome", "panic")]), 1);
    assert_eq!(scrape.sum("app_global_exceptions_total", &[("exception_type", "panic")]), 1);
}
