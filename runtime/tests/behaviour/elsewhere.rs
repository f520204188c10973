//! Tracked calls that end away from the request they began in.

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

use crate::samples::{Frames, OPENAI, Then, source};

const WHOLE: &str = r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5}}"#;

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
    WHOLE
}

#[track_tokens(provider = "house", model = model, protocol = "openai")]
async fn streamed(model: String, gate: Gate) -> Frames {
    let _ = gate.await;
    Box::pin(source(
        vec!["data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5}}\n\n"],
        Then::End,
    ))
}

fn of(kind: usize, gate: Gate) -> Call {
    let model = || "small-1".to_owned();
    match kind {
        0 => Box::pin(value(model(), gate).map(drop)),
        1 => Box::pin(whole(model(), gate).map(drop)),
        _ => Box::pin(async move { assert_eq!(streamed(model(), gate).await.count().await, 1) }),
    }
}

/// Where a call waits for whoever ends it.
type Kept = Arc<Mutex<Option<(Call, oneshot::Sender<()>)>>>;

/// Begins a call that is not ready, and gives it up.
async fn begin(kind: usize, kept: &Kept) {
    let (open, gate) = oneshot::channel();
    let mut call = of(kind, gate);
    assert!(futures_util::poll!(&mut call).is_pending());
    *kept.lock().expect("nobody panics") = Some((call, open));
}

fn taken(kept: &Kept) -> (Call, oneshot::Sender<()>) {
    kept.lock().expect("nobody panics").take().expect("it has begun")
}

/// Ends the call that waits.
async fn end(kept: &Kept) {
    let (call, open) = taken(kept);
    open.send(()).expect("it waits");
    call.await;
}

const LABELS: [(&str, &str); 3] = [("endpoint", "/"), ("provider", "house"), ("model", "small-1")];

#[tokio::test]
async fn a_call_that_outlives_its_request_has_its_usage() {
    for kind in 0..3 {
        let metrics = metrics();
        let kept = Kept::default();
        let of_handler = Arc::clone(&kept);
        let handler = async move || begin(kind, &of_handler).await;
        get(&Router::new().route("/", route_get(handler)).layer(metrics.layer()), "/").await;
        end(&kept).await;
        let scrape = settled(&metrics);
        assert_eq!(scrape.sum("app_token_usage_total", &LABELS), 15, "{kind}");
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{kind}");
        assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0, "{kind}");
    }
}

#[tokio::test]
async fn a_call_that_ends_in_a_task_while_its_request_waits_has_its_usage() {
    for kind in 0..3 {
        let metrics = metrics();
        let handler = async move || {
            let kept = Kept::default();
            begin(kind, &kept).await;
            tokio::spawn(async move { end(&kept).await }).await.expect("it does not panic");
        };
        get(&Router::new().route("/", route_get(handler)).layer(metrics.layer()), "/").await;
        let scrape = settled(&metrics);
        assert_eq!(scrape.sum("app_token_usage_total", &LABELS), 15, "{kind}");
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{kind}");
        assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0, "{kind}");
    }
}

#[tokio::test]
async fn a_call_that_ends_in_another_request_is_its_own_requests() {
    for kind in 0..3 {
        let metrics = metrics();
        let kept = Kept::default();
        let [of_handler, of_other] = [Arc::clone(&kept), Arc::clone(&kept)];
        let app = Router::new()
            .route("/", route_get(async move || begin(kind, &of_handler).await))
            .route("/other", route_get(async move || end(&of_other).await))
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
async fn a_call_that_is_dropped_elsewhere_was_cancelled() {
    let metrics = metrics();
    let kept = Kept::default();
    let of_handler = Arc::clone(&kept);
    let handler = async move || begin(0, &of_handler).await;
    get(&Router::new().route("/", route_get(handler)).layer(metrics.layer()), "/").await;
    assert_eq!(settled(&metrics).sum("app_llm_calls_total", &[]), 0, "it is still open");
    drop(taken(&kept));
    let scrape = settled(&metrics);
    let cancelled = [LABELS[0], LABELS[1], LABELS[2], ("finish_reason", "cancelled")];
    assert_eq!(scrape.sum("app_llm_calls_total", &cancelled), 1);
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "disconnected")]), 1);
}

#[tokio::test]
async fn a_stream_left_open_elsewhere_is_missing_its_usage_once() {
    #[track_tokens(model = "small-1")]
    async fn unread(gate: Gate) -> Body {
        let _ = gate.await;
        Body::from_stream(source(OPENAI.whole(), Then::End))
    }
    let metrics = metrics();
    let handler = async || {
        let (open, gate) = oneshot::channel();
        let mut call = Box::pin(unread(gate));
        assert!(futures_util::poll!(&mut call).is_pending());
        open.send(()).expect("it waits");
        tokio::spawn(call).await.expect("it does not panic")
    };
    get(&Router::new().route("/", route_get(handler)).layer(metrics.layer()), "/").await;
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_llm_calls_total", &[("model", "small-1")]), 1);
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "not_sent")]), 1);
}
