//! Benchmark of one chunk of a stream: the time that metering adds to the bare stream.

use std::hint::black_box;
use std::pin::{Pin, pin};
use std::time::Instant;

use axum::body::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{Stream, StreamExt, iter};
use prometheus::{Histogram, HistogramOpts, IntCounter};
use streamgauge::{streaming_metrics, wrap_streaming_response};

use crate::measure::Contender;
use crate::peers::{GAP_BUCKETS, HELP};
use crate::table::NumberFormat;
use crate::topic::{ALLOCATIONS, Column, Group, ONE_THREAD, SPREAD, Source, TWO_THREADS, Topic};

pub(crate) const TOPIC: Topic = Topic {
    name: "chunk",
    about: "a chunk of a stream: time that metering adds",
    source: Source::Contenders(groups),
};

/// Number of chunks of one stream.
const CHUNKS: u32 = 1_000;
const BARE: &str = "bare stream";
const CLOCK: &str = "one `Instant::now`";

/// A server-sent event with one token, as a provider sends it.
const DELTA: &[u8] =
    b"data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\
\"model\":\"small-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"},\
\"finish_reason\":null}],\"usage\":null}\n\n";

const COLUMNS: &[Column] = &[
    Column("ns", NumberFormat::Time, |line| line.own(ONE_THREAD)),
    SPREAD,
    Column("above bare, ns", NumberFormat::Time, |line| line.above_base(ONE_THREAD)),
    Column("above one clock read, ns", NumberFormat::Time, |line| {
        Some(
            line.above_base(ONE_THREAD)?
                - (line.figure_of(CLOCK, ONE_THREAD)? - line.base(ONE_THREAD)?),
        )
    }),
    Column("2 threads, ns", NumberFormat::Time, |line| line.own(TWO_THREADS)),
    Column("2 threads above bare, ns", NumberFormat::Time, |line| line.above_base(TWO_THREADS)),
    Column("allocations", NumberFormat::Count, |line| line.own(ALLOCATIONS)),
];

fn deltas() -> impl Stream<Item = Bytes> {
    // `black_box` hides from the compiler that all chunks are equal.
    iter((0..CHUNKS).map(|_| Bytes::from_static(black_box(DELTA))))
}

/// Returns the stream with one clock read per chunk, whose result is not used.
fn with_clock<T>(clock: impl Fn() -> T) -> impl Stream<Item = Bytes> {
    deltas().inspect(move |_| {
        black_box(clock());
    })
}

/// Metrics of a stream that an application could record by hand, with the crate `prometheus`.
#[derive(Clone)]
struct HandwrittenMetrics {
    chunks: IntCounter,
    bytes: IntCounter,
    gaps: Histogram,
}

impl HandwrittenMetrics {
    fn new() -> Self {
        let counter = |name| IntCounter::new(name, HELP);
        let gaps = HistogramOpts::new("gap_seconds", HELP).buckets(GAP_BUCKETS.to_vec());
        Self {
            chunks: counter("chunks").expect("the name is valid"),
            bytes: counter("bytes").expect("the name is valid"),
            gaps: Histogram::with_opts(gaps).expect("the buckets are valid"),
        }
    }

    /// Returns the stream with two counters, incremented for each chunk.
    fn with_counters(&self) -> impl Stream<Item = Bytes> + use<> {
        let Self { chunks, bytes, .. } = self.clone();
        deltas().inspect(move |chunk| {
            chunks.inc();
            bytes.inc_by(chunk.len() as u64);
        })
    }

    /// Returns the stream with a gap histogram, observed for each chunk, and two counters, updated
    /// every 64 chunks.
    fn with_gaps_and_counters(&self) -> impl Stream<Item = Bytes> + use<> {
        let metrics = self.clone();
        let (mut chunks, mut bytes, mut last) = (0, 0, None::<Instant>);
        deltas().inspect(move |chunk| {
            let now = Instant::now();
            if let Some(last) = last.replace(now) {
                metrics.gaps.observe((now - last).as_secs_f64());
            }
            chunks += 1;
            bytes += chunk.len() as u64;
            if chunks == 64 {
                metrics.chunks.inc_by(std::mem::take(&mut chunks));
                metrics.bytes.inc_by(std::mem::take(&mut bytes));
            }
        })
    }
}

#[streaming_metrics(endpoint = "/annotated")]
fn metered() -> impl Stream<Item = Bytes> {
    deltas()
}

#[streaming_metrics(endpoint = "/read", protocol = "openai", provider = "house")]
fn metered_and_parsed() -> impl Stream<Item = Bytes> {
    deltas()
}

/// Reads a stream to its end, through a trait object.
///
/// Otherwise the compiler could merge reader and stream into one loop, and the benchmark would
/// measure the quality of that optimization.
fn drain(stream: impl Stream<Item = Bytes>) {
    let stream: Pin<&mut dyn Stream<Item = Bytes>> = pin!(stream);
    assert_eq!(black_box(stream).map(black_box).count().now_or_never(), Some(CHUNKS as usize));
}

/// Returns a contender that creates a stream and reads it to its end.
fn stream_contender<S: Stream<Item = Bytes>>(
    name: &str,
    stream: impl Fn() -> S + Clone + Send + Sync + 'static,
) -> Contender {
    let make_call = move || {
        let stream = stream.clone();
        move || drain(stream())
    };
    Contender::new(name, make_call).with_operations_per_call(CHUNKS).compared_with(BARE)
}

fn groups() -> Vec<Group> {
    let (counters, gaps_and_counters) = (HandwrittenMetrics::new(), HandwrittenMetrics::new());
    let quanta = quanta::Clock::new();
    let contenders = vec![
        stream_contender(BARE, deltas).without_base(),
        stream_contender(CLOCK, || with_clock(Instant::now)),
        stream_contender("one read of `quanta::Clock`", move || {
            let quanta = quanta.clone();
            with_clock(move || quanta.now())
        }),
        stream_contender("two `prometheus` counters by hand", move || counters.with_counters()),
        stream_contender(
            "by hand: clock, gap histogram, two counters every 64 chunks",
            move || gaps_and_counters.with_gaps_and_counters(),
        ),
        stream_contender("streamgauge, `wrap_streaming_response`", || {
            wrap_streaming_response(deltas(), "/wrapped")
        }),
        stream_contender("streamgauge, `#[streaming_metrics]`", metered),
        stream_contender("streamgauge, `protocol = \"openai\"`", metered_and_parsed),
    ];
    vec![Group {
        key: "",
        caption: format!(
            "One chunk of a stream of {CHUNKS}, each {} bytes of server-sent events.",
            DELTA.len()
        ),
        two_threads: true,
        sample_divisor: 1,
        contenders,
        columns: COLUMNS,
    }]
}
