//! One series' numbers: plain atomics that never wait for each other.
//!
//! Amounts are integers, so that sums are exact and one addition is one instruction: durations in
//! nanoseconds, sizes in bytes, tokens in tokens. Seconds appear only when a value is read out.

use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed},
};

use prometheus::proto::MetricType;

use super::shard::{Sharded, add};
use super::snapshot::SeriesValue;

/// What a family's series are made of.
pub(crate) trait Primitive: Send + Sync + 'static {
    /// What all series of one family share.
    type Shape: Send + Sync + 'static;
    /// The type that is written behind `# TYPE`.
    const KIND: MetricType;

    fn new(shape: &Self::Shape) -> Self;
    /// Whether there is something to show yet.
    fn is_shown(&self) -> bool {
        true
    }

    /// Shows the current numbers.
    fn read(&self, show: impl FnOnce(SeriesValue<'_>));
}

/// A number that only grows.
pub(crate) struct Counter(Sharded<AtomicU64>);

impl Counter {
    pub(crate) fn add(&self, amount: u64) {
        self.0.add(|number| add(number, amount), AtomicU64::default);
    }
}

impl Primitive for Counter {
    type Shape = ();
    const KIND: MetricType = MetricType::COUNTER;

    fn new((): &()) -> Self {
        Self(Sharded::new(AtomicU64::default()))
    }

    fn read(&self, show: impl FnOnce(SeriesValue<'_>)) {
        show(SeriesValue::Whole(self.0.sum(|number| number.load(Relaxed))));
    }
}

/// An amount of money that only grows, in picodollars: a dollar per million tokens is a million of them a
/// token. As a float it cannot overflow, whatever a provider counts, and up to some thousands of dollars its
/// sums are exact, from there on to fifteen digits.
#[derive(Default)]
pub(crate) struct MoneyCounter(AtomicU64);

impl MoneyCounter {
    pub(crate) fn add(&self, amount: f64) {
        let plus = |bits| Some((f64::from_bits(bits) + amount).to_bits());
        let _ = self.0.fetch_update(Relaxed, Relaxed, plus);
    }
}

impl Primitive for MoneyCounter {
    type Shape = ();
    const KIND: MetricType = MetricType::COUNTER;

    fn new((): &()) -> Self {
        Self::default()
    }

    fn read(&self, show: impl FnOnce(SeriesValue<'_>)) {
        show(SeriesValue::Float(f64::from_bits(self.0.load(Relaxed)) / 1e12));
    }
}

/// A number that rises and falls by one. At zero it is shown only once somebody has said that it counts: a
/// request that turned out not to be recorded leaves no trace.
pub(crate) struct Gauge {
    turns: Sharded<Turns>,
    shown: AtomicBool,
}

/// How often a gauge that others move meanwhile is read.
const ATTEMPTS: usize = 16;

/// How often it has risen and fallen. Both are kept, because it may rise on one thread and fall on another:
/// whoever reads the falls first finds all the rises before them, and never a number below zero.
#[derive(Default)]
struct Turns {
    rises: AtomicU64,
    falls: AtomicU64,
}

impl Gauge {
    pub(crate) fn inc(&self) {
        self.turns.add(|turns| add(&turns.rises, 1), Turns::default);
    }

    pub(crate) fn dec(&self) {
        self.turns.add(|turns| add(&turns.falls, 1), Turns::default);
    }

    /// What comes and goes between the two readings is seen to rise and not to fall, which makes the difference
    /// too large: it is taken where nothing has fallen meanwhile, else the least of some.
    fn value(&self) -> u64 {
        let falls = || self.turns.sum(|turns| turns.falls.load(Acquire));
        let rises = || self.turns.sum(|turns| turns.rises.load(Acquire));
        let (mut before, mut least) = (falls(), u64::MAX);
        for _ in 0..ATTEMPTS {
            least = least.min(rises().wrapping_sub(before));
            let after = falls();
            if after == before {
                break;
            }
            before = after;
        }
        least
    }

    /// Shows the gauge from now on, also at zero.
    pub(crate) fn show(&self) {
        if !self.shown.load(Relaxed) {
            self.shown.store(true, Relaxed);
        }
    }
}

impl Primitive for Gauge {
    type Shape = ();
    const KIND: MetricType = MetricType::GAUGE;

    fn new((): &()) -> Self {
        Self { turns: Sharded::new(Turns::default()), shown: AtomicBool::new(false) }
    }

    fn is_shown(&self) -> bool {
        self.shown.load(Relaxed) || self.value() != 0
    }

    fn read(&self, show: impl FnOnce(SeriesValue<'_>)) {
        show(SeriesValue::Level(self.value()));
    }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus samples are 64-bit floats")]
pub(super) fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_that_rises_on_one_thread_and_falls_on_another_is_never_more_nor_less_than_it_was() {
        let gauge = Gauge::new(&());
        let (rise, fall) = std::sync::mpsc::sync_channel(4);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                let rise = rise;
                for _ in 0..100_000 {
                    gauge.inc();
                    rise.send(()).expect("the other one listens");
                }
            });
            let falls = threads.spawn(|| {
                for () in fall {
                    gauge.dec();
                }
            });
            while !falls.is_finished() {
                // As many as wait to fall, and those that the two threads are about.
                let value = gauge.value();
                assert!(value <= 6, "{value}: never so many at once, or less than nothing");
            }
        });
        assert_eq!(gauge.value(), 0);
    }
}
