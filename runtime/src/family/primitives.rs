//! The numbers of one series: counters and gauges.
//!
//! Amounts are in whole units: durations in nanoseconds, sizes in bytes, tokens in tokens. Counters
//! are integers and exact. The sums of histograms and of money are floats, which do not overflow.
//!
//! The values of these types are small and are copied freely. They say where the numbers are
//! (`cells`), and have none themselves.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use prometheus::proto::MetricType;

use super::cells::{CounterCells, GaugeCells, Writer};
use super::snapshot::SeriesValue;

/// The numbers of one series of a family. They live as long as the process.
pub(crate) trait Primitive: Copy + Send + Sync + 'static {
    /// The settings that all series of a family share.
    type Settings: Copy + Send + Sync + 'static;
    /// The type in the `# TYPE` line of the family.
    const METRIC_TYPE: MetricType;

    fn new(settings: Self::Settings) -> Self;

    /// Returns whether the series appears on the page.
    fn is_shown(self) -> bool {
        true
    }

    /// Calls `show` with the current value.
    fn read(self, show: impl FnOnce(SeriesValue<'_>));
}

/// A counter of events, bytes or tokens.
#[derive(Clone, Copy)]
pub(crate) struct Counter(CounterCells);

impl Counter {
    #[inline]
    pub(crate) fn add(self, amount: u64) {
        self.0.add(amount);
    }

    #[inline]
    pub(super) fn add_with(self, writer: &Writer<'_>, amount: u64) {
        self.0.add_with(writer, amount);
    }
}

impl Primitive for Counter {
    type Settings = ();
    const METRIC_TYPE: MetricType = MetricType::COUNTER;

    fn new((): ()) -> Self {
        Self(CounterCells::new())
    }

    fn read(self, show: impl FnOnce(SeriesValue<'_>)) {
        show(SeriesValue::Counter(self.0.value()));
    }
}

/// A counter of money, in picodollars: one dollar per million tokens is one million picodollars per
/// token.
///
/// The amount is a float, which cannot overflow however many tokens a provider reports. Its sums
/// are exact up to some thousands of dollars, and precise to fifteen digits above that.
#[derive(Clone, Copy)]
pub(crate) struct MoneyCounter(CounterCells);

impl MoneyCounter {
    pub(crate) fn add(self, amount: f64) {
        self.0.add_float(amount);
    }
}

impl Primitive for MoneyCounter {
    type Settings = ();
    const METRIC_TYPE: MetricType = MetricType::COUNTER;

    fn new((): ()) -> Self {
        Self(CounterCells::new())
    }

    fn read(self, show: impl FnOnce(SeriesValue<'_>)) {
        show(SeriesValue::FloatCounter(self.0.float_value() / 1e12));
    }
}

/// A number of active things, which rises and falls by one.
///
/// A gauge at zero is shown only after [`show`](Self::show): a request that turns out not to be
/// recorded must not leave a series behind.
#[derive(Clone, Copy)]
pub(crate) struct Gauge(GaugeCells);

impl Gauge {
    /// Creates a gauge that belongs to no family, for a number that is not on the page.
    pub(crate) fn unlabelled() -> Self {
        Self::new(())
    }

    /// Returns the current value.
    pub(crate) fn value(self) -> u64 {
        self.0.value()
    }

    #[inline]
    pub(crate) fn inc(self) {
        self.0.rise();
    }

    #[inline]
    pub(crate) fn dec(self) {
        self.0.fall();
    }

    #[inline]
    pub(super) fn dec_and_show(self, writer: &Writer<'_>) {
        self.0.fall_and_show(writer);
    }

    /// Shows the gauge from now on, also while it is zero.
    pub(crate) fn show(self) {
        self.0.show();
    }
}

impl Primitive for Gauge {
    type Settings = ();
    const METRIC_TYPE: MetricType = MetricType::GAUGE;

    fn new((): ()) -> Self {
        Self(GaugeCells::new())
    }

    fn is_shown(self) -> bool {
        self.0.is_shown() || self.0.value() != 0
    }

    fn read(self, show: impl FnOnce(SeriesValue<'_>)) {
        show(SeriesValue::Gauge(self.0.value()));
    }
}

/// A quantity that is set as a whole, such as what is left of a limit.
///
/// It is shown once it has been set. All threads share the number, because the newest value
/// replaces the others.
#[derive(Clone, Copy)]
pub(crate) struct Level(&'static LevelValue);

#[derive(Default)]
struct LevelValue {
    value: AtomicU64,
    is_set: AtomicBool,
}

impl Level {
    pub(crate) fn set(self, value: u64) {
        self.0.value.store(value, Relaxed);
        self.0.is_set.store(true, Relaxed);
    }
}

impl Primitive for Level {
    type Settings = ();
    const METRIC_TYPE: MetricType = MetricType::GAUGE;

    fn new((): ()) -> Self {
        Self(Box::leak(Box::default()))
    }

    fn is_shown(self) -> bool {
        self.0.is_set.load(Relaxed)
    }

    fn read(self, show: impl FnOnce(SeriesValue<'_>)) {
        show(SeriesValue::Gauge(self.0.value.load(Relaxed)));
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
        let gauge = Gauge::new(());
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
