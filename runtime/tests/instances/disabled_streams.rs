//! Streams that are created in a request of a disabled instance and polled outside of it.

use std::io;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get as route_get;
use futures_util::{Stream, StreamExt, stream};
use streamgauge::{
    Metrics, Usage, streaming_metrics, token_usage_context, track_detailed_exception,
    track_global_exception, track_tokens, wrap_streaming_response,
};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::get;

use crate::processes::{block_on, in_new_process};
use crate::warnings::events_in_new_process;

#[track_tokens(provider = "house", model = "m")]
async fn ask() -> Usage {
    Usage::new(2, 1)
}

type Chunk = Result<Bytes, io::Error>;

/// Records in every way while it is polled, and when it is dropped.
fn source() -> impl Stream<Item = Chunk> + Send + 'static {
    struct RecordsOnDrop;

    impl Drop for RecordsOnDrop {
        fn drop(&mut self) {
            token_usage_context::record(Usage::new(1, 1));
        }
    }

    let guard = RecordsOnDrop;
    let chunks = stream::iter(0..2).then(|_| async {
        ask().await;
        token_usage_context::record(Usage::new(1, 1));
        track_detailed_exception(&io::Error::other("no"), StatusCode::CONFLICT);
        track_global_exception(&std::fmt::Error);
        wrap_streaming_response(stream::iter([Bytes::from("1")]), "/inner").count().await;
        Ok(Bytes::from("data: {}\n\n"))
    });
    chunks.chain(stream::once(async move {
        drop(guard);
        Ok(Bytes::from("data: [DONE]\n\n"))
    }))
}

#[streaming_metrics(model = "m")]
async fn metered() -> impl Stream<Item = Chunk> {
    source()
}

#[streaming_metrics(media_type = "text/plain", protocol = "openai", model = "m")]
async fn metered_response() -> impl Stream<Item = Chunk> {
    source()
}

#[track_tokens(protocol = "openai", model = "m")]
async fn tracked() -> impl Stream<Item = Chunk> {
    source()
}

#[track_tokens(protocol = "openai", model = "m")]
async fn tracked_response() -> Response {
    Response::new(Body::from_stream(source()))
}

/// Reads one stream to its end and another one in part, in a task of their own.
async fn read(whole: impl Stream + Send + 'static, part: impl Stream + Send + 'static) {
    let reader = tokio::spawn(async move {
        Box::pin(whole).for_each(|_| async {}).await;
        Box::pin(part).next().await;
    });
    reader.await.expect("the task does not panic");
}

fn data(response: Response) -> impl Stream + Send + 'static {
    response.into_body().into_data_stream()
}

fn app(metrics: &Metrics) -> Router {
    let wrapped = || wrap_streaming_response(source(), "/wrapped");
    Router::new()
        .route("/wrapped", route_get(move || read(wrapped(), wrapped())))
        .route("/metered", route_get(|| async { read(metered().await, metered().await).await }))
        .route("/tracked", route_get(|| async { read(tracked().await, tracked().await).await }))
        .route(
            "/metered_response",
            route_get(|| async {
                read(data(metered_response().await), data(metered_response().await)).await;
            }),
        )
        .route(
            "/tracked_response",
            route_get(|| async {
                read(data(tracked_response().await), data(tracked_response().await)).await;
            }),
        )
        .layer(metrics.layer())
}

#[test]
fn streams_of_a_disabled_request_record_nothing_in_other_tasks() {
    events_in_new_process(
        "disabled_streams::streams_of_a_disabled_request_record_nothing_in_other_tasks",
        || async {
            let metrics = Metrics::builder().enabled(false).build().expect("valid");
            let page = || Metrics::global().encode_text().expect("the page encodes");
            let before = page();
            let paths =
                ["/wrapped", "/metered", "/tracked", "/metered_response", "/tracked_response"];
            for path in paths {
                assert_eq!(get(&app(&metrics), path).await.0, StatusCode::OK);
                assert!(page() == before, "{path}: {}", page());
            }
        },
        |events| assert_eq!(events, [""; 0]),
    );
}

#[test]
fn stream_of_a_disabled_request_leaves_the_records_of_the_task_alone() {
    let name =
        "disabled_streams::stream_of_a_disabled_request_leaves_the_records_of_the_task_alone";
    in_new_process(name, || {
        block_on(async {
            let enabled = Metrics::builder().build().expect("valid");
            let inner = Router::new()
                .route("/ask", route_get(|| async { ask().await.total().to_string() }));
            let inner = inner.layer(enabled.layer());
            let asks_inner = move || {
                let inner = inner.clone();
                let source = stream::once(async move {
                    get(&inner, "/ask").await;
                    Bytes::from("1")
                });
                async move {
                    let wrapped = wrap_streaming_response(source, "/wrapped");
                    let reader = tokio::spawn(async move {
                        let mut wrapped = Box::pin(wrapped);
                        // The task itself belongs to no request.
                        ask().await;
                        wrapped.next().await;
                        ask().await;
                    });
                    reader.await.expect("the task does not panic");
                }
            };
            let disabled = Metrics::builder().enabled(false).build().expect("valid");
            let outer = Router::new().route("/outer", route_get(asks_inner));
            get(&outer.layer(disabled.layer()), "/outer").await;
            let calls = |metrics| Scrape::of(metrics).sum("app_llm_calls_total", &[]);
            assert_eq!((calls(&enabled), calls(Metrics::global())), (1, 2));
        });
    });
}
