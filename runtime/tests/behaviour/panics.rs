//! Panics: one failure each, whoever catches them and wherever.

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

/// Catches the panic of an annotated function, and goes on.
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
async fn a_panic_that_nobody_catches_is_one_failure() {
    for path in ["/annotated", "/plain"] {
        let metrics = metrics();
        let app = routes().layer(metrics.layer());
        assert!(AssertUnwindSafe(get(&app, path)).catch_unwind().await.is_err());
        assert_one_panic(&settled(&metrics), path, "500");
    }
}

#[tokio::test]
async fn a_panic_that_is_caught_outside_the_layer_is_one_failure() {
    for path in ["/annotated", "/plain"] {
        let metrics = metrics();
        let app = routes().layer(metrics.layer()).layer(CatchPanicLayer::new());
        assert_eq!(get(&app, path).await.0, StatusCode::INTERNAL_SERVER_ERROR);
        assert_one_panic(&settled(&metrics), path, "500");
    }
}

#[tokio::test]
async fn a_panic_of_an_annotated_handler_that_is_caught_inside_is_one_failure() {
    let metrics = metrics();
    let app = routes().layer(CatchPanicLayer::new()).layer(metrics.layer());
    assert_eq!(get(&app, "/annotated").await.0, StatusCode::INTERNAL_SERVER_ERROR);
    assert_one_panic(&settled(&metrics), "/annotated", "500");
}

#[tokio::test]
async fn a_panic_caught_inside_that_nothing_tells_of_is_the_error_it_became() {
    let metrics = metrics();
    let app = routes().layer(CatchPanicLayer::new()).layer(metrics.layer());
    get(&app, "/plain").await;
    let scrape = settled(&metrics);
    let labels = [("endpoint", "/plain"), ("status", "500"), ("outcome", "server_error")];
    assert_eq!(scrape.sum("app_http_requests_total", &labels), 1);
    assert_eq!(scrape.sum("app_errors_total", &[("error_type", "server")]), 1);
}

#[tokio::test]
async fn a_panic_that_the_handler_has_dealt_with_is_no_failure() {
    let metrics = metrics();
    let app = routes().layer(metrics.layer());
    assert_eq!(get(&app, "/catches").await.1, "caught");
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[("outcome", "success")]), 1);
    assert_eq!(scrape.sum("app_global_exceptions_total", &[]), 0);
}

#[tokio::test]
async fn a_server_error_without_a_panic_is_none() {
    let metrics = metrics();
    let app = routes().layer(CatchPanicLayer::new()).layer(metrics.layer());
    get(&app, "/refuses").await;
    assert_eq!(settled(&metrics).sum("app_global_exceptions_total", &[]), 0);
}

#[tokio::test]
async fn a_panic_in_a_stream_is_one_failure_of_the_request_and_one_of_the_stream() {
    let metrics = metrics();
    let app = routes().layer(CatchPanicLayer::new()).layer(metrics.layer());
    let mut body: Body = send(&app, Method::GET, "/streams").await.into_body();
    body.frame().await.expect("there is a frame").expect("it is no error");
    assert!(AssertUnwindSafe(body.frame()).catch_unwind().await.is_err());
    drop(body);
    let scrape = settled(&metrics);
    assert_one_panic(&scrape, "/streams", "200");
    assert_eq!(scrape.sum("app_stream_errors_total", &[("error_type", "panic")]), 1);
}

#[tokio::test]
async fn a_panic_on_a_skipped_path_passes_on_uncounted() {
    let metrics = Metrics::builder().skip_paths(["/annotated"]).build().expect("valid");
    let app = routes().layer(metrics.layer());
    assert!(AssertUnwindSafe(get(&app, "/annotated")).catch_unwind().await.is_err());
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_global_exceptions_total", &[]), 0);
    assert_eq!(scrape.sum("app_http_requests_total", &[]), 0);
}

#[tokio::test]
async fn a_request_that_another_ones_panic_drops_was_left() {
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
    let left = [("endpoint", "/slow"), ("status", "499"), ("outcome", "cancelled")];
    assert_eq!(scrape.sum("app_http_requests_total", &left), 1);
    assert_eq!(scrape.sum("app_global_exceptions_total", &[]), 1);
}

/// A subscriber that cannot hear of failures.
struct Overwhelmed;

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Overwhelmed {
    fn on_event(
        &self,
        event: &tracing::Event<'_>,
        _context: tracing_subscriber::layer::Context<'_, S>,
    ) {
        assert!(event.metadata().target() != "streamgauge", "of all things, a failure");
    }
}

#[tokio::test]
async fn a_subscriber_that_panics_leaves_the_numbers_whole() {
    let metrics = metrics();
    let app = Router::new().route("/", route_get(streams)).layer(metrics.layer());
    let subscriber = tracing_subscriber::registry().with(Overwhelmed);
    let _subscriber = tracing::subscriber::set_default(subscriber);
    let mut body = send(&app, Method::GET, "/").await.into_body();
    let read = AssertUnwindSafe(async { while body.frame().await.is_some() {} }).catch_unwind();
    assert!(read.await.is_err(), "the body panics");
    let told = std::panic::catch_unwind(AssertUnwindSafe(|| drop(body)));
    assert!(told.is_err(), "the subscriber panics, too");
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[("outcome", "panic")]), 1);
    assert_eq!(scrape.sum("app_global_exceptions_total", &[("exception_type", "panic")]), 1);
}
