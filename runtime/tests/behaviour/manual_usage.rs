//! Usage that code records itself, beside replies that are parsed: only usage recorded while such
//! a reply is polled belongs to its call.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Method;
use axum::routing::{MethodRouter, get as route_get};
use futures_core::Stream;
use futures_util::{FutureExt, StreamExt};
use http_body_util::BodyExt;
use streamgauge::{Usage, streaming_metrics, token_usage_context, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, send, settled};

use crate::sample_replies::{Ending, Frames, Io, OPENAI, source};

/// Records a call to another model, for example one that moderates the input: 11 tokens.
fn record_moderation_call() {
    token_usage_context::record(Usage::new(10, 1));
}

#[track_tokens(protocol = "openai", model = model)]
fn tracked(model: &'static str) -> Frames {
    Box::pin(source(OPENAI.frames(), Ending::Complete))
}

#[streaming_metrics(protocol = "openai", model = "metered")]
fn metered() -> Frames {
    Box::pin(source(OPENAI.frames(), Ending::Complete))
}

async fn scrape_after(handler: MethodRouter) -> Scrape {
    let metrics = metrics();
    get(&Router::new().route("/", handler).layer(metrics.layer()), "/").await;
    settled(&metrics)
}

fn tokens(scrape: &Scrape, model: &str) -> i64 {
    scrape.sum("app_token_usage_total", &[("model", model)])
}

fn calls(scrape: &Scrape, model: &str) -> i64 {
    scrape.sum("app_llm_calls_total", &[("model", model)])
}

#[tokio::test]
async fn manual_usage_beside_a_stream_is_another_call() {
    let beside_tracked = route_get(async || {
        let answer = tracked("tracked");
        record_moderation_call();
        Body::from_stream(answer)
    });
    let beside_metered = route_get(async || {
        let answer = metered();
        token_usage_context::handle().record(Usage::new(10, 1));
        Body::from_stream(answer)
    });
    for (handler, model) in [(beside_tracked, "tracked"), (beside_metered, "metered")] {
        let scrape = scrape_after(handler).await;
        assert_eq!((tokens(&scrape, model), calls(&scrape, model)), (OPENAI.total(), 1), "{model}");
        assert_eq!((tokens(&scrape, ""), calls(&scrape, "")), (11, 1), "{model}");
    }
}

#[tokio::test]
async fn manual_usage_between_the_chunks_of_a_stream_is_another_call() {
    let scrape = scrape_after(route_get(async || {
        Body::from_stream(async_stream::stream! {
            let mut answer = tracked("tracked");
            while let Some(item) = answer.next().await {
                record_moderation_call();
                yield item;
            }
            record_moderation_call();
        })
    }))
    .await;
    let items = i64::try_from(OPENAI.frames().len()).expect("the number of frames fits");
    assert_eq!((tokens(&scrape, "tracked"), calls(&scrape, "tracked")), (OPENAI.total(), 1));
    assert_eq!((tokens(&scrape, ""), calls(&scrape, "")), (11 * (items + 1), items + 1));
}

#[track_tokens(protocol = "openai", model = "outer")]
fn outer() -> impl Stream<Item = Io<Bytes>> + Send {
    async_stream::stream! {
        let mut inner = tracked("inner");
        let _ = inner.next().await;
        token_usage_context::record(Usage::new(500, 50));
        while inner.next().await.is_some() {}
        yield Ok(Bytes::from_static(b"data: [DONE]\n\n"));
    }
}

#[tokio::test]
async fn manual_usage_in_an_outer_stream_belongs_to_the_outer_stream() {
    let scrape = scrape_after(route_get(async || Body::from_stream(outer()))).await;
    assert_eq!((tokens(&scrape, "inner"), tokens(&scrape, "outer")), (OPENAI.total(), 550));
    assert_eq!((calls(&scrape, "inner"), calls(&scrape, "outer")), (1, 1));
}

#[tokio::test]
async fn manual_usage_belongs_to_the_request_that_records_it() {
    let slot: Arc<tokio::sync::Mutex<Option<Frames>>> = Arc::default();
    let (created, polled) = (Arc::clone(&slot), Arc::clone(&slot));
    let metrics = metrics();
    let app = Router::new()
        .route("/a", route_get(async move || *created.lock().await = Some(tracked("of-a"))))
        .route(
            "/b",
            route_get(async move || {
                let _ =
                    polled.lock().await.as_mut().expect("the stream has been created").next().await;
                record_moderation_call();
            }),
        )
        .layer(metrics.layer());
    get(&app, "/a").await;
    get(&app, "/b").await;
    let mut rest = slot.lock().await.take().expect("the stream has been created");
    while rest.next().await.is_some() {}
    let scrape = settled(&metrics);
    let tokens = |endpoint| scrape.sum("app_token_usage_total", &[("endpoint", endpoint)]);
    assert_eq!((tokens("/a"), tokens("/b")), (OPENAI.total(), 11));
}

#[tokio::test]
async fn manual_usage_after_a_panicked_stream_is_another_call() {
    #[track_tokens(protocol = "openai", model = "panics")]
    fn panics() -> Frames {
        Box::pin(source(vec![], Ending::Panic))
    }
    let scrape = scrape_after(route_get(async || {
        let mut answer = panics();
        assert!(AssertUnwindSafe(answer.next()).catch_unwind().await.is_err(), "the stream panics");
        record_moderation_call();
        drop(answer);
    }))
    .await;
    assert_eq!((tokens(&scrape, "panics"), tokens(&scrape, "")), (0, 11));
}

/// An endless stream that records its usage when it is dropped.
struct RecordsOnDrop;

impl Stream for RecordsOnDrop {
    type Item = Io<Bytes>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Io<Bytes>>> {
        Poll::Ready(Some(Ok(Bytes::from_static(b"data: {\"choices\":[]}\n\n"))))
    }
}

impl Drop for RecordsOnDrop {
    fn drop(&mut self) {
        token_usage_context::record(Usage::new(7, 1));
    }
}

#[tokio::test]
async fn manual_usage_on_drop_of_a_stream_belongs_to_that_stream() {
    #[track_tokens(protocol = "openai", model = "endless")]
    fn stream() -> impl Stream<Item = Io<Bytes>> + Send {
        RecordsOnDrop
    }
    #[track_tokens(protocol = "openai", model = "endless")]
    fn body() -> Body {
        Body::from_stream(RecordsOnDrop)
    }
    #[streaming_metrics(protocol = "openai", model = "endless")]
    async fn opaque() -> impl axum::response::IntoResponse {
        Body::from_stream(RecordsOnDrop)
    }
    for handler in [
        route_get(async || Body::from_stream(stream())),
        route_get(async || body()),
        route_get(opaque),
    ] {
        let metrics = metrics();
        let app = Router::new().route("/", handler).layer(metrics.layer());
        let mut body = send(&app, Method::GET, "/").await.into_body();
        body.frame().await.expect("the body has a frame").expect("the frame is not an error");
        drop(body);
        let scrape = settled(&metrics);
        assert_eq!((tokens(&scrape, "endless"), calls(&scrape, "endless")), (8, 1), "{scrape:#?}");
        assert_eq!(calls(&scrape, ""), 0);
    }
}

#[tokio::test]
async fn manual_usage_recorded_several_times_by_a_stream_is_summed() {
    #[track_tokens(protocol = "openai", model = "recording")]
    fn recording() -> impl Stream<Item = Io<Bytes>> + Send {
        async_stream::stream! {
            for _ in 0..3 {
                record_moderation_call();
                yield Ok(Bytes::from_static(b"data: {\"choices\":[]}\n\n"));
            }
        }
    }
    let scrape = scrape_after(route_get(async || Body::from_stream(recording()))).await;
    assert_eq!((tokens(&scrape, "recording"), calls(&scrape, "recording")), (33, 1));
}
