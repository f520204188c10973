//! Handles beside a protocol: the usage they record belongs to the call whose reply is parsed.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Method;
use axum::response::Response;
use axum::routing::get as route_get;
use futures_core::Stream;
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use streamgauge::token_usage_context::{self, Handle};
use streamgauge::{Metrics, Usage, streaming_metrics, track_tokens};
use streamgauge_test_support::client::{metrics, send, settled};

const WORD: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word\"}}]}\n\n";
const USAGE: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":30,\"completion_tokens\":10}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

/// The code that creates the handle: the tracked function, or the stream that it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HandleFrom {
    Function,
    Stream,
}

/// Holds the handle until the test uses it.
type HandleSlot = Arc<Mutex<Option<Handle>>>;

fn store_handle(slot: &HandleSlot) {
    *slot.lock().expect("the lock is not poisoned") = Some(token_usage_context::handle());
}

fn frames(
    origin: HandleFrom,
    slot: HandleSlot,
    frames: &'static [&'static str],
) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    if origin == HandleFrom::Function {
        store_handle(&slot);
    }
    stream::iter(frames).map(move |frame| {
        if origin == HandleFrom::Stream {
            store_handle(&slot);
        }
        Ok(Bytes::from_static(frame.as_bytes()))
    })
}

type Frames = &'static [&'static str];

#[track_tokens(protocol = "openai", model = "small-1")]
async fn tracked(origin: HandleFrom, slot: HandleSlot, reply: Frames) -> Response {
    Response::new(Body::from_stream(frames(origin, slot, reply)))
}

#[streaming_metrics(protocol = "openai", model = "small-1")]
async fn metered(
    origin: HandleFrom,
    slot: HandleSlot,
    reply: Frames,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    frames(origin, slot, reply)
}

#[track_tokens(model = "small-1")]
#[streaming_metrics(protocol = "openai")]
async fn both(
    origin: HandleFrom,
    slot: HandleSlot,
    reply: Frames,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    frames(origin, slot, reply)
}

/// Serves one request and reads `read` frames of its body. Then the client reads the rest or, with
/// `disconnects`, drops the body. The handle records `records` after the first `read` frames if the
/// client reads on, and else at the end.
///
/// Returns the numbers of calls, tokens, and calls without usage: before the handle is dropped, and
/// after.
async fn calls<R>(
    handler: impl Fn(HandleSlot) -> R + Clone + Send + Sync + 'static,
    read: usize,
    disconnects: bool,
    records: Option<Usage>,
) -> [(i64, i64, i64); 2]
where
    R: Future<Output = Response> + Send,
{
    let metrics = metrics();
    let slot = HandleSlot::default();
    let route = {
        let slot = Arc::clone(&slot);
        route_get(move || handler(Arc::clone(&slot)))
    };
    let app = Router::new().route("/chat", route).layer(metrics.layer());
    let mut body = send(&app, Method::GET, "/chat").await.into_body();
    for _ in 0..read {
        body.frame().await.expect("the body has a frame").expect("the frame is not an error");
    }
    let record = || {
        let handle = slot.lock().expect("the lock is not poisoned").clone();
        if let Some((handle, usage)) = handle.zip(records) {
            handle.record(usage);
        }
    };
    let records_during_reply = read > 0 && !disconnects;
    if records_during_reply {
        record();
    }
    if disconnects {
        drop(body);
    } else {
        body.collect().await.expect("the body does not fail");
    }
    if !records_during_reply {
        record();
    }
    let before = counted(&metrics);
    slot.lock().expect("the lock is not poisoned").take();
    [before, counted(&metrics)]
}

fn counted(metrics: &Metrics) -> (i64, i64, i64) {
    let scrape = settled(metrics);
    let all = scrape.sum("app_llm_calls_total", &[]);
    assert_eq!(scrape.sum("app_llm_calls_total", &[("model", "small-1")]), all, "{scrape:#?}");
    let tokens = scrape.sum("app_token_usage_total", &[]);
    (all, tokens, scrape.sum("app_usage_missing_total", &[]))
}

/// Runs [`calls`] for each attribute that parses a reply, and checks that they agree.
async fn calls_of_each_attribute(
    origin: HandleFrom,
    reply: Frames,
    read: usize,
    disconnects: bool,
    records: Option<Usage>,
) -> [(i64, i64, i64); 2] {
    let tracked_calls =
        calls(move |slot| tracked(origin, slot, reply), read, disconnects, records).await;
    let both_calls = calls(
        move |slot| async move {
            Response::new(Body::from_stream(both(origin, slot, reply).await))
        },
        read,
        disconnects,
        records,
    )
    .await;
    assert_eq!(tracked_calls, both_calls, "{origin:?}");
    // Only a tracked function starts its call before the stream exists.
    if origin == HandleFrom::Stream {
        let metered_calls = calls(
            move |slot| async move {
                Response::new(Body::from_stream(metered(origin, slot, reply).await))
            },
            read,
            disconnects,
            records,
        )
        .await;
        assert_eq!(tracked_calls, metered_calls);
    }
    tracked_calls
}

#[tokio::test]
async fn handle_usage_recorded_during_the_reply_belongs_to_its_call() {
    for origin in [HandleFrom::Function, HandleFrom::Stream] {
        let more = Some(Usage::new(50, 5));
        let with_usage =
            calls_of_each_attribute(origin, &[WORD, USAGE, DONE], 1, false, more).await;
        assert_eq!(with_usage, [(1, 60, 0); 2], "{origin:?}: the larger of both counts");
        let without_usage = calls_of_each_attribute(origin, &[WORD, DONE], 1, false, more).await;
        assert_eq!(without_usage, [(1, 55, 0); 2], "{origin:?}");
    }
}

#[tokio::test]
async fn handle_usage_recorded_late_belongs_to_a_reply_without_usage() {
    for origin in [HandleFrom::Function, HandleFrom::Stream] {
        let late = Some(Usage::new(50, 5));
        assert_eq!(
            calls_of_each_attribute(origin, &[WORD, DONE], 0, false, late).await,
            [(1, 55, 0); 2],
            "{origin:?}"
        );
        let disconnected =
            calls_of_each_attribute(origin, &[WORD, USAGE, DONE], 1, true, late).await;
        assert_eq!(disconnected, [(1, 55, 0); 2], "{origin:?}");
    }
}

#[tokio::test]
async fn handle_usage_recorded_late_is_another_call_after_a_reply_with_usage() {
    for origin in [HandleFrom::Function, HandleFrom::Stream] {
        let late = Some(Usage::new(50, 5));
        let with_usage =
            calls_of_each_attribute(origin, &[WORD, USAGE, DONE], 0, false, late).await;
        assert_eq!(with_usage, [(2, 95, 0); 2], "{origin:?}");
    }
}

#[tokio::test]
async fn usage_missing_is_counted_when_the_last_handle_is_dropped() {
    for origin in [HandleFrom::Function, HandleFrom::Stream] {
        for disconnects in [true, false] {
            let unrecorded =
                calls_of_each_attribute(origin, &[WORD, DONE], 1, disconnects, None).await;
            assert_eq!(unrecorded, [(0, 0, 0), (1, 0, 1)], "{origin:?}");
            let with_usage =
                calls_of_each_attribute(origin, &[USAGE, WORD, DONE], 1, disconnects, None).await;
            assert_eq!(with_usage, [(1, 40, 0); 2], "{origin:?}");
        }
    }
}
