//! Endpoints that are names of functions: batch jobs, timers and queue workers.

use axum::Router;
use axum::body::Bytes;
use axum::routing::get as route_get;
use futures_util::{Stream, StreamExt, stream};
use streamgauge::{
    Metrics, Usage, instrument_endpoint, streaming_metrics, track_tokens, wrap_streaming_response,
};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, settled};

use crate::log::Log;

#[tokio::test]
async fn named_endpoints_are_recorded_outside_any_request() {
    #[instrument_endpoint(endpoint = "nightly_import")]
    #[track_tokens(endpoint = "nightly_import", model = "small-1")]
    async fn import() -> Usage {
        Usage::new(3, 4)
    }
    #[streaming_metrics(endpoint = "jobs::export")]
    fn export() -> impl Stream<Item = Bytes> {
        stream::iter([Bytes::from("row")])
    }
    import().await;
    export().collect::<Vec<_>>().await;
    let rows = stream::iter([Bytes::from("row")]);
    wrap_streaming_response(rows, "nightly_rows").collect::<Vec<_>>().await;

    let scrape = Scrape::of(Metrics::global());
    let sum = |family: &str, endpoint: &str| scrape.sum(family, &[("endpoint", endpoint)]);
    assert_eq!(sum("app_http_requests_total", "nightly_import"), 1);
    assert_eq!(sum("app_token_usage_total", "nightly_import"), 7);
    assert_eq!(sum("app_stream_chunks_total", "jobs::export"), 1);
    assert_eq!(sum("app_stream_chunks_total", "nightly_rows"), 1);
}

#[tokio::test]
async fn named_endpoint_of_a_handler_is_recorded_and_warned_about_once() {
    #[instrument_endpoint(endpoint = "items")]
    async fn items() -> &'static str {
        "items"
    }
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let metrics = metrics();
    let app = Router::new().route("/items", route_get(items)).layer(metrics.layer());
    get(&app, "/items").await;
    get(&app, "/items").await;
    drop(guard);

    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[("endpoint", "items")]), 2);
    let text = log.text();
    assert_eq!(text.matches("begins with `/`").count(), 1, "{text}");
}
