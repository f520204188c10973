//! One chunk of a stream: what metering it adds to the bare stream.

use std::hint::black_box;
use std::pin::{Pin, pin};
use std::time::Instant;

use axum::body::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{Stream, StreamExt, iter};
use prometheus::{Histogram, HistogramOpts, IntCounter};
use streamgauge::{streaming_metrics, wrap_streaming_response};

use crate::measure::Contender;
use crate::table::Figure;
use crate::topic::{ALLOCATIONS, Answer, Column, Group, ONE, SPREAD, TWO, Topic};

pub(crate) const TOPIC: Topic = Topic {
    name: "chunk",
    about: "a chunk of a stream: what metering it adds",
    answer: Answer::Measured(groups),
};

/// Chunks of one stream.
const CHUNKS: u32 = 1_000;
const BARE: &str = "bare stream";
const CLOCK: &str = "one `Instant::now`";

/// What a model's provider sends a token in.
const DELTA: &[u8] =
    b"data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\
\"model\":\"small-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"},\
\"finish_reason\":null}],\"usage\":null}\n\n";

/// Upper bounds of gaps, in seconds: as many as streamgauge has unless told otherwise.
const GAPS: [f64; 17] = [
    0.002, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0,
    10.0,
];

const COLUMNS: &[Column] = &[
    Column("ns", Figure::Time, |line| line.own(ONE)),
    SPREAD,
    Column("above bare, ns", Figure::Time, |line| line.above(ONE)),
    Column("above one clock read, ns", Figure::Time, |line| {
        Some(line.above(ONE)? - (line.of(CLOCK, ONE)? - line.base(ONE)?))
    }),
    Column("2 threads, ns", Figure::Time, |line| line.own(TWO)),
    Column("2 threads above bare, ns", Figure::Time, |line| line.above(TWO)),
    Column("allocations", Figure::Count, |line| line.own(ALLOCATIONS)),
];

fn deltas() -> impl Stream<Item = Bytes> {
    // The compiler must not see that they are all the same.
    iter((0..CHUNKS).map(|_| Bytes::from_static(black_box(DELTA))))
}

/// What reads a clock at every chunk, and does nothing with it.
fn timed<T>(clock: impl Fn() -> T) -> impl Stream<Item = Bytes> {
    deltas().inspect(move |_| {
        black_box(clock());
    })
}

/// What a user may write by hand.
#[derive(Clone)]
struct ByHand {
    chunks: IntCounter,
    bytes: IntCounter,
    gaps: Histogram,
}

impl ByHand {
    fn new() -> Self {
        let counter = |name| IntCounter::new(name, "What its name says.");
        let gaps = HistogramOpts::new("gap_seconds", "What its name says.").buckets(GAPS.to_vec());
        Self {
            chunks: counter("chunks").expect("the name is valid"),
            bytes: counter("bytes").expect("the name is valid"),
            gaps: Histogram::with_opts(gaps).expect("the buckets are valid"),
        }
    }

    fn counted(&self) -> impl Stream<Item = Bytes> + use<> {
        let Self { chunks, bytes, .. } = self.clone();
        deltas().inspect(move |chunk| {
            chunks.inc();
            bytes.inc_by(chunk.len() as u64);
        })
    }

    /// Counts at hand, shown every now and then; gaps at once.
    fn timed(&self) -> impl Stream<Item = Bytes> + use<> {
        let by_hand = self.clone();
        let (mut chunks, mut bytes, mut last) = (0, 0, None::<Instant>);
        deltas().inspect(move |chunk| {
            let now = Instant::now();
            if let Some(last) = last.replace(now) {
                by_hand.gaps.observe((now - last).as_secs_f64());
            }
            chunks += 1;
            bytes += chunk.len() as u64;
            if chunks == 64 {
                by_hand.chunks.inc_by(std::mem::take(&mut chunks));
                by_hand.bytes.inc_by(std::mem::take(&mut bytes));
            }
        })
    }
}

#[streaming_metrics(endpoint = "/annotated")]
fn annotated() -> impl Stream<Item = Bytes> {
    deltas()
}

#[streaming_metrics(endpoint = "/read", protocol = "openai", provider = "house")]
fn read() -> impl Stream<Item = Bytes> {
    deltas()
}

/// Reads a stream to its end, through a pointer that the compiler does not know: else it would make one loop of
/// reader and stream, and how well that goes would be what is measured.
fn drain(stream: impl Stream<Item = Bytes>) {
    let stream: Pin<&mut dyn Stream<Item = Bytes>> = pin!(stream);
    assert_eq!(black_box(stream).map(black_box).count().now_or_never(), Some(CHUNKS as usize));
}

/// A contender that makes a stream and reads it to its end.
fn streams<S: Stream<Item = Bytes>>(
    name: &str,
    stream: impl Fn() -> S + Clone + Send + Sync + 'static,
) -> Contender {
    let made = move || {
        let stream = stream.clone();
        move || drain(stream())
    };
    Contender::new(name, made).doing(CHUNKS).against(BARE)
}

fn groups() -> Vec<Group> {
    let (counted, timed_by_hand) = (ByHand::new(), ByHand::new());
    let quanta = quanta::Clock::new();
    let contenders = vec![
        streams(BARE, deltas).alone(),
        streams(CLOCK, || timed(Instant::now)),
        streams("one read of `quanta::Clock`", move || {
            let quanta = quanta.clone();
            timed(move || quanta.now())
        }),
        streams("two `prometheus` counters by hand", move || counted.counted()),
        streams("by hand: clock, gap histogram, two counters every 64 chunks", move || {
            timed_by_hand.timed()
        }),
        streams("streamgauge, `wrap_streaming_response`", || {
            wrap_streaming_response(deltas(), "/wrapped")
        }),
        streams("streamgauge, `#[streaming_metrics]`", annotated),
        streams("streamgauge, `protocol = \"openai\"`", read),
    ];
    vec![Group {
        key: "",
        caption: format!(
            "One chunk of a stream of {CHUNKS}, each {} bytes of server-sent events.",
            DELTA.len()
        ),
        two_threads: true,
        thinned: 1,
        contenders,
        columns: COLUMNS,
    }]
}
