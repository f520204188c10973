//! Calls in other tasks, and handles that outlive their call.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get as route_get;
use futures_util::StreamExt;
use streamgauge::{Usage, token_usage_context, track_tokens};
use streamgauge_test_support::client::{get, metrics, settled};

use super::{
    CALLS, Chunks, anthropic, app, ask, assert_no_call_is_current, calls_of, events, scrape_of,
    tokens,
};
use crate::sample_replies::ANTHROPIC;

#[tokio::test]
async fn usage_that_a_scoped_task_records_after_the_end_belongs_to_the_call() {
    let (opener, gate) = tokio::sync::oneshot::channel::<()>();
    let gate = std::sync::Arc::new(std::sync::Mutex::new(Some(gate)));
    let handler = move || {
        let gate = gate.lock().expect("not poisoned").take().expect("one request");
        async move {
            #[track_tokens(provider = "outer")]
            async fn outer(gate: tokio::sync::oneshot::Receiver<()>) -> Option<Usage> {
                let task = async move {
                    let _ = gate.await;
                    token_usage_context::record(Usage::new(8, 2));
                };
                tokio::spawn(token_usage_context::handle().scope(task));
                None
            }
            let _ = outer(gate).await;
        }
    };
    let metrics = metrics();
    get(&app(&metrics, route_get(handler)), "/chat").await;
    opener.send(()).expect("the task waits");
    for _ in 0..5 {
        tokio::task::yield_now().await;
    }
    let scrape = settled(&metrics);
    assert_eq!((scrape.sum(CALLS, &[]), tokens(&scrape)), (1, 10), "{scrape:#?}");
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}

#[tokio::test]
async fn call_in_a_scoped_task_that_starts_after_the_end_owns_the_reply() {
    #[track_tokens(provider = "outer")]
    async fn outer() -> Option<Usage> {
        tokio::spawn(token_usage_context::handle().scope(ask(8, 2)));
        None
    }
    let metrics = metrics();
    get(
        &app(
            &metrics,
            route_get(|| async {
                let _ = outer().await;
            }),
        ),
        "/chat",
    )
    .await;
    for _ in 0..5 {
        tokio::task::yield_now().await;
    }
    let scrape = settled(&metrics);
    assert_eq!((calls_of(&scrape, "outer"), calls_of(&scrape, "inner")), (0, 1), "{scrape:#?}");
    assert_eq!(tokens(&scrape), 10);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}

#[tokio::test]
async fn stream_without_protocol_within_a_call_that_awaits_usage_is_recorded() {
    #[track_tokens(provider = "inner")]
    async fn step() -> Body {
        Body::empty()
    }
    let slot = std::sync::Arc::new(std::sync::Mutex::new(None));
    let in_handler = std::sync::Arc::clone(&slot);
    let handler = move || {
        let slot = std::sync::Arc::clone(&in_handler);
        async move {
            let outer = || async move {
                #[track_tokens(provider = "outer")]
                async fn outer() -> (Option<Usage>, token_usage_context::Handle, Option<Usage>) {
                    (None, token_usage_context::handle(), None)
                }
                outer().await.1
            };
            *slot.lock().expect("not poisoned") = Some(outer().await);
        }
    };
    let metrics = metrics();
    get(&app(&metrics, route_get(handler)), "/chat").await;
    let handle = slot.lock().expect("not poisoned").take().expect("the handler ran");
    assert_eq!(settled(&metrics).sum(CALLS, &[]), 0, "the call awaits its usage");
    drop(handle.scope(step()).await);
    drop(handle);
    let scrape = settled(&metrics);
    assert_eq!(calls_of(&scrape, "inner"), 1, "{scrape:#?}");
}

#[tokio::test]
async fn handle_that_is_kept_records_before_and_after_the_end() {
    let slot = std::sync::Arc::new(std::sync::Mutex::new(None));
    let in_handler = std::sync::Arc::clone(&slot);
    let handler = move || {
        let slot = std::sync::Arc::clone(&in_handler);
        async move {
            #[track_tokens(provider = "outer")]
            async fn outer() -> (token_usage_context::Handle, Option<Usage>) {
                let handle = token_usage_context::handle();
                handle.record(Usage::new(1, 1));
                (handle, Some(Usage::new(10, 10)))
            }
            *slot.lock().expect("not poisoned") = Some(outer().await.0);
        }
    };
    let metrics = metrics();
    get(&app(&metrics, route_get(handler)), "/chat").await;
    let scrape = settled(&metrics);
    assert_eq!((scrape.sum(CALLS, &[]), tokens(&scrape)), (1, 22), "{scrape:#?}");
    let handle = slot.lock().expect("not poisoned").take().expect("the handler ran");
    handle.record(Usage::new(100, 100));
    drop(handle);
    let scrape = settled(&metrics);
    assert_eq!((scrape.sum(CALLS, &[]), tokens(&scrape)), (2, 222), "{scrape:#?}");
    assert_eq!(calls_of(&scrape, "outer"), 2);
}

#[tokio::test]
async fn call_in_a_stream_that_another_task_polls_belongs_to_the_request() {
    #[track_tokens(protocol = "openai", provider = "outer")]
    async fn outer() -> Chunks {
        Box::pin(async_stream::stream! {
            ask(30, 12).await;
            yield Ok(Bytes::from_static(b"data: {}\n\n"));
        })
    }
    async fn handler() {
        let mut reply = outer().await;
        let task = async move { while reply.next().await.is_some() {} };
        tokio::spawn(task).await.expect("the task does not panic");
    }
    let scrape = scrape_of(route_get(handler)).await;
    assert_eq!((calls_of(&scrape, "outer"), calls_of(&scrape, "inner")), (0, 1), "{scrape:#?}");
    assert_eq!(tokens(&scrape), 42);
}

#[tokio::test]
async fn stream_of_one_request_that_another_one_polls_belongs_to_the_first() {
    let slot = std::sync::Arc::new(std::sync::Mutex::new(None));
    let (put, take) = (std::sync::Arc::clone(&slot), slot);
    let put = move || async move {
        let reply = anthropic().await;
        *put.lock().expect("not poisoned") = Some(reply);
    };
    let take = move || async move {
        let reply = take.lock().expect("not poisoned").take().expect("the first request ran");
        events(reply)
    };
    let metrics = metrics();
    let app = Router::new()
        .route("/put", route_get(put))
        .route("/take", route_get(take))
        .layer(metrics.layer());
    get(&app, "/put").await;
    get(&app, "/take").await;
    let scrape = settled(&metrics);
    let labels = [("endpoint", "/put"), ("finish_reason", "stop")];
    assert_eq!(scrape.sum(CALLS, &labels), 1, "{scrape:#?}");
    assert_eq!((scrape.sum(CALLS, &[]), tokens(&scrape)), (1, ANTHROPIC.total()));
    assert_no_call_is_current().await;
}

#[tokio::test]
async fn tasks_of_several_threads_lose_no_usage() {
    #[track_tokens(provider = "outer")]
    async fn outer() -> Option<Usage> {
        let handle = token_usage_context::handle();
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let handle = handle.clone();
                tokio::spawn(handle.clone().scope(async move {
                    ask(3, 4).await;
                    let mut reply = anthropic().await;
                    while reply.next().await.is_some() {
                        tokio::task::yield_now().await;
                    }
                }))
            })
            .collect();
        drop(handle);
        for task in tasks {
            task.await.expect("the task does not panic");
        }
        None
    }
    let served = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build();
        runtime.expect("a runtime").block_on(async {
            let metrics = metrics();
            let app = app(
                &metrics,
                route_get(|| async {
                    let _ = outer().await;
                }),
            );
            for _ in 0..20 {
                get(&app, "/chat").await;
            }
            settled(&metrics)
        })
    });
    let scrape = served.join().expect("the thread does not panic");
    assert_eq!((calls_of(&scrape, "outer"), calls_of(&scrape, "inner")), (0, 2_000));
    assert_eq!(tokens(&scrape), 1_000 * (7 + ANTHROPIC.total()));
    assert_eq!(scrape.sum("app_llm_calls_per_request_sum", &[]), 2_000);
}
