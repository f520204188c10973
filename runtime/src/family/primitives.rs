//! The numbers of one series: counters and gauges, as atomics without locks.
//!
//! Amounts are integers, so that sums are exact and an addition is one instruction: durations in
//! nanoseconds, sizes in bytes, tokens in tokens. They are converted to seconds when they are read.

use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed},
};

use prometheus::proto::MetricType;

use super::shard::{Sharded, add};
use super::snapshot::SeriesValue;

/// The numbers of one series of a family.
pub(crate) trait Primitive: Send + Sync + 'static {
    /// The settings that all series of a family share.
    type Settings: Send + Sync + 'static;
    /// The type in the `# TYPE` line of the family.
    const METRIC_TYPE: MetricType;

    fn new(settings: &Self::Settings) -> Self;

    /// Returns whether the series appears on the page.
    fn is_shown(&self) -> bool {
        true
    }

    /// Calls `show` with the current value.
    fn read(&self, show: impl FnOnce(SeriesValue<'_>));
}

/// A counter of events, bytes or tokens.
pub(crate) struct Counter(Sharded<AtomicU64>);

impl Counter {
    pub(crate) fn add(&self, amount: u64) {
        self.0.add(|number| add(number, amount), AtomicU64::default);
    }
}

impl Primitive for Counter {
    type Settings = ();
    const METRIC_TYPE: MetricType = MetricType::COUNTER;

    fn new((): &()) -> Self {
        Self(Sharded::new(AtomicU64::default()))
    }

    fn read(&self, show: impl FnOnce(SeriesValue<'_>)) {
        show(SeriesValue::Counter(self.0.sum(|number| number.load(Relaxed))));
    }
}

/// A counter of money, in picodollars: one dollar per million tokens is one million picodollars per
/// token.
///
/// The amount is a float, which cannot overflow however many tokens a provider reports. Its sums
/// are exact up to some thousands of dollars, and precise to fifteen digits above that.
#[derive(Default)]
pub(crate) struct MoneyCounter(AtomicU64);

impl MoneyCounter {
    pub(crate) fn add(&self, amount: f64) {
        let plus = |bits| Some((f64::from_bits(bits) + amount).to_bits());
        let _ = self.0.fetch_update(Relaxed, Relaxed, plus);
    }
}

impl Primitive for MoneyCounter {
    type Settings = ();
    const METRIC_TYPE: MetricType = MetricType::COUNTER;

    fn new((): &()) -> Self {
        Self::default()
    }

    fn read(&self, show: impl FnOnce(SeriesValue<'_>)) {
        show(SeriesValue::FloatCounter(f64::from_bits(self.0.load(Relaxed)) / 1e12));
    }
}

/// A number of active things, which rises and falls by one.
///
/// A gauge at zero is shown only after [`show`](Self::show): a request that turns out not to be
/// recorded must not leave a series behind.
pub(crate) struct Gauge {
    changes: Sharded<Changes>,
    shown: AtomicBool,
}

/// How many times a gauge is read at most while other threads change it.
const MAX_READS: usize = 16;

/// The number of times that a gauge has risen and fallen.
///
/// Both are kept because a gauge may rise on one thread and fall on another. A reader that loads
/// the falls first then sees all rises that happened before them, so that the difference is never
/// negative.
#[derive(Default)]
struct Changes {
    rises: AtomicU64,
    falls: AtomicU64,
}

impl Gauge {
    pub(crate) fn inc(&self) {
        self.changes.add(|changes| add(&changes.rises, 1), Changes::default);
    }

    pub(crate) fn dec(&self) {
        self.changes.add(|changes| add(&changes.falls, 1), Changes::default);
    }

    /// Returns the current value.
    ///
    /// A rise and fall between the loads of the falls and of the rises makes the difference too
    /// large. So the difference is taken when no fall happened meanwhile, else the smallest of
    /// several is.
    fn value(&self) -> u64 {
        let falls = || self.changes.sum(|changes| changes.falls.load(Acquire));
        let rises = || self.changes.sum(|changes| changes.rises.load(Acquire));
        let (mut before, mut least) = (falls(), u64::MAX);
        for _ in 0..MAX_READS {
            least = least.min(rises().wrapping_sub(before));
            let after = falls();
            if after == before {
                break;
            }
            before = after;
        }
        least
    }

    /// Shows the gauge from now on, also while it is zero.
    pub(crate) fn show(&self) {
        // The load avoids a write to a cache line that all threads share.
        if !self.shown.load(Relaxed) {
            self.shown.store(true, Relaxed);
        }
    }
}

impl Primitive for Gauge {
    type Settings = ();
    const METRIC_TYPE: MetricType = MetricType::GAUGE;

    fn new((): &()) -> Self {
        Self { changes: Sharded::new(Changes::default()), shown: AtomicBool::new(false) }
    }

    fn is_shown(&self) -> bool {
        self.shown.load(Relaxed) || self.value() != 0
    }

    fn read(&self, show: impl FnOnce(SeriesValue<'_>)) {
        show(SeriesValue::Gauge(self.value()));
    }
}

/// A quantity that is set as a whole, such as what is left of a limit.
///
/// It is shown once it has been set.
#[derive(Default)]
pub(crate) struct Level {
    value: AtomicU64,
    is_set: AtomicBool,
}

impl Level {
    pub(crate) fn set(&self, value: u64) {
        self.value.store(value, Relaxed);
        self.is_set.store(true, Relaxed);
    }
}

impl Primitive for Level {
    type Settings = ();
    const METRIC_TYPE: MetricType = MetricType::GAUGE;

    fn new((): &()) -> Self {
        Self::default()
    }

    fn is_shown(&self) -> bool {
        self.is_set.load(Relaxed)
    }

    fn read(&self, show: impl FnOnce(SeriesValue<'_>)) {
        show(SeriesValue::Gauge(self.value.load(Relaxed)));
    }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus samples are 64-bit floats")]
pub(super) fn to_f64(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauge_that_rises_and_falls_on_different_threads_is_never_too_large_or_negative() {
        let gauge = Gauge::new(&());
        let (rise, fall) = std::sync::mpsc::sync_channel(4);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                let rise = rise;
                for _ in 0..100_000 {
                    gauge.inc();
                    rise.send(()).expect("the other thread receives until this one ends");
                }
            });
            let falls = threads.spawn(|| {
                for () in fall {
                    gauge.dec();
                }
            });
            while !falls.is_finished() {
                // Four rises wait in the channel, and each thread is about to send or to fall once.
                let value = gauge.value();
                assert!(value <= 6, "{value}: the gauge was never above 6 or below 0");
            }
        });
        assert_eq!(gauge.value(), 0);
    }
}
