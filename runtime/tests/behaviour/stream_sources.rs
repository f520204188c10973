//! What a stream is like is not changed by counting it, and what is wrong with it breaks nothing.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Method;
use axum::routing::get as route_get;
use futures_core::{FusedStream, Stream};
use futures_util::{FutureExt, StreamExt, future, stream as streams};
use http_body_util::BodyExt;
use streamgauge::{MeteredStream, streaming_metrics, wrap_streaming_response};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{metrics, send, settled};

use crate::samples::{Frames, Io};

const ENDPOINT: (&str, &str) = ("endpoint", "/");

#[streaming_metrics]
fn unread(source: Frames) -> Frames {
    source
}

#[streaming_metrics(protocol = "openai")]
fn read(source: Frames) -> Frames {
    source
}

/// How a stream is wrapped.
type Wrap = fn(Frames) -> Frames;

const WRAPS: [Wrap; 3] =
    [unread, read, |source| Box::pin(wrap_streaming_response(source, "/wrapped"))];

fn polled<S: Stream + ?Sized>(stream: Pin<&mut S>) -> Poll<Option<S::Item>> {
    stream.poll_next(&mut Context::from_waker(Waker::noop()))
}

/// A source that counts how often it is asked, and says when it is dropped.
struct Watched {
    polls: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
    steps: std::vec::IntoIter<Poll<&'static str>>,
}

impl Stream for Watched {
    type Item = Io<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Io<Bytes>>> {
        self.polls.fetch_add(1, Relaxed);
        self.steps
            .next()
            .map_or(Poll::Ready(None), |step| step.map(|text| Some(Ok(Bytes::from(text)))))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.steps.len()))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Relaxed);
    }
}

#[test]
fn a_source_is_asked_when_its_stream_is_and_answers_the_same() {
    for wrap in WRAPS {
        let (polls, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let steps = vec![Poll::Ready("one"), Poll::Pending, Poll::Pending, Poll::Ready("two")];
        let steps = steps.into_iter();
        let watched = Watched { polls: Arc::clone(&polls), dropped: Arc::clone(&dropped), steps };
        let mut stream = wrap(Box::pin(watched));
        assert_eq!(polls.load(Relaxed), 0, "it is lazy");
        for (asked, (left, item)) in
            [(4, Some("one")), (3, None), (2, None), (1, Some("two"))].into_iter().enumerate()
        {
            assert_eq!(stream.size_hint(), (0, Some(left)));
            assert_eq!(polls.load(Relaxed), asked, "no item is asked for ahead");
            match polled(stream.as_mut()) {
                Poll::Ready(Some(Ok(bytes))) => assert_eq!(Some(bytes), item.map(Bytes::from)),
                Poll::Pending => assert!(item.is_none()),
                other @ Poll::Ready(_) => panic!("unexpected: {other:?}"),
            }
        }
        assert_eq!(dropped.load(Relaxed), 0);
        drop(stream);
        assert_eq!(dropped.load(Relaxed), 1, "dropped at once");
    }
}

#[test]
fn a_stream_may_be_polled_after_its_end_as_its_source() {
    for wrap in WRAPS {
        let mut stream = wrap(Box::pin(streams::iter([Ok(Bytes::from("one"))]).fuse()));
        assert!(polled(stream.as_mut()).is_ready());
        for _ in 0..3 {
            assert!(matches!(polled(stream.as_mut()), Poll::Ready(None)));
        }
    }
    // One that goes on after its end goes on, and what it is counted for has ended.
    let mut turn = 0;
    let source = streams::poll_fn(move |_| {
        turn += 1;
        Poll::Ready((turn != 2).then_some("item"))
    });
    let mut stream = pin!(wrap_streaming_response(source, "/goes-on"));
    let items: Vec<_> = (0..4).map(|_| polled(stream.as_mut())).collect();
    let item = Poll::Ready(Some("item"));
    assert_eq!(items, [item, Poll::Ready(None), item, item]);
    let scrape = Scrape::of(streamgauge::Metrics::global());
    assert_eq!(scrape.sum("app_stream_chunks_total", &[("endpoint", "/goes-on")]), 1);
    assert_eq!(scrape.sum("app_active_streams", &[("endpoint", "/goes-on")]), 0);
}

#[test]
fn a_fused_stream_tells_that_it_has_ended() {
    let mut stream = pin!(wrap_streaming_response(streams::iter(["one"]).fuse(), "/fused"));
    for ended in [false, false, true] {
        assert_eq!(stream.is_terminated(), ended);
        let _ = polled(stream.as_mut());
    }
}

/// What the source is, the stream is.
#[test]
fn a_stream_is_as_mobile_as_its_source() {
    fn sends<T: Send + Sync + Unpin>(_: &T) {}
    sends(&wrap_streaming_response(streams::iter(["one"]), "/mobile"));
    sends::<MeteredStream<Pin<Box<dyn Stream<Item = Io<Bytes>> + Send + Sync>>>>(
        &wrap_streaming_response(Box::pin(streams::empty()), "/mobile"),
    );
    // One that is not `Send` can be counted, too.
    let here = Rc::new(Cell::new(0));
    let source = streams::iter([Rc::clone(&here)]).map(|here| {
        here.set(here.get() + 1);
        "one"
    });
    assert_eq!(wrap_streaming_response(source, "/mobile").count().now_or_never(), Some(1));
    assert_eq!(here.get(), 1);
}

/// Serves a stream and reads it to its end or its first error; or drops it unread.
async fn serve(wrap: Wrap, source: impl Fn() -> Frames + Clone + Send + Sync + 'static) -> Scrape {
    serve_and(wrap, source, true).await
}

async fn serve_and(
    wrap: Wrap,
    source: impl Fn() -> Frames + Clone + Send + Sync + 'static,
    reads: bool,
) -> Scrape {
    let metrics = metrics();
    let handler = move || {
        let stream = wrap(source());
        async move { Body::from_stream(stream) }
    };
    let app = Router::new().route("/", route_get(handler)).layer(metrics.layer());
    let mut body = send(&app, Method::GET, "/").await.into_body();
    if reads {
        while let Ok(Some(Ok(_))) = AssertUnwindSafe(body.frame()).catch_unwind().await {}
    }
    drop(body);
    settled(&metrics)
}

#[track_caller]
fn assert_stream(scrape: &Scrape, outcome: &str, chunks: i64, bytes: i64) {
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 1, "{scrape:#?}");
    let ended = [("outcome", outcome)];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &ended), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_stream_chunks_total", &[]), chunks);
    assert_eq!(scrape.sum("app_stream_bytes_total", &[]), bytes);
    assert_eq!(scrape.sum("app_inter_chunk_seconds_count", &[]), (chunks - 1).max(0));
    assert_eq!(scrape.sum("app_time_to_first_chunk_seconds_count", &[]), chunks.min(1));
    assert!(scrape.sum("app_llm_calls_total", &[]) <= 1);
    assert_eq!(
        scrape.sum("app_llm_calls_total", &[]),
        scrape.sum("app_usage_missing_total", &[]),
        "there was no usage"
    );
}

/// Without a protocol a stream that ends is complete; with one it lacks its end marker.
const ENDS: [(Wrap, &str); 2] = [(unread, "complete"), (read, "truncated")];

fn frames(items: impl IntoIterator<Item = Io<Bytes>, IntoIter: Send + 'static>) -> Frames {
    Box::pin(streams::iter(items))
}

#[tokio::test]
async fn a_line_that_never_ends_is_counted_as_it_comes() {
    for (wrap, outcome) in ENDS {
        let line = || {
            let start = Bytes::from("data: {\"choices\":[{\"delta\":{\"content\":\"");
            let piece = Bytes::from(vec![b'a'; 16 * 1024]);
            let pieces = std::iter::repeat_n(piece, 1_000);
            frames(std::iter::once(start).chain(pieces).map(Ok))
        };
        assert_stream(&serve(wrap, line).await, outcome, 1_001, 16_384_039);
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_pass() {
    for (wrap, outcome) in ENDS {
        let bytes = || {
            let event: &[u8] = b"data: {\"model\":\"\xff\xfe\",\"choices\":\xc3\x28}\n\n";
            frames([Ok(Bytes::from(event)), Ok(Bytes::from(&b"\xf0\x9f"[..]))])
        };
        assert_stream(&serve(wrap, bytes).await, outcome, 2, 37);
    }
}

#[tokio::test]
async fn a_chunk_of_a_megabyte_is_one_chunk() {
    for (wrap, outcome) in ENDS {
        for byte in [b'a', b'{', b'"', b'\n', b'['] {
            let chunk = move || frames([Ok(Bytes::from(vec![byte; 1 << 20]))]);
            let scrape = serve(wrap, chunk).await;
            let chunks = scrape.sum("app_stream_chunks_total", &[]);
            // A million blank lines keep the connection alive.
            let expected = i64::from(byte != b'\n' || outcome == "complete");
            assert_stream(&scrape, outcome, expected, chunks << 20);
        }
    }
}

#[tokio::test]
async fn an_empty_stream_ends_without_chunks() {
    for (wrap, outcome) in ENDS {
        assert_stream(&serve(wrap, || frames([])).await, outcome, 0, 0);
        let blank = || frames([Ok(Bytes::new()), Ok(Bytes::new())]);
        assert_stream(&serve(wrap, blank).await, outcome, 2, 0);
    }
}

#[tokio::test]
async fn a_stream_that_nobody_reads_was_left() {
    for (wrap, _) in ENDS {
        let never = || -> Frames { Box::pin(streams::poll_fn(|_| panic!("nobody asks"))) };
        assert_stream(&serve_and(wrap, never, false).await, "client_disconnect", 0, 0);
    }
}

#[tokio::test]
async fn a_stream_that_is_dropped_in_the_handler_was_left() {
    for (wrap, _) in ENDS {
        let metrics = metrics();
        let handler = move || {
            drop(wrap(frames([Ok(Bytes::from("one"))])));
            future::ready("nothing of it")
        };
        let app = Router::new().route("/", route_get(handler)).layer(metrics.layer());
        drop(send(&app, Method::GET, "/").await);
        let scrape = settled(&metrics);
        assert_stream(&scrape, "client_disconnect", 0, 0);
        assert_eq!(scrape.sum("app_http_requests_total", &[("outcome", "success")]), 1);
    }
}

#[tokio::test]
async fn an_error_that_is_the_first_item_is_an_error() {
    for (wrap, _) in ENDS {
        let fails = || frames([Err(std::io::Error::other("on purpose"))]);
        let scrape = serve(wrap, fails).await;
        assert_stream(&scrape, "stream_error", 0, 0);
        assert_eq!(scrape.sum("app_stream_errors_total", &[ENDPOINT, ("error_type", "Error")]), 1);
        assert_eq!(scrape.sum("app_stream_errors_total", &[]), 1);
    }
}

#[tokio::test]
async fn a_panic_when_first_polled_is_a_panic() {
    for (wrap, _) in ENDS {
        let panics = || -> Frames { Box::pin(streams::poll_fn(|_| panic!("on purpose"))) };
        let scrape = serve(wrap, panics).await;
        assert_stream(&scrape, "panic", 0, 0);
        assert_eq!(scrape.sum("app_stream_errors_total", &[("error_type", "panic")]), 1);
        assert_eq!(scrape.sum("app_http_requests_total", &[("outcome", "panic")]), 1);
    }
}

#[tokio::test]
async fn a_stream_that_flows_is_shown_after_64_chunks() {
    for (wrap, _) in ENDS {
        let metrics = metrics();
        let handler = move || {
            let stream = wrap(frames((0..200).map(|_| Ok(Bytes::from("data: a\n\n")))));
            async move { Body::from_stream(stream) }
        };
        let app = Router::new().route("/", route_get(handler)).layer(metrics.layer());
        let mut body = send(&app, Method::GET, "/").await.into_body();
        for read in 1..=200 {
            body.frame().await.expect("there is a frame").expect("it is no error");
            let scrape = Scrape::of(&metrics);
            let shown = scrape.sum("app_stream_chunks_total", &[ENDPOINT]);
            assert!(shown <= read && read - shown < 64, "{shown} of {read}");
            assert_eq!(scrape.sum("app_stream_bytes_total", &[ENDPOINT]), shown * 9);
            assert_eq!(scrape.sum("app_active_streams", &[ENDPOINT]), 1);
        }
        drop(body);
        assert_stream(&settled(&metrics), "client_disconnect", 200, 1_800);
    }
}

#[tokio::test]
async fn a_stream_that_flows_slowly_is_shown_after_a_quarter_of_a_second() {
    let metrics = metrics();
    let source = || -> Frames {
        Box::pin(streams::repeat_with(|| {
            // It is busy, and never says that it has nothing ready.
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(251) {
                std::hint::spin_loop();
            }
            Ok(Bytes::from("one"))
        }))
    };
    let handler = move || async move { Body::from_stream(unread(source())) };
    let app = Router::new().route("/", route_get(handler)).layer(metrics.layer());
    let mut body = send(&app, Method::GET, "/").await.into_body();
    for read in 1..=2 {
        body.frame().await.expect("there is a frame").expect("it is no error");
        assert_eq!(Scrape::of(&metrics).sum("app_stream_chunks_total", &[ENDPOINT]), read);
    }
}
