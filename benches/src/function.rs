//! Benchmark of one call of a function: the time that an attribute adds, compared with the same
//! metrics recorded by hand.

#![expect(clippy::unused_async, reason = "the attribute on the function is measured")]

mod by_hand;

use std::hint::black_box;

use autometrics::autometrics;
use futures_util::FutureExt;
use streamgauge::{TokenUsage, Usage, instrument_endpoint, track_tokens};

use self::by_hand::{LowerBound, Metriken, OpenTelemetry, Prometheus, recorded, recorded_async};
use crate::measure::Contender;
use crate::table::NumberFormat;
use crate::topic::{ALLOCATIONS, Column, Group, ONE_THREAD, SPREAD, Source, TWO_THREADS, Topic};

pub(crate) const TOPIC: Topic = Topic {
    name: "function",
    about: "a call of a function: time that an attribute adds",
    source: Source::Contenders(groups),
};

const BARE: &str = "bare function";

const COLUMNS: &[Column] = &[
    Column("ns", NumberFormat::Time, |line| line.own(ONE_THREAD)),
    SPREAD,
    Column("above bare, ns", NumberFormat::Time, |line| line.above_base(ONE_THREAD)),
    Column("2 threads above bare, ns", NumberFormat::Time, |line| line.above_base(TWO_THREADS)),
    Column("2 threads ÷ 1", NumberFormat::Ratio, |line| {
        Some(line.above_base(TWO_THREADS)? / line.above_base(ONE_THREAD)?)
    }),
    Column("allocations", NumberFormat::Count, |line| line.own(ALLOCATIONS)),
];

fn bare(n: u64) -> u64 {
    black_box(n) + 1
}

#[autometrics]
fn autometrics_attribute(n: u64) -> u64 {
    black_box(n) + 1
}

#[autometrics(track_concurrency)]
fn autometrics_concurrency(n: u64) -> u64 {
    black_box(n) + 1
}

#[instrument_endpoint]
fn annotated(n: u64) -> u64 {
    black_box(n) + 1
}

async fn bare_async(n: u64) -> u64 {
    black_box(n) + 1
}

#[autometrics]
async fn autometrics_async(n: u64) -> u64 {
    black_box(n) + 1
}

#[autometrics(track_concurrency)]
async fn autometrics_concurrency_async(n: u64) -> u64 {
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
async fn annotated_and_tracked(n: u64) -> Reply {
    Reply(Usage::new(black_box(n) + 1, 1))
}

/// Returns a contender that is compared with the bare function.
fn calls<R>(name: &str, call: impl Fn(u64) -> R + Copy + Send + Sync + 'static) -> Contender {
    Contender::from_fn(name, move || call(black_box(1))).compared_with(BARE)
}

fn groups() -> Vec<Group> {
    const LOWER_BOUND: &str =
        "lower bound: 6 loads and stores, one shard per thread, 2 `Instant::now`";
    const PROMETHEUS: &str = "`prometheus` by hand: in flight, count, duration";
    const OPENTELEMETRY: &str =
        "`opentelemetry_sdk` 0.33, bound instruments, by hand: in flight, count, duration";
    const METRIKEN: &str =
        "`metriken` 0.11, one shard per thread, by hand: in flight, count, duration";
    const AUTOMETRICS: &str = "`#[autometrics]` 3.0: count, duration";
    const AUTOMETRICS_CONCURRENCY: &str =
        "`#[autometrics(track_concurrency)]` 3.0: in flight, count, duration";
    const STREAMGAUGE: &str = "`#[instrument_endpoint]`: in flight, count, duration";
    let plain = [
        calls(BARE, bare).without_base(),
        calls(LOWER_BOUND, recorded::<LowerBound>),
        calls(PROMETHEUS, recorded::<Prometheus>),
        calls(OPENTELEMETRY, recorded::<OpenTelemetry>),
        calls(METRIKEN, recorded::<Metriken>),
        calls(AUTOMETRICS, autometrics_attribute),
        calls(AUTOMETRICS_CONCURRENCY, autometrics_concurrency),
        calls(STREAMGAUGE, annotated),
    ];
    let futures = [
        calls(BARE, |n| bare_async(n).now_or_never()).without_base(),
        calls(LOWER_BOUND, |n| recorded_async::<LowerBound>(n).now_or_never()),
        calls(PROMETHEUS, |n| recorded_async::<Prometheus>(n).now_or_never()),
        calls(OPENTELEMETRY, |n| recorded_async::<OpenTelemetry>(n).now_or_never()),
        calls(METRIKEN, |n| recorded_async::<Metriken>(n).now_or_never()),
        calls(AUTOMETRICS, |n| autometrics_async(n).now_or_never()),
        calls(AUTOMETRICS_CONCURRENCY, |n| autometrics_concurrency_async(n).now_or_never()),
        calls(STREAMGAUGE, |n| annotated_async(n).now_or_never()),
        calls("`#[track_tokens]`: calls, input and output tokens", |n| tracked(n).now_or_never()),
        calls("`#[instrument_endpoint]` and `#[track_tokens]`", |n| {
            annotated_and_tracked(n).now_or_never()
        }),
    ];
    let group = |key, caption: &str, contenders| Group {
        key,
        caption: caption.to_owned(),
        two_threads: true,
        sample_divisor: 1,
        contenders,
        columns: COLUMNS,
    };
    vec![
        group("plain", "One call of a plain function, outside any request.", plain.into()),
        group(
            "async",
            "One call of an async function that does not wait, outside any request.",
            futures.into(),
        ),
    ]
}
