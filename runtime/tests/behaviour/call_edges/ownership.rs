//! Which call the tokens of a reply belong to, when calls are made within calls.

use std::pin::Pin;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use streamgauge::{Usage, streaming_metrics, token_usage_context, track_tokens};
use streamgauge_test_support::client::{get, metrics, send, settled};

use super::{
    CALLS, TOKENS, anthropic, app, ask, assert_no_call_is_current, calls_of, disconnect_after,
    events, frames, openai, rechunked, scrape_of, tokens,
};
use crate::sample_replies::{ANTHROPIC, Io, OPENAI};

#[tokio::test]
async fn stream_that_is_cut_off_beside_a_larger_call_keeps_its_usage() {
    // The handler asks a model of its own, after a tracked call that had more tokens.
    #[streaming_metrics(protocol = "anthropic", provider = "outer")]
    async fn outer() -> Response {
        ask(50_000, 500).await;
        events(frames(&ANTHROPIC))
    }
    let metrics = metrics();
    disconnect_after(&app(&metrics, route_get(outer)), 2).await;
    let scrape = settled(&metrics);
    assert_eq!((calls_of(&scrape, "outer"), calls_of(&scrape, "inner")), (1, 1), "{scrape:#?}");
    assert!(tokens(&scrape) > 50_500 + 1135, "{scrape:#?}");
}

#[tokio::test]
async fn stream_from_another_task_counts_once_when_the_client_disconnects() {
    #[streaming_metrics(protocol = "anthropic", provider = "outer")]
    async fn outer() -> Response {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let handle = token_usage_context::handle();
        tokio::spawn(handle.scope(async move {
            let mut reply = anthropic().await;
            while let Some(chunk) = reply.next().await {
                if sender.send(chunk).await.is_err() {
                    break;
                }
            }
        }));
        let chunks = stream::unfold(receiver, |mut receiver| async {
            Some((receiver.recv().await?, receiver))
        });
        events(Box::pin(chunks))
    }
    for frames in [1, 2, 3, 5] {
        let metrics = metrics();
        disconnect_after(&app(&metrics, route_get(outer)), frames).await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        let scrape = settled(&metrics);
        assert_eq!(scrape.sum(CALLS, &[]), 1, "{frames}: {scrape:#?}");
        let input = scrape.sum(TOKENS, &[("token_type", "input")]);
        assert_eq!(input, 1135, "{frames}: {scrape:#?}");
    }
    let scrape = scrape_of(route_get(outer)).await;
    assert_eq!((scrape.sum(CALLS, &[]), tokens(&scrape)), (1, ANTHROPIC.total()), "{scrape:#?}");
}

#[tokio::test]
async fn own_stream_that_replaces_a_tracked_one_keeps_its_usage() {
    // The handler sends the first chunk of a tracked stream, and then goes on with a stream of its
    // own.
    #[track_tokens(protocol = "openai", provider = "outer")]
    async fn outer() -> Response {
        let first = openai().await.take(1);
        events(Box::pin(first.chain(frames(&OPENAI))))
    }
    let scrape = scrape_of(route_get(outer)).await;
    assert_eq!(tokens(&scrape), OPENAI.total(), "{scrape:#?}");
}

#[tokio::test]
async fn tracked_stream_that_replaces_a_tracked_one_counts_once() {
    #[track_tokens(protocol = "anthropic", provider = "outer")]
    async fn outer() -> Response {
        let mut abandoned = anthropic().await;
        abandoned.next().await;
        abandoned.next().await;
        drop(abandoned);
        events(rechunked(anthropic().await))
    }
    let scrape = scrape_of(route_get(outer)).await;
    assert_eq!(calls_of(&scrape, "inner"), 2, "{scrape:#?}");
    assert_eq!(calls_of(&scrape, "outer"), 0, "{scrape:#?}");
    assert_eq!(scrape.sum(CALLS, &[("finish_reason", "cancelled")]), 1);
}

#[tokio::test]
async fn sum_of_replies_belongs_to_them_beside_a_cancelled_one() {
    // The usage of a reply that was dropped half-read is not part of what the handler adds up.
    #[track_tokens(provider = "outer")]
    async fn outer() -> Usage {
        let mut abandoned = anthropic().await;
        abandoned.next().await;
        drop(abandoned);
        ask(30, 12).await;
        ask(7, 5).await;
        Usage::new(37, 17)
    }
    let scrape = scrape_of(route_get(|| async {
        let _ = outer().await;
    }))
    .await;
    assert_eq!((calls_of(&scrape, "outer"), calls_of(&scrape, "inner")), (0, 3), "{scrape:#?}");
}

#[tokio::test]
async fn json_that_a_handler_builds_from_two_replies_counts_their_usage_once() {
    #[track_tokens(protocol = "openai", provider = "outer")]
    async fn outer() -> Response {
        tokio::join!(ask(30, 12), ask(30, 12));
        let json = "{\"object\":\"chat.completion\",\"choices\":[],\
                    \"usage\":{\"prompt_tokens\":60,\"completion_tokens\":24}}";
        ([(header::CONTENT_TYPE, "application/json")], json).into_response()
    }
    let scrape = scrape_of(route_get(outer)).await;
    assert_eq!((calls_of(&scrape, "outer"), calls_of(&scrape, "inner")), (0, 2), "{scrape:#?}");
    assert_eq!(tokens(&scrape), 84);
}

#[tokio::test]
async fn streams_that_a_generator_reads_at_once_count_once_each() {
    #[track_tokens(protocol = "auto", provider = "outer")]
    async fn outer() -> Response {
        events(Box::pin(async_stream::stream! {
            let (one, two) = (openai().await, anthropic().await);
            let mut replies = stream::select(one, two);
            while let Some(chunk) = replies.next().await {
                drop(chunk);
            }
            let mut unordered = futures_util::stream::FuturesUnordered::new();
            for n in 1..4 {
                unordered.push(ask(n, n));
            }
            while unordered.next().await.is_some() {}
            yield Ok(Bytes::from_static(b"data: done\n\n"));
        }))
    }
    let scrape = scrape_of(route_get(outer)).await;
    assert_eq!((calls_of(&scrape, "outer"), calls_of(&scrape, "inner")), (0, 5), "{scrape:#?}");
    assert_eq!(tokens(&scrape), OPENAI.total() + ANTHROPIC.total() + 12);
}

#[tokio::test]
async fn streams_without_protocol_in_a_generator_keep_equal_usage() {
    // Each step returns a stream, and records what it has cost.
    #[track_tokens(provider = "inner")]
    async fn step() -> Body {
        token_usage_context::record(Usage::new(5, 5));
        Body::from("step")
    }
    async fn handler() -> Response {
        events(Box::pin(async_stream::stream! {
            for _ in 0..3 {
                yield Ok(step().await.collect().await.expect("the body does not fail").to_bytes());
            }
        }))
    }
    let scrape = scrape_of(route_get(handler)).await;
    assert_eq!((scrape.sum(CALLS, &[]), tokens(&scrape)), (3, 30), "{scrape:#?}");
}

#[tokio::test]
async fn calls_that_return_streams_in_a_long_generator_do_not_overflow_the_stack() {
    #[track_tokens(provider = "inner")]
    async fn step() -> Body {
        Body::empty()
    }
    async fn handler() -> Response {
        events(Box::pin(async_stream::stream! {
            for _ in 0..20_000 {
                drop(step().await);
            }
            yield Ok(Bytes::from_static(b"data: done\n\n"));
        }))
    }
    let scrape = scrape_of(route_get(handler)).await;
    assert_eq!(scrape.sum(CALLS, &[]), 20_000);
}

#[tokio::test]
async fn call_to_a_router_of_another_instance_counts_in_both() {
    let (outer_metrics, inner_metrics) = (metrics(), metrics());
    let inner = app(
        &inner_metrics,
        route_get(|| async {
            let _ = ask(30, 12).await;
        }),
    );
    let handler = move || {
        let inner = inner.clone();
        async move {
            #[track_tokens(provider = "outer")]
            async fn outer(inner: Router) -> Usage {
                get(&inner, "/chat").await;
                Usage::new(30, 12)
            }
            let _ = outer(inner).await;
        }
    };
    get(&app(&outer_metrics, route_get(handler)), "/chat").await;
    let (outer, inner) = (settled(&outer_metrics), settled(&inner_metrics));
    assert_eq!((inner.sum(CALLS, &[]), tokens(&inner)), (1, 42), "{inner:#?}");
    assert_eq!((outer.sum(CALLS, &[]), tokens(&outer)), (1, 42), "{outer:#?}");
    assert_eq!(inner.values(CALLS, "provider"), ["inner"]);
}

#[tokio::test]
async fn call_to_a_router_of_the_same_instance_counts_once() {
    let metrics = metrics();
    let inner = Router::new().route("/inner", route_get(openai_response)).layer(metrics.layer());
    async fn openai_response() -> Response {
        events(openai().await)
    }
    let handler = move || {
        let inner = inner.clone();
        async move {
            #[track_tokens(provider = "outer", protocol = "openai")]
            async fn outer(inner: Router) -> Response {
                send(&inner, Method::GET, "/inner").await
            }
            outer(inner).await
        }
    };
    get(&app(&metrics, route_get(handler)), "/chat").await;
    let scrape = settled(&metrics);
    assert_eq!((scrape.sum(CALLS, &[]), tokens(&scrape)), (1, OPENAI.total()), "{scrape:#?}");
    assert_no_call_is_current().await;
}

#[tokio::test]
async fn every_shape_of_function_is_one_call() {
    #[track_tokens(provider = "shape")]
    fn synchronous() -> Usage {
        Usage::new(1, 0)
    }
    #[track_tokens(provider = "shape")]
    fn opaque() -> impl Future<Output = Usage> + Send {
        async { ask_inner().await }
    }
    #[track_tokens(provider = "shape")]
    fn boxed<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = Usage> + Send + 'a>> {
        Box::pin(async move { Usage::new(text.len() as u64, 0) })
    }
    #[track_tokens(provider = "shape")]
    async fn ask_inner() -> Usage {
        Usage::new(1, 0)
    }
    #[track_tokens(provider = "shape")]
    async fn generic<T: Send, const N: usize>(_values: [T; N]) -> Usage {
        Usage::new(1, 0)
    }
    #[track_tokens(provider = "shape")]
    async fn recursive(depth: u32) -> Usage {
        if depth == 0 { Usage::new(1, 0) } else { Box::pin(recursive(depth - 1)).await }
    }
    fn is_send_and_sync<T: Send + Sync>(value: T) -> T {
        value
    }
    async fn handler() {
        synchronous();
        is_send_and_sync(ask_inner()).await;
        is_send_and_sync(generic([1, 2])).await;
        opaque().await;
        boxed("a").await;
        recursive(50).await;
    }
    let scrape = scrape_of(route_get(handler)).await;
    assert_eq!((scrape.sum(CALLS, &[]), tokens(&scrape)), (6, 6), "{scrape:#?}");
}

#[tokio::test]
async fn subscriber_that_records_usage_does_not_block() {
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

    struct Records;
    impl<S: tracing::Subscriber> Layer<S> for Records {
        fn on_event(&self, _event: &tracing::Event<'_>, _context: Context<'_, S>) {
            token_usage_context::record(Usage::new(1, 1));
            drop(token_usage_context::handle());
        }
    }
    #[track_tokens(protocol = "openai", provider = "outer")]
    #[streaming_metrics(protocol = "openai")]
    async fn failing() -> Result<Sse<stream::Empty<Io<Event>>>, StatusCode> {
        streamgauge::track_detailed_exception(&std::fmt::Error, StatusCode::BAD_GATEWAY);
        Err(StatusCode::BAD_GATEWAY)
    }
    #[streamgauge::instrument_endpoint]
    async fn handler() -> Result<(), StatusCode> {
        drop(failing().await?);
        Ok(())
    }
    let subscriber = tracing_subscriber::registry().with(Records);
    let _subscribed = tracing::subscriber::set_default(subscriber);
    let metrics = metrics();
    get(&app(&metrics, route_get(handler)), "/chat").await;
    let scrape = settled(&metrics);
    assert!(tokens(&scrape) >= 2, "{scrape:#?}");
}
