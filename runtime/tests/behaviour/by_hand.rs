//! Usage recorded by hand beside replies that are read: only what is recorded while such a reply is polled
//! belongs to its call.

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

use crate::samples::{Frames, Io, OPENAI, Then, source};

/// A call of another model, of 11 tokens.
fn moderate() {
    token_usage_context::record(Usage::new(10, 1));
}

#[track_tokens(protocol = "openai", model = model)]
fn tracked(model: &'static str) -> Frames {
    Box::pin(source(OPENAI.whole(), Then::End))
}

#[streaming_metrics(protocol = "openai", model = "metered")]
fn metered() -> Frames {
    Box::pin(source(OPENAI.whole(), Then::End))
}

async fn after(handler: MethodRouter) -> Scrape {
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
async fn what_a_handler_records_beside_a_stream_is_another_call() {
    let beside_tracked = route_get(async || {
        let answer = tracked("tracked");
        moderate();
        Body::from_stream(answer)
    });
    let beside_metered = route_get(async || {
        let answer = metered();
        token_usage_context::handle().record(Usage::new(10, 1));
        Body::from_stream(answer)
    });
    for (handler, model) in [(beside_tracked, "tracked"), (beside_metered, "metered")] {
        let scrape = after(handler).await;
        assert_eq!((tokens(&scrape, model), calls(&scrape, model)), (OPENAI.total(), 1), "{model}");
        assert_eq!((tokens(&scrape, ""), calls(&scrape, "")), (11, 1), "{model}");
    }
}

#[tokio::test]
async fn what_is_recorded_between_the_items_of_a_stream_is_another_call() {
    let scrape = after(route_get(async || {
        Body::from_stream(async_stream::stream! {
            let mut answer = tracked("tracked");
            while let Some(item) = answer.next().await {
                moderate();
                yield item;
            }
            moderate();
        })
    }))
    .await;
    let items = i64::try_from(OPENAI.whole().len()).expect("they are few");
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
async fn a_stream_that_polls_another_records_for_itself() {
    let scrape = after(route_get(async || Body::from_stream(outer()))).await;
    assert_eq!((tokens(&scrape, "inner"), tokens(&scrape, "outer")), (OPENAI.total(), 550));
    assert_eq!((calls(&scrape, "inner"), calls(&scrape, "outer")), (1, 1));
}

#[tokio::test]
async fn a_request_that_polls_anothers_stream_records_for_itself() {
    let slot: Arc<tokio::sync::Mutex<Option<Frames>>> = Arc::default();
    let (made, polled) = (Arc::clone(&slot), Arc::clone(&slot));
    let metrics = metrics();
    let app = Router::new()
        .route("/a", route_get(async move || *made.lock().await = Some(tracked("of-a"))))
        .route(
            "/b",
            route_get(async move || {
                let _ = polled.lock().await.as_mut().expect("it was made").next().await;
                moderate();
            }),
        )
        .layer(metrics.layer());
    get(&app, "/a").await;
    get(&app, "/b").await;
    let mut rest = slot.lock().await.take().expect("it was made");
    while rest.next().await.is_some() {}
    let scrape = settled(&metrics);
    let tokens = |endpoint| scrape.sum("app_token_usage_total", &[("endpoint", endpoint)]);
    assert_eq!((tokens("/a"), tokens("/b")), (OPENAI.total(), 11));
}

#[tokio::test]
async fn what_is_recorded_after_a_stream_has_panicked_is_another_call() {
    #[track_tokens(protocol = "openai", model = "panics")]
    fn panics() -> Frames {
        Box::pin(source(vec![], Then::Panic))
    }
    let scrape = after(route_get(async || {
        let mut answer = panics();
        assert!(AssertUnwindSafe(answer.next()).catch_unwind().await.is_err(), "it panics");
        moderate();
        drop(answer);
    }))
    .await;
    assert_eq!((tokens(&scrape, "panics"), tokens(&scrape, "")), (0, 11));
}

/// A stream without end, which knows its usage when it is left.
struct Left;

impl Stream for Left {
    type Item = Io<Bytes>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Io<Bytes>>> {
        Poll::Ready(Some(Ok(Bytes::from_static(b"data: {\"choices\":[]}\n\n"))))
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        token_usage_context::record(Usage::new(7, 1));
    }
}

#[tokio::test]
async fn what_a_stream_records_when_it_is_dropped_is_its_own() {
    #[track_tokens(protocol = "openai", model = "left")]
    fn stream() -> impl Stream<Item = Io<Bytes>> + Send {
        Left
    }
    #[track_tokens(protocol = "openai", model = "left")]
    fn body() -> Body {
        Body::from_stream(Left)
    }
    #[streaming_metrics(protocol = "openai", model = "left")]
    async fn opaque() -> impl axum::response::IntoResponse {
        Body::from_stream(Left)
    }
    for handler in [
        route_get(async || Body::from_stream(stream())),
        route_get(async || body()),
        route_get(opaque),
    ] {
        let metrics = metrics();
        let app = Router::new().route("/", handler).layer(metrics.layer());
        let mut body = send(&app, Method::GET, "/").await.into_body();
        body.frame().await.expect("there is a frame").expect("it is no error");
        drop(body);
        let scrape = settled(&metrics);
        assert_eq!((tokens(&scrape, "left"), calls(&scrape, "left")), (8, 1), "{scrape:#?}");
        assert_eq!(calls(&scrape, ""), 0);
    }
}

#[tokio::test]
async fn several_records_while_a_stream_is_polled_add_up() {
    #[track_tokens(protocol = "openai", model = "spoken")]
    fn spoken() -> impl Stream<Item = Io<Bytes>> + Send {
        async_stream::stream! {
            for _ in 0..3 {
                moderate();
                yield Ok(Bytes::from_static(b"data: {\"choices\":[]}\n\n"));
            }
        }
    }
    let scrape = after(route_get(async || Body::from_stream(spoken()))).await;
    assert_eq!((tokens(&scrape, "spoken"), calls(&scrape, "spoken")), (33, 1));
}
