//! All three attributes on one handler, in every order.

use axum::Router;
use axum::body::Bytes;
use axum::routing::get as route_get;
use futures_core::Stream;
use streamgauge::{
    Usage, instrument_endpoint, streaming_metrics, token_usage_context, track_tokens,
};
use streamgauge_test_support::client::{get, metrics, settled};

fn chunks() -> impl Stream<Item = Bytes> {
    async_stream::stream! {
        yield Bytes::from("one");
        token_usage_context::record(Usage::new(2, 3));
        yield Bytes::from("two");
    }
}

/// Handlers with the attributes in the given order, named by their initials: `i` for
/// `instrument_endpoint`, `s` for `streaming_metrics`, `t` for `track_tokens`.
macro_rules! handlers {
    ($($name:ident: $first:meta, $second:meta, $third:meta;)*) => {
        $(
            #[$first]
            #[$second]
            #[$third]
            async fn $name() -> impl Stream<Item = Bytes> {
                chunks()
            }
        )*

        fn app() -> (Router<()>, Vec<&'static str>) {
            let router = Router::new()$(.route(concat!("/", stringify!($name)), route_get($name)))*;
            (router, vec![$(concat!("/", stringify!($name))),*])
        }
    };
}

handlers! {
    ist: instrument_endpoint, streaming_metrics(media_type = "text/plain"),
        track_tokens(model = "m");
    its: instrument_endpoint, track_tokens(model = "m"),
        streaming_metrics(media_type = "text/plain");
    sit: streaming_metrics(media_type = "text/plain"),
        instrument_endpoint, track_tokens(model = "m");
    sti: streaming_metrics(media_type = "text/plain"),
        track_tokens(model = "m"), instrument_endpoint;
    tis: track_tokens(model = "m"),
        instrument_endpoint, streaming_metrics(media_type = "text/plain");
    tsi: track_tokens(model = "m"),
        streaming_metrics(media_type = "text/plain"), instrument_endpoint;
}

#[tokio::test]
async fn attribute_order_does_not_change_the_counts() {
    let metrics = metrics();
    let (router, paths) = app();
    let app = router.layer(metrics.layer());
    for path in paths {
        assert_eq!(get(&app, path).await.1, "onetwo");
        let scrape = settled(&metrics);
        let labels = [("endpoint", path)];
        assert_eq!(scrape.sum("app_http_requests_total", &labels), 1, "{path}");
        assert_eq!(scrape.sum("app_stream_duration_seconds_count", &labels), 1, "{path}");
        assert_eq!(scrape.sum("app_stream_chunks_total", &labels), 2, "{path}");
        assert_eq!(scrape.sum("app_stream_bytes_total", &labels), 6, "{path}");
        assert_eq!(scrape.sum("app_token_usage_total", &labels), 5, "{path}");
        assert_eq!(scrape.sum("app_llm_calls_total", &labels), 1, "{path}");
        assert_eq!(scrape.sum("app_usage_missing_total", &labels), 0, "{path}");
    }
}

/// Handlers of which only one attribute has an `endpoint` argument.
macro_rules! with_endpoint {
    ($($name:ident: $first:meta, $second:meta, $third:meta;)*) => {$(
        #[$first]
        #[$second]
        #[$third]
        async fn $name() -> impl Stream<Item = Bytes> {
            chunks()
        }
    )*};
}

with_endpoint! {
    inside: instrument_endpoint(endpoint = "/inside"),
        track_tokens, streaming_metrics(media_type = "a/b");
    outside: track_tokens, streaming_metrics(media_type = "a/b"),
        instrument_endpoint(endpoint = "/outside");
}

#[tokio::test]
async fn endpoint_argument_of_one_attribute_applies_to_all() {
    let metrics = metrics();
    let app = Router::new()
        .route("/a", route_get(inside))
        .route("/b", route_get(outside))
        .layer(metrics.layer());
    for (path, endpoint) in [("/a", "/inside"), ("/b", "/outside")] {
        get(&app, path).await;
        let scrape = settled(&metrics);
        let labels = [("endpoint", endpoint)];
        assert_eq!(scrape.sum("app_http_requests_total", &labels), 1);
        assert_eq!(scrape.sum("app_stream_chunks_total", &labels), 2);
        assert_eq!(scrape.sum("app_token_usage_total", &labels), 5);
    }
}
