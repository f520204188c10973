//! Benchmark of one read of a clock. A duration needs two reads, so twice this time is the minimum
//! cost of a duration.

use std::time::{Instant, SystemTime};

use rustix::time::{ClockId, clock_gettime};

use crate::measure::Contender;
use crate::table::NumberFormat;
use crate::topic::{Column, Group, ONE_THREAD, SPREAD, Source, Topic};

pub(crate) const TOPIC: Topic =
    Topic { name: "clock", about: "a read of a clock", source: Source::Contenders(groups) };

const COLUMNS: &[Column] = &[Column("ns", NumberFormat::Time, |line| line.own(ONE_THREAD)), SPREAD];

/// Returns a contender that reads a `quanta` clock; each thread has its own clock.
fn quanta_contender<T: 'static>(name: &str, read: fn(&quanta::Clock) -> T) -> Contender {
    Contender::new(name, move || {
        let clock = quanta::Clock::new();
        move || drop(std::hint::black_box(read(&clock)))
    })
}

fn groups() -> Vec<Group> {
    vec![Group {
        key: "",
        caption: "One read of a clock.".to_owned(),
        two_threads: false,
        sample_divisor: 1,
        contenders: vec![
            Contender::from_fn("`std::time::Instant::now`", Instant::now),
            Contender::from_fn("`std::time::SystemTime::now`", SystemTime::now),
            Contender::from_fn("`quanta::Instant::now`", quanta::Instant::now),
            quanta_contender("`quanta::Clock::now`", quanta::Clock::now),
            quanta_contender("`quanta::Clock::raw`", quanta::Clock::raw),
            Contender::from_fn("`CLOCK_MONOTONIC_COARSE`", || {
                clock_gettime(ClockId::MonotonicCoarse)
            }),
        ],
        columns: COLUMNS,
    }]
}
