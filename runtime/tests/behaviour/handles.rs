//! Handles beside a protocol: what they record belongs to the call whose reply is read.

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

/// Where a handle is taken: by the function, or by the stream that it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Before,
    While,
}

/// Where a handle waits for the test.
type Kept = Arc<Mutex<Option<Handle>>>;

fn keep(kept: &Kept) {
    *kept.lock().expect("nobody panics") = Some(token_usage_context::handle());
}

fn frames(
    taken: Taken,
    kept: Kept,
    frames: &'static [&'static str],
) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    if taken == Taken::Before {
        keep(&kept);
    }
    stream::iter(frames).map(move |frame| {
        if taken == Taken::While {
            keep(&kept);
        }
        Ok(Bytes::from_static(frame.as_bytes()))
    })
}

type Sent = &'static [&'static str];

#[track_tokens(protocol = "openai", model = "small-1")]
async fn tracked(taken: Taken, kept: Kept, sent: Sent) -> Response {
    Response::new(Body::from_stream(frames(taken, kept, sent)))
}

#[streaming_metrics(protocol = "openai", model = "small-1")]
async fn metered(
    taken: Taken,
    kept: Kept,
    sent: Sent,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    frames(taken, kept, sent)
}

#[track_tokens(model = "small-1")]
#[streaming_metrics(protocol = "openai")]
async fn both(
    taken: Taken,
    kept: Kept,
    sent: Sent,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    frames(taken, kept, sent)
}

/// Serves one request and reads so many frames of it before the handle records; then the rest, if it is not
/// left. Gives calls, tokens, and calls without usage, before the handle is gone and after.
async fn calls<R>(
    handler: impl Fn(Kept) -> R + Clone + Send + Sync + 'static,
    read: usize,
    leaves: bool,
    records: Option<Usage>,
) -> [(i64, i64, i64); 2]
where
    R: Future<Output = Response> + Send,
{
    let metrics = metrics();
    let kept = Kept::default();
    let route = {
        let kept = Arc::clone(&kept);
        route_get(move || handler(Arc::clone(&kept)))
    };
    let app = Router::new().route("/chat", route).layer(metrics.layer());
    let mut body = send(&app, Method::GET, "/chat").await.into_body();
    for _ in 0..read {
        body.frame().await.expect("there is a frame").expect("it is no error");
    }
    let record = || {
        let handle = kept.lock().expect("nobody panics").clone();
        if let Some((handle, usage)) = handle.zip(records) {
            handle.record(usage);
        }
    };
    let flowing = read > 0 && !leaves;
    if flowing {
        record();
    }
    if leaves {
        drop(body);
    } else {
        body.collect().await.expect("it is no error");
    }
    if !flowing {
        record();
    }
    let before = counted(&metrics);
    kept.lock().expect("nobody panics").take();
    [before, counted(&metrics)]
}

fn counted(metrics: &Metrics) -> (i64, i64, i64) {
    let scrape = settled(metrics);
    let all = scrape.sum("app_llm_calls_total", &[]);
    assert_eq!(scrape.sum("app_llm_calls_total", &[("model", "small-1")]), all, "{scrape:#?}");
    let tokens = scrape.sum("app_token_usage_total", &[]);
    (all, tokens, scrape.sum("app_usage_missing_total", &[]))
}

/// The same of each way in which a reply is read.
async fn each(
    taken: Taken,
    sent: Sent,
    read: usize,
    leaves: bool,
    records: Option<Usage>,
) -> [(i64, i64, i64); 2] {
    let of_tracked = calls(move |kept| tracked(taken, kept, sent), read, leaves, records).await;
    let of_both = calls(
        move |kept| async move { Response::new(Body::from_stream(both(taken, kept, sent).await)) },
        read,
        leaves,
        records,
    )
    .await;
    assert_eq!(of_tracked, of_both, "{taken:?}");
    // Only a tracked function has begun its call before there is a stream.
    if taken == Taken::While {
        let of_metered = calls(
            move |kept| async move {
                Response::new(Body::from_stream(metered(taken, kept, sent).await))
            },
            read,
            leaves,
            records,
        )
        .await;
        assert_eq!(of_tracked, of_metered);
    }
    of_tracked
}

#[tokio::test]
async fn what_it_records_while_the_reply_flows_is_the_same_call() {
    for taken in [Taken::Before, Taken::While] {
        let more = Some(Usage::new(50, 5));
        let told = each(taken, &[WORD, USAGE, DONE], 1, false, more).await;
        assert_eq!(told, [(1, 60, 0); 2], "{taken:?}: the larger of both counts");
        let untold = each(taken, &[WORD, DONE], 1, false, more).await;
        assert_eq!(untold, [(1, 55, 0); 2], "{taken:?}");
    }
}

#[tokio::test]
async fn what_it_records_late_is_the_call_of_a_reply_that_told_nothing() {
    for taken in [Taken::Before, Taken::While] {
        let late = Some(Usage::new(50, 5));
        assert_eq!(each(taken, &[WORD, DONE], 0, false, late).await, [(1, 55, 0); 2], "{taken:?}");
        let left = each(taken, &[WORD, USAGE, DONE], 1, true, late).await;
        assert_eq!(left, [(1, 55, 0); 2], "{taken:?}");
    }
}

#[tokio::test]
async fn what_it_records_late_is_another_call_after_a_reply_that_told_its_own() {
    for taken in [Taken::Before, Taken::While] {
        let late = Some(Usage::new(50, 5));
        let told = each(taken, &[WORD, USAGE, DONE], 0, false, late).await;
        assert_eq!(told, [(2, 95, 0); 2], "{taken:?}");
    }
}

#[tokio::test]
async fn a_call_is_missing_its_usage_once_its_handles_are_gone() {
    for taken in [Taken::Before, Taken::While] {
        for leaves in [true, false] {
            let never = each(taken, &[WORD, DONE], 1, leaves, None).await;
            assert_eq!(never, [(0, 0, 0), (1, 0, 1)], "{taken:?}");
            let told = each(taken, &[USAGE, WORD, DONE], 1, leaves, None).await;
            assert_eq!(told, [(1, 40, 0); 2], "{taken:?}");
        }
    }
}
