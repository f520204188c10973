//! One reply is one call when it is a value: of a type with usage, in a `Result`, awaited, in a
//! spawned task, cancelled, and when the function panics.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use axum::http::StatusCode;
use axum::routing::get as route_get;
use axum::{Json, Router};
use futures_util::FutureExt;
use serde_json::{Value, json};
use streamgauge::{TokenUsage, Usage, token_usage_context, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, settled};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Reply,
    Error,
    Cancelled,
    Panic,
}

impl End {
    /// What a provider does.
    async fn provide(self) -> Result<(), StatusCode> {
        tokio::task::yield_now().await;
        match self {
            Self::Reply => Ok(()),
            Self::Error => Err(StatusCode::TOO_MANY_REQUESTS),
            Self::Cancelled => std::future::pending().await,
            Self::Panic => panic!("on purpose"),
        }
    }
}

#[derive(Debug, TokenUsage)]
struct Answer {
    #[token_usage(input)]
    input: u32,
    #[token_usage(output)]
    output: u32,
}

type Reply<T> = Pin<Box<dyn Future<Output = Result<T, StatusCode>> + Send>>;

/// A type of reply.
trait Carrier: TokenUsage + Send + 'static {
    fn new() -> Self;
}

impl Carrier for Usage {
    fn new() -> Self {
        Usage::new(30, 12)
    }
}

impl Carrier for Answer {
    fn new() -> Self {
        Answer { input: 30, output: 12 }
    }
}

impl Carrier for Json<Value> {
    fn new() -> Self {
        Json(json!({ "usage": { "input_tokens": 30, "output_tokens": 12 } }))
    }
}

async fn untracked<T: Carrier>(reply: Reply<T>) -> Result<T, StatusCode> {
    reply.await
}

#[track_tokens(provider = "house")]
async fn tracked<T: Carrier>(reply: Reply<T>) -> Result<T, StatusCode> {
    reply.await
}

#[track_tokens(provider = "house")]
fn tracked_future<T: Carrier>(
    reply: Reply<T>,
) -> impl Future<Output = Result<T, StatusCode>> + Send {
    reply
}

/// A function around a reply, and whether it is tracked.
type Function<T> = (fn(Reply<T>) -> Reply<T>, bool);

fn functions<T: Carrier>() -> [Function<T>; 3] {
    [
        (|reply| Box::pin(untracked(reply)), false),
        (|reply| Box::pin(tracked(reply)), true),
        (|reply| Box::pin(tracked_future(reply)), true),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Between {
    Await,
    Spawn,
}

impl Between {
    async fn pass<T: Carrier>(self, inner: Reply<T>) -> Result<T, StatusCode> {
        match self {
            Self::Await => inner.await,
            Self::Spawn => {
                // The task ends with the function that waits for it.
                let mut tasks = tokio::task::JoinSet::new();
                tasks.spawn(token_usage_context::handle().scope(inner));
                tasks.join_next().await.expect("there is a task").expect("the task panics")
            }
        }
    }
}

async fn scrape_after<T: Carrier>(
    outer: Function<T>,
    inner: Function<T>,
    between: Between,
    end: End,
) -> Scrape {
    let handler = move || async move {
        let ask = inner.0(Box::pin(async move { end.provide().await.map(|()| T::new()) }));
        let reply = outer.0(Box::pin(between.pass(ask)));
        let timeout = async {
            if end != End::Cancelled {
                std::future::pending::<()>().await;
            }
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            reply = AssertUnwindSafe(reply).catch_unwind() => drop(reply),
            () = timeout => {}
        }
        // A task that was aborted ends when it is polled next.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    };
    let metrics = metrics();
    get(&Router::new().route("/chat", route_get(handler)).layer(metrics.layer()), "/chat").await;
    settled(&metrics)
}

async fn check_all<T: Carrier>() -> usize {
    let mut nestings = 0;
    for (outer, inner) in
        functions::<T>().iter().flat_map(|outer| functions().map(|inner| (*outer, inner)))
    {
        for between in [Between::Await, Between::Spawn] {
            for (end, outcome, error_type) in [
                (End::Reply, "success", ""),
                (End::Error, "error", "rate_limited"),
                (End::Cancelled, "cancelled", ""),
                (End::Panic, "error", "panic"),
            ] {
                let scrape = scrape_after(outer, inner, between, end).await;
                let name = format!("{}, {}, {between:?}, {end:?}", outer.1, inner.1);
                let calls = i64::from(outer.1 || inner.1);
                let ended = [("outcome", outcome)];
                for (family, labels, expected) in [
                    ("llm_calls_total", &[][..], calls),
                    ("llm_calls_total", &[("provider", "house")], calls),
                    ("llm_calls_total", &[("error_type", error_type)], calls),
                    ("llm_call_duration_seconds_count", &ended, calls),
                    ("llm_calls_per_request_sum", &[], calls),
                    ("token_usage_total", &[], if end == End::Reply { 42 * calls } else { 0 }),
                    ("usage_missing_total", &[], i64::from(end == End::Cancelled) * calls),
                ] {
                    let actual = scrape.sum(&format!("app_{family}"), labels);
                    assert_eq!(actual, expected, "{family}{labels:?}: {name}: {scrape:#?}");
                }
                nestings += 1;
            }
        }
    }
    nestings
}

#[tokio::test]
async fn value_is_one_call_whatever_attributes_it_passes_through() {
    let nestings =
        check_all::<Usage>().await + check_all::<Answer>().await + check_all::<Json<Value>>().await;
    assert_eq!(nestings, 3 * 9 * 2 * 4);
}
