//! One call of a function: what an attribute on it adds, and the same by hand.

#![expect(clippy::unused_async, reason = "what is measured is the attribute")]

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Instant;

use autometrics::autometrics;
use futures_util::FutureExt;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge};
use streamgauge::{TokenUsage, Usage, instrument_endpoint, track_tokens};

use crate::measure::Contender;
use crate::peers::SECONDS;
use crate::table::Figure;
use crate::topic::{ALLOCATIONS, Answer, Column, Group, ONE, SPREAD, TWO, Topic};

pub(crate) const TOPIC: Topic = Topic {
    name: "function",
    about: "a call of a function: what an attribute on it adds",
    answer: Answer::Measured(groups),
};

const BARE: &str = "bare function";

const COLUMNS: &[Column] = &[
    Column("ns", Figure::Time, |line| line.own(ONE)),
    SPREAD,
    Column("above bare, ns", Figure::Time, |line| line.above(ONE)),
    Column("2 threads above bare, ns", Figure::Time, |line| line.above(TWO)),
    Column("2 threads ÷ 1", Figure::Ratio, |line| Some(line.above(TWO)? / line.above(ONE)?)),
    Column("allocations", Figure::Count, |line| line.own(ALLOCATIONS)),
];

/// What a function records of itself, by hand.
struct ByHand {
    in_flight: IntGauge,
    calls: IntCounter,
    duration: Histogram,
}

static BY_HAND: LazyLock<ByHand> = LazyLock::new(|| {
    let about = "What its name says.";
    let duration = HistogramOpts::new("call_seconds", about).buckets(SECONDS.to_vec());
    ByHand {
        in_flight: IntGauge::new("calls_in_flight", about).expect("the name is valid"),
        calls: IntCounter::new("calls", about).expect("the name is valid"),
        duration: Histogram::with_opts(duration).expect("the buckets are valid"),
    }
});

impl ByHand {
    fn enter(&self) -> Instant {
        self.in_flight.inc();
        Instant::now()
    }

    fn leave(&self, entered: Instant) {
        self.calls.inc();
        self.duration.observe(entered.elapsed().as_secs_f64());
        self.in_flight.dec();
    }
}

fn bare(n: u64) -> u64 {
    black_box(n) + 1
}

fn by_hand(n: u64) -> u64 {
    let entered = BY_HAND.enter();
    let sum = black_box(n) + 1;
    BY_HAND.leave(entered);
    sum
}

#[autometrics]
fn peer(n: u64) -> u64 {
    black_box(n) + 1
}

#[autometrics(track_concurrency)]
fn concurrent_peer(n: u64) -> u64 {
    black_box(n) + 1
}

#[instrument_endpoint]
fn annotated(n: u64) -> u64 {
    black_box(n) + 1
}

async fn bare_async(n: u64) -> u64 {
    black_box(n) + 1
}

async fn by_hand_async(n: u64) -> u64 {
    let entered = BY_HAND.enter();
    let sum = black_box(n) + 1;
    BY_HAND.leave(entered);
    sum
}

#[autometrics]
async fn peer_async(n: u64) -> u64 {
    black_box(n) + 1
}

#[autometrics(track_concurrency)]
async fn concurrent_peer_async(n: u64) -> u64 {
    black_box(n) + 1
}

#[instrument_endpoint]
async fn annotated_async(n: u64) -> u64 {
    black_box(n) + 1
}

#[derive(TokenUsage)]
struct Reply(#[token_usage(nested)] Usage);

#[track_tokens(provider = "house", model = "small-1")]
async fn tracked(n: u64) -> Reply {
    Reply(Usage::new(black_box(n) + 1, 1))
}

#[instrument_endpoint]
#[track_tokens(provider = "house", model = "small-1")]
async fn both(n: u64) -> Reply {
    Reply(Usage::new(black_box(n) + 1, 1))
}

/// A contender that is compared with the bare function.
fn calls<R>(name: &str, call: impl Fn(u64) -> R + Copy + Send + Sync + 'static) -> Contender {
    Contender::of(name, move || call(black_box(1))).against(BARE)
}

fn groups() -> Vec<Group> {
    const HAND: &str = "`prometheus` by hand: in flight, count, duration";
    const PEER: &str = "`#[autometrics]` 3.0: count, duration";
    const CONCURRENT: &str = "`#[autometrics(track_concurrency)]`: in flight, too";
    const OURS: &str = "`#[instrument_endpoint]`: in flight, count, duration";
    let plain = [
        calls(BARE, bare).alone(),
        calls(HAND, by_hand),
        calls(PEER, peer),
        calls(CONCURRENT, concurrent_peer),
        calls(OURS, annotated),
    ];
    let futures = [
        calls(BARE, |n| bare_async(n).now_or_never()).alone(),
        calls(HAND, |n| by_hand_async(n).now_or_never()),
        calls(PEER, |n| peer_async(n).now_or_never()),
        calls(CONCURRENT, |n| concurrent_peer_async(n).now_or_never()),
        calls(OURS, |n| annotated_async(n).now_or_never()),
        calls("`#[track_tokens]`: tokens of both sides, calls", |n| tracked(n).now_or_never()),
        calls("`#[instrument_endpoint]` and `#[track_tokens]`", |n| both(n).now_or_never()),
    ];
    let group = |key, caption: &str, contenders| Group {
        key,
        caption: caption.to_owned(),
        two_threads: true,
        thinned: 1,
        contenders,
        columns: COLUMNS,
    };
    vec![
        group("plain", "One call of a plain function, outside any request.", plain.into()),
        group("async", "One call of an async function that is ready at once.", futures.into()),
    ]
}
