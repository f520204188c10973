//! One read of a clock: twice that is the least that a duration costs.

use std::time::{Instant, SystemTime};

use rustix::time::{ClockId, clock_gettime};

use crate::measure::Contender;
use crate::table::Figure;
use crate::topic::{Answer, Column, Group, ONE, SPREAD, Topic};

pub(crate) const TOPIC: Topic =
    Topic { name: "clock", about: "a read of a clock", answer: Answer::Measured(groups) };

const COLUMNS: &[Column] = &[Column("ns", Figure::Time, |line| line.own(ONE)), SPREAD];

/// Reads a `quanta` clock that each thread has of its own.
fn quanta<T: 'static>(name: &str, read: fn(&quanta::Clock) -> T) -> Contender {
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
        thinned: 1,
        contenders: vec![
            Contender::of("`std::time::Instant::now`", Instant::now),
            Contender::of("`std::time::SystemTime::now`", SystemTime::now),
            Contender::of("`quanta::Instant::now`", quanta::Instant::now),
            quanta("`quanta::Clock::now`", quanta::Clock::now),
            quanta("`quanta::Clock::raw`", quanta::Clock::raw),
            Contender::of("`CLOCK_MONOTONIC_COARSE`", || clock_gettime(ClockId::MonotonicCoarse)),
        ],
        columns: COLUMNS,
    }]
}
