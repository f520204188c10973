//! Tracked calls that end outside the request in which they started.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::routing::get as route_get;
use futures_util::{FutureExt, StreamExt};
use streamgauge::{Usage, track_tokens};
use streamgauge_test_support::client::{get, metrics, settled};
use tokio::sync::oneshot;

use crate::sample_replies::{Ending, Frames, OPENAI, source};

const REPLY: &str = r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5}}"#;

type Gate = oneshot::Receiver<()>;
type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

#[track_tokens(provider = "house", model = model)]
async fn value(model: String, gate: Gate) -> Usage {
    let _ = gate.await;
    Usage::new(10, 5)
}

#[track_tokens(provider = "house", model = model, protocol = "openai")]
async fn whole(model: String, gate: Gate) -> &'static str {
    let _ = gate.await;
    REPLY
}

#[track_tokens(provider = "house", model = model, protocol = "openai")]
async fn streamed(model: String, gate: Gate) -> Frames {
    let _ = gate.await;
    Box::pin(source(
        vec!["data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5}}\n\n"],
        Ending::Complete,
    ))
}

/// Makes a call: 0 returns usage, 1 a whole reply that is parsed, 2 a stream that is parsed.
fn call_of_kind(kind: usize, gate: Gate) -> Call {
    let model = || "small-1".to_owned();
    match kind {
        0 => Box::pin(value(model(), gate).map(drop)),
        1 => Box::pin(whole(model(), gate).map(drop)),
        _ => Box::pin(async move { assert_eq!(streamed(model(), gate).await.count().await, 1) }),
    }
}

/// Holds a started call and the sender that lets it finish.
type CallSlot = Arc<Mutex<Option<(Call, oneshot::Sender<()>)>>>;

/// Starts a call, which waits for its gate, and stores it in the slot.
async fn start_call(kind: usize, slot: &CallSlot) {
    let (opener, gate) = oneshot::channel();
    let mut call = call_of_kind(kind, gate);
    assert!(futures_util::poll!(&mut call).is_pending());
    *slot.lock().expect("the lock is not poisoned") = Some((call, opener));
}

fn take_call(slot: &CallSlot) -> (Call, oneshot::Sender<()>) {
    slot.lock().expect("the lock is not poisoned").take().expect("the call has started")
}

/// Opens the gate of the stored call and runs the call to its end.
async fn finish_call(slot: &CallSlot) {
    let (call, opener) = take_call(slot);
    opener.send(()).expect("the call waits for its gate");
    call.await;
}

const LABELS: [(&str, &str); 3] = [("endpoint", "/"), ("provider", "house"), ("model", "small-1")];

#[tokio::test]
async fn call_that_outlives_its_request_keeps_its_usage() {
    for kind in 0..3 {
        let metrics = metrics();
        let slot = CallSlot::default();
        let handler_slot = Arc::clone(&slot);
        let handler = async move || start_call(kind, &handler_slot).await;
        get(&Router::new().route("/", route_get(handler)).layer(metrics.layer()), "/").await;
        finish_call(&slot).await;
        let scrape = settled(&metrics);
        assert_eq!(scrape.sum("app_token_usage_total", &LABELS), 15, "{kind}");
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{kind}");
        assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0, "{kind}");
    }
}

#[tokio::test]
async fn call_that_ends_in_a_spawned_task_keeps_its_usage() {
    for kind in 0..3 {
        let metrics = metrics();
        let handler = async move || {
            let slot = CallSlot::default();
            start_call(kind, &slot).await;
            tokio::spawn(async move { finish_call(&slot).await })
                .await
                .expect("the task does not panic");
        };
        get(&Router::new().route("/", route_get(handler)).layer(metrics.layer()), "/").await;
        let scrape = settled(&metrics);
        assert_eq!(scrape.sum("app_token_usage_total", &LABELS), 15, "{kind}");
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{kind}");
        assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0, "{kind}");
    }
}

#[tokio::test]
async fn call_that_ends_in_another_request_belongs_to_its_first_request() {
    for kind in 0..3 {
        let metrics = metrics();
        let slot = CallSlot::default();
        let [handler_slot, other_slot] = [Arc::clone(&slot), Arc::clone(&slot)];
        let app = Router::new()
            .route("/", route_get(async move || start_call(kind, &handler_slot).await))
            .route("/other", route_get(async move || finish_call(&other_slot).await))
            .layer(metrics.layer());
        get(&app, "/").await;
        get(&app, "/other").await;
        let scrape = settled(&metrics);
        assert_eq!(scrape.sum("app_token_usage_total", &LABELS), 15, "{kind}");
        assert_eq!(scrape.sum("app_token_usage_total", &[]), 15, "{kind}");
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{kind}");
    }
}

#[tokio::test]
async fn call_dropped_after_its_request_is_cancelled() {
    let metrics = metrics();
    let slot = CallSlot::default();
    let handler_slot = Arc::clone(&slot);
    let handler = async move || start_call(0, &handler_slot).await;
    get(&Router::new().route("/", route_get(handler)).layer(metrics.layer()), "/").await;
    assert_eq!(settled(&metrics).sum("app_llm_calls_total", &[]), 0, "the call is still open");
    drop(take_call(&slot));
    let scrape = settled(&metrics);
    let cancelled = [LABELS[0], LABELS[1], LABELS[2], ("finish_reason", "cancelled")];
    assert_eq!(scrape.sum("app_llm_calls_total", &cancelled), 1);
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "disconnected")]), 1);
}

#[tokio::test]
async fn usage_missing_is_counted_once_for_a_stream_from_a_spawned_task() {
    #[track_tokens(model = "small-1")]
    async fn unread(gate: Gate) -> Body {
        let _ = gate.await;
        Body::from_stream(source(OPENAI.frames(), Ending::Complete))
    }
    let metrics = metrics();
    let handler = async || {
        let (opener, gate) = oneshot::channel();
        let mut call = Box::pin(unread(gate));
        assert!(futures_util::poll!(&mut call).is_pending());
        opener.send(()).expect("the call waits for its gate");
        tokio::spawn(call).await.expect("the task does not panic")
    };
    get(&Router::new().route("/", route_get(handler)).layer(metrics.layer()), "/").await;
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_llm_calls_total", &[("model", "small-1")]), 1);
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "not_sent")]), 1);
}
