//! Metered streams behave like their sources, and count sources of every kind without failing.

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

use crate::sample_replies::{Frames, Io};

const ENDPOINT: (&str, &str) = ("endpoint", "/");

#[streaming_metrics]
fn without_protocol(source: Frames) -> Frames {
    source
}

#[streaming_metrics(protocol = "openai")]
fn with_protocol(source: Frames) -> Frames {
    source
}

/// A function that meters a stream.
type Wrap = fn(Frames) -> Frames;

const WRAPS: [Wrap; 3] = [without_protocol, with_protocol, |source| {
    Box::pin(wrap_streaming_response(source, "/wrapped"))
}];

fn poll_once<S: Stream + ?Sized>(stream: Pin<&mut S>) -> Poll<Option<S::Item>> {
    stream.poll_next(&mut Context::from_waker(Waker::noop()))
}

/// A source that counts its polls and its drop.
struct CountingSource {
    polls: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
    steps: std::vec::IntoIter<Poll<&'static str>>,
}

impl Stream for CountingSource {
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

impl Drop for CountingSource {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Relaxed);
    }
}

#[test]
fn source_is_polled_once_per_poll_of_its_stream() {
    for wrap in WRAPS {
        let (polls, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let steps = vec![Poll::Ready("one"), Poll::Pending, Poll::Pending, Poll::Ready("two")];
        let steps = steps.into_iter();
        let counting =
            CountingSource { polls: Arc::clone(&polls), dropped: Arc::clone(&dropped), steps };
        let mut stream = wrap(Box::pin(counting));
        assert_eq!(
            polls.load(Relaxed),
            0,
            "the stream does not poll its source before it is polled"
        );
        for (polled, (left, item)) in
            [(4, Some("one")), (3, None), (2, None), (1, Some("two"))].into_iter().enumerate()
        {
            assert_eq!(stream.size_hint(), (0, Some(left)));
            assert_eq!(polls.load(Relaxed), polled, "no item is polled ahead");
            match poll_once(stream.as_mut()) {
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
fn stream_polled_after_its_end_behaves_like_its_source() {
    for wrap in WRAPS {
        let mut stream = wrap(Box::pin(streams::iter([Ok(Bytes::from("one"))]).fuse()));
        assert!(poll_once(stream.as_mut()).is_ready());
        for _ in 0..3 {
            assert!(matches!(poll_once(stream.as_mut()), Poll::Ready(None)));
        }
    }
    // A source that continues after its end may do so, but its items are no longer counted.
    let mut turn = 0;
    let source = streams::poll_fn(move |_| {
        turn += 1;
        Poll::Ready((turn != 2).then_some("item"))
    });
    let mut stream = pin!(wrap_streaming_response(source, "/continues"));
    let items: Vec<_> = (0..4).map(|_| poll_once(stream.as_mut())).collect();
    let item = Poll::Ready(Some("item"));
    assert_eq!(items, [item, Poll::Ready(None), item, item]);
    let scrape = Scrape::of(streamgauge::Metrics::global());
    assert_eq!(scrape.sum("app_stream_chunks_total", &[("endpoint", "/continues")]), 1);
    assert_eq!(scrape.sum("app_active_streams", &[("endpoint", "/continues")]), 0);
}

#[test]
fn fused_stream_reports_its_termination() {
    let mut stream = pin!(wrap_streaming_response(streams::iter(["one"]).fuse(), "/fused"));
    for ended in [false, false, true] {
        assert_eq!(stream.is_terminated(), ended);
        let _ = poll_once(stream.as_mut());
    }
}

#[test]
fn stream_has_the_auto_traits_of_its_source() {
    fn assert_auto_traits<T: Send + Sync + Unpin>(_: &T) {}
    assert_auto_traits(&wrap_streaming_response(streams::iter(["one"]), "/auto-traits"));
    assert_auto_traits::<MeteredStream<Pin<Box<dyn Stream<Item = Io<Bytes>> + Send + Sync>>>>(
        &wrap_streaming_response(Box::pin(streams::empty()), "/auto-traits"),
    );
    // A source that is not `Send` can be metered as well.
    let counter = Rc::new(Cell::new(0));
    let source = streams::iter([Rc::clone(&counter)]).map(|counter| {
        counter.set(counter.get() + 1);
        "one"
    });
    assert_eq!(wrap_streaming_response(source, "/auto-traits").count().now_or_never(), Some(1));
    assert_eq!(counter.get(), 1);
}

/// Serves a stream and reads it to its end or its first error.
async fn serve(wrap: Wrap, source: impl Fn() -> Frames + Clone + Send + Sync + 'static) -> Scrape {
    serve_and_read(wrap, source, true).await
}

/// Serves a stream and, unless `reads` is false, reads it to its end or its first error.
async fn serve_and_read(
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
    let calls = scrape.sum("app_llm_calls_total", &[]);
    assert!(calls <= 1);
    let has_failed = matches!(outcome, "stream_error" | "panic");
    let missing = if has_failed { 0 } else { calls };
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), missing, "the stream has no usage");
}

/// Without a protocol a stream that ends is complete; with a protocol it lacks its end marker.
const OUTCOMES: [(Wrap, &str); 2] = [(without_protocol, "complete"), (with_protocol, "truncated")];

fn frames(items: impl IntoIterator<Item = Io<Bytes>, IntoIter: Send + 'static>) -> Frames {
    Box::pin(streams::iter(items))
}

#[tokio::test]
async fn line_without_end_is_counted_chunk_by_chunk() {
    for (wrap, outcome) in OUTCOMES {
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
async fn invalid_utf8_is_counted() {
    for (wrap, outcome) in OUTCOMES {
        let bytes = || {
            let event: &[u8] = b"data: {\"model\":\"\xff\xfe\",\"choices\":\xc3\x28}\n\n";
            frames([Ok(Bytes::from(event)), Ok(Bytes::from(&b"\xf0\x9f"[..]))])
        };
        assert_stream(&serve(wrap, bytes).await, outcome, 2, 37);
    }
}

#[tokio::test]
async fn chunk_of_one_megabyte_is_one_chunk() {
    for (wrap, outcome) in OUTCOMES {
        for byte in [b'a', b'{', b'"', b'\n', b'['] {
            let chunk = move || frames([Ok(Bytes::from(vec![byte; 1 << 20]))]);
            let scrape = serve(wrap, chunk).await;
            let chunks = scrape.sum("app_stream_chunks_total", &[]);
            // With a protocol, a million blank lines count as keep-alive.
            let expected = i64::from(byte != b'\n' || outcome == "complete");
            assert_stream(&scrape, outcome, expected, chunks << 20);
        }
    }
}

#[tokio::test]
async fn empty_stream_ends_without_chunks() {
    for (wrap, outcome) in OUTCOMES {
        assert_stream(&serve(wrap, || frames([])).await, outcome, 0, 0);
        let blank = || frames([Ok(Bytes::new()), Ok(Bytes::new())]);
        assert_stream(&serve(wrap, blank).await, outcome, 2, 0);
    }
}

#[tokio::test]
async fn client_disconnect_is_the_outcome_of_an_unread_stream() {
    for (wrap, _) in OUTCOMES {
        let never_polled =
            || -> Frames { Box::pin(streams::poll_fn(|_| panic!("the stream is not polled"))) };
        assert_stream(&serve_and_read(wrap, never_polled, false).await, "client_disconnect", 0, 0);
    }
}

#[tokio::test]
async fn client_disconnect_is_the_outcome_of_a_stream_dropped_by_its_handler() {
    for (wrap, _) in OUTCOMES {
        let metrics = metrics();
        let handler = move || {
            drop(wrap(frames([Ok(Bytes::from("one"))])));
            future::ready("no stream")
        };
        let app = Router::new().route("/", route_get(handler)).layer(metrics.layer());
        drop(send(&app, Method::GET, "/").await);
        let scrape = settled(&metrics);
        assert_stream(&scrape, "client_disconnect", 0, 0);
        assert_eq!(scrape.sum("app_http_requests_total", &[("outcome", "success")]), 1);
    }
}

#[tokio::test]
async fn error_as_first_item_is_a_stream_error() {
    for (wrap, _) in OUTCOMES {
        let failing = || frames([Err(std::io::Error::other("on purpose"))]);
        let scrape = serve(wrap, failing).await;
        assert_stream(&scrape, "stream_error", 0, 0);
        assert_eq!(
            scrape.sum("app_stream_errors_total", &[ENDPOINT, ("error_type", "io::Error")]),
            1
        );
        assert_eq!(scrape.sum("app_stream_errors_total", &[]), 1);
    }
}

#[tokio::test]
async fn panic_at_the_first_poll_has_the_outcome_panic() {
    for (wrap, _) in OUTCOMES {
        let panics = || -> Frames { Box::pin(streams::poll_fn(|_| panic!("on purpose"))) };
        let scrape = serve(wrap, panics).await;
        assert_stream(&scrape, "panic", 0, 0);
        assert_eq!(scrape.sum("app_stream_errors_total", &[("error_type", "panic")]), 1);
        assert_eq!(scrape.sum("app_http_requests_total", &[("outcome", "panic")]), 1);
    }
}

#[tokio::test]
async fn chunk_counts_are_flushed_every_64_chunks() {
    for (wrap, _) in OUTCOMES {
        let metrics = metrics();
        let handler = move || {
            let stream = wrap(frames((0..200).map(|_| Ok(Bytes::from("data: a\n\n")))));
            async move { Body::from_stream(stream) }
        };
        let app = Router::new().route("/", route_get(handler)).layer(metrics.layer());
        let mut body = send(&app, Method::GET, "/").await.into_body();
        for read in 1..=200 {
            body.frame().await.expect("the body has a frame").expect("the frame is not an error");
            let scrape = Scrape::of(&metrics);
            let counted = scrape.sum("app_stream_chunks_total", &[ENDPOINT]);
            assert!(counted <= read && read - counted < 64, "{counted} of {read}");
            assert_eq!(scrape.sum("app_stream_bytes_total", &[ENDPOINT]), counted * 9);
            assert_eq!(scrape.sum("app_active_streams", &[ENDPOINT]), 1);
        }
        drop(body);
        assert_stream(&settled(&metrics), "client_disconnect", 200, 1_800);
    }
}

#[tokio::test]
async fn chunk_counts_are_flushed_after_250_milliseconds() {
    let metrics = metrics();
    let source = || -> Frames {
        Box::pin(streams::repeat_with(|| {
            // The source blocks, and never returns `Pending`.
            let started = Instant::now();
            while started.elapsed() < Duration::from_millis(251) {
                std::hint::spin_loop();
            }
            Ok(Bytes::from("one"))
        }))
    };
    let handler = move || async move { Body::from_stream(without_protocol(source())) };
    let app = Router::new().route("/", route_get(handler)).layer(metrics.layer());
    let mut body = send(&app, Method::GET, "/").await.into_body();
    for read in 1..=2 {
        body.frame().await.expect("the body has a frame").expect("the frame is not an error");
        assert_eq!(Scrape::of(&metrics).sum("app_stream_chunks_total", &[ENDPOINT]), read);
    }
}
