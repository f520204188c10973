//! Calls that end early: cancelled, dropped or panicked, and why they failed.

use std::pin::Pin;

use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::response::sse::{Event, Sse};
use axum::routing::get as route_get;
use futures_util::{FutureExt, Stream, StreamExt, poll, stream};
use streamgauge::call::{self, CallErrorType};
use streamgauge::{Usage, streaming_metrics, token_usage_context, track_tokens};
use streamgauge_test_support::client::{metrics, send, settled};

use super::{
    CALLS, Chunks, TOKENS, anthropic, app, ask, assert_no_call_is_current, calls_of,
    disconnect_after, events, frames, scrape_of, tokens,
};
use crate::sample_replies::{ANTHROPIC, Io, OPENAI};

#[tokio::test]
async fn client_that_disconnects_leaves_no_call_current_with_both_attributes() {
    #[streaming_metrics(protocol = "anthropic", provider = "outer")]
    #[track_tokens(protocol = "anthropic", provider = "inner", endpoint = "/stale")]
    async fn both() -> Sse<Pin<Box<dyn Stream<Item = Io<Event>> + Send>>> {
        let events = stream::iter(0..3).map(|n| Ok(Event::default().data(n.to_string())));
        Sse::new(Box::pin(events.chain(stream::pending())))
    }
    #[track_tokens(protocol = "anthropic", provider = "inner", endpoint = "/stale")]
    #[streaming_metrics(protocol = "anthropic", provider = "outer")]
    async fn other_order() -> Sse<Pin<Box<dyn Stream<Item = Io<Event>> + Send>>> {
        let events = stream::iter(0..3).map(|n| Ok(Event::default().data(n.to_string())));
        Sse::new(Box::pin(events.chain(stream::pending())))
    }
    for handler in [route_get(both), route_get(other_order)] {
        let metrics = metrics();
        disconnect_after(&app(&metrics, handler), 1).await;
        assert_eq!(settled(&metrics).sum(CALLS, &[]), 1);
        assert_no_call_is_current().await;
    }
}

#[tokio::test]
async fn panic_leaves_no_call_current() {
    #[track_tokens(provider = "inner")]
    fn panics() -> Usage {
        panic!("on purpose")
    }
    #[track_tokens(provider = "inner", protocol = "openai")]
    async fn panics_in_source() -> Chunks {
        Box::pin(frames(&OPENAI).take(2).chain(stream::poll_fn(|_| panic!("on purpose"))))
    }
    #[track_tokens(provider = "outer")]
    async fn outer() -> Usage {
        let inner = std::panic::catch_unwind(panics);
        assert!(inner.is_err());
        let mut source = panics_in_source().await;
        let read = async { while source.next().await.is_some() {} };
        assert!(std::panic::AssertUnwindSafe(read).catch_unwind().await.is_err());
        drop(source);
        token_usage_context::record(Usage::new(2, 1));
        Usage::new(4, 2)
    }
    let scrape = scrape_of(route_get(|| async {
        let _ = outer().await;
    }))
    .await;
    assert_eq!(scrape.sum(CALLS, &[("error_type", "panic"), ("provider", "inner")]), 2);
    assert_eq!(scrape.sum(TOKENS, &[("provider", "outer")]), 9, "{scrape:#?}");
    assert_eq!(tokens(&scrape), 9);
}

#[tokio::test]
async fn panic_of_the_outermost_function_closes_every_call() {
    #[track_tokens(provider = "outer")]
    async fn outer() -> Usage {
        ask(3, 4).await;
        panic!("on purpose")
    }
    let metrics = metrics();
    let app = app(
        &metrics,
        route_get(|| async {
            let _ = outer().await;
        }),
    );
    let request = std::panic::AssertUnwindSafe(send(&app, Method::GET, "/chat"));
    assert!(request.catch_unwind().await.is_err());
    let scrape = settled(&metrics);
    assert_eq!(calls_of(&scrape, "inner"), 1, "{scrape:#?}");
    assert_eq!(tokens(&scrape), 7);
    assert_no_call_is_current().await;
}

#[tokio::test]
async fn request_that_is_cancelled_anywhere_counts_each_call_once() {
    #[track_tokens(provider = "outer")]
    async fn outer() -> Usage {
        let one = ask(10, 1).await;
        let mut reply = anthropic().await;
        while reply.next().await.is_some() {
            tokio::task::yield_now().await;
        }
        tokio::join!(ask(20, 2), ask(30, 3));
        one
    }
    let whole = 11 + ANTHROPIC.total() + 22 + 33;
    let mut last = 0;
    for polls in 0..20 {
        let metrics = metrics();
        let app = app(
            &metrics,
            route_get(|| async {
                let _ = outer().await;
            }),
        );
        let mut request = Box::pin(send(&app, Method::GET, "/chat"));
        let mut is_ready = false;
        for _ in 0..polls {
            if poll!(&mut request).is_ready() {
                is_ready = true;
                break;
            }
        }
        drop(request);
        let scrape = settled(&metrics);
        let (calls, tokens) = (scrape.sum(CALLS, &[]), tokens(&scrape));
        assert_eq!(scrape.sum("app_llm_calls_per_request_sum", &[]), calls, "{polls}: {scrape:#?}");
        assert!(calls_of(&scrape, "outer") <= 1 && calls <= 4, "{polls}: {scrape:#?}");
        assert!(tokens >= last, "{polls}: {scrape:#?}");
        last = tokens;
        if is_ready {
            assert_eq!((calls, tokens), (4, whole), "{polls}: {scrape:#?}");
        }
        assert_no_call_is_current().await;
    }
    assert_eq!(last, whole);
}

#[tokio::test]
async fn usage_that_a_cancelled_function_records_in_a_drop_belongs_to_its_call() {
    struct RecordsOnDrop;
    impl Drop for RecordsOnDrop {
        fn drop(&mut self) {
            token_usage_context::record(Usage::new(7, 3));
        }
    }
    #[track_tokens(provider = "inner")]
    async fn never() -> Usage {
        let _guard = RecordsOnDrop;
        std::future::pending().await
    }
    async fn handler() {
        assert!(futures_util::poll!(Box::pin(never())).is_pending());
    }
    let scrape = scrape_of(route_get(handler)).await;
    assert_eq!(scrape.sum(TOKENS, &[("provider", "inner")]), 10, "{scrape:#?}");
    assert_eq!(scrape.sum(CALLS, &[]), 1);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}

#[tokio::test]
async fn call_in_a_drop_counts_once() {
    #[track_tokens(provider = "inner")]
    fn close_session() -> Usage {
        Usage::new(1, 2)
    }
    struct Session;
    impl Drop for Session {
        fn drop(&mut self) {
            close_session();
        }
    }
    #[track_tokens(provider = "outer")]
    async fn outer() -> Usage {
        let _session = Session;
        Usage::new(10, 20)
    }
    #[track_tokens(provider = "outer", protocol = "openai")]
    async fn streamed() -> Response {
        let session = Session;
        events(Box::pin(frames(&OPENAI).inspect(move |_| {
            let _ = &session;
        })))
    }
    let scrape = scrape_of(route_get(|| async {
        let _ = outer().await;
    }))
    .await;
    assert_eq!((calls_of(&scrape, "outer"), calls_of(&scrape, "inner")), (1, 1), "{scrape:#?}");
    assert_eq!(tokens(&scrape), 33);
    let scrape = scrape_of(route_get(streamed)).await;
    assert_eq!((calls_of(&scrape, "outer"), calls_of(&scrape, "inner")), (1, 1), "{scrape:#?}");
    assert_eq!(tokens(&scrape), 3 + OPENAI.total());
}

#[tokio::test]
async fn reported_error_reaches_the_call_wherever_it_is_reported() {
    #[track_tokens(provider = "value")]
    async fn value() -> Option<Usage> {
        call::report(CallErrorType::Timeout);
        None
    }
    #[track_tokens(provider = "parsed", protocol = "openai")]
    async fn parsed() -> Chunks {
        Box::pin(frames(&OPENAI).take(1).inspect(|_| call::report(CallErrorType::Timeout)))
    }
    let timeout = |provider| [("error_type", "timeout"), ("provider", provider)];
    let scrape = scrape_of(route_get(|| async {
        let _ = value().await;
    }))
    .await;
    assert_eq!(scrape.sum(CALLS, &timeout("value")), 1, "{scrape:#?}");
    let scrape = scrape_of(route_get(|| async { events(parsed().await) })).await;
    assert_eq!(scrape.sum(CALLS, &timeout("parsed")), 1, "{scrape:#?}");
}

#[tokio::test]
async fn error_type_follows_the_returned_error() {
    #[track_tokens(provider = "io")]
    async fn io() -> Result<Usage, std::io::Error> {
        Err(std::io::ErrorKind::TimedOut.into())
    }
    #[track_tokens(provider = "tuple")]
    async fn tuple() -> Result<Usage, (StatusCode, String)> {
        Err((StatusCode::TOO_MANY_REQUESTS, String::new()))
    }
    #[track_tokens(provider = "nested")]
    async fn nested() -> Result<Result<Usage, StatusCode>, std::io::Error> {
        Ok(Err(StatusCode::UNAUTHORIZED))
    }
    #[track_tokens(provider = "boxed")]
    async fn boxed() -> Result<Usage, Box<dyn std::error::Error + Send + Sync>> {
        Err("no".into())
    }
    async fn handler() {
        let _ = (io().await, tuple().await, nested().await, boxed().await);
    }
    let scrape = scrape_of(route_get(handler)).await;
    for (provider, error_type) in
        [("io", "timeout"), ("tuple", "rate_limited"), ("nested", "auth"), ("boxed", "other")]
    {
        let labels = [("provider", provider), ("error_type", error_type)];
        assert_eq!(scrape.sum(CALLS, &labels), 1, "{provider}: {scrape:#?}");
    }
}
