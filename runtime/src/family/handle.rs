//! Handles to single series, which the caller keeps and records through.

use std::mem;
use std::time::Duration;

use super::cells::Writer;
use super::histogram::{Batch, Histogram, nanos};
use super::primitives::{Counter, Gauge, Level, MoneyCounter};

/// A handle to one series. Recording through it is a few additions.
#[derive(Clone, Copy)]
pub(crate) struct SeriesHandle<P> {
    pub(super) primitive: P,
    /// `None` for nearly all series: no label value was replaced.
    pub(super) overflow: Option<&'static OverflowCounters>,
}

/// The counters in `metrics_overflow_total` for the labels of a series whose values were replaced,
/// with the names of the labels.
pub(super) struct OverflowCounters(Box<[(Box<str>, Counter)]>);

impl OverflowCounters {
    pub(super) fn new(counters: impl Iterator<Item = (Box<str>, Counter)>) -> Self {
        Self(counters.collect())
    }

    /// Returns whether these are the counters of these labels.
    pub(super) fn is_for(&self, labels: &[&str]) -> bool {
        self.0.iter().map(|(label, _)| &**label).eq(labels.iter().copied())
    }

    #[cold]
    fn count(&self) {
        self.0.iter().for_each(|(_, counter)| counter.add(1));
    }

    #[cold]
    fn count_with(&self, writer: &Writer<'_>) {
        self.0.iter().for_each(|(_, counter)| counter.add_with(writer, 1));
    }
}

impl<P: Copy> SeriesHandle<P> {
    /// Returns the primitive of the series, for one observation.
    #[inline]
    fn count_overflow_and_get(&self) -> P {
        if let Some(overflow) = self.overflow {
            overflow.count();
        }
        self.primitive
    }

    /// Returns the primitive of the series, for one observation through `writer`.
    #[inline]
    fn count_overflow_with(&self, writer: &Writer<'_>) -> P {
        if let Some(overflow) = self.overflow {
            overflow.count_with(writer);
        }
        self.primitive
    }
}

impl SeriesHandle<Counter> {
    #[inline]
    pub(crate) fn add_with(&self, writer: &Writer<'_>, amount: u64) {
        self.count_overflow_with(writer).add_with(writer, amount);
    }

    #[inline]
    pub(crate) fn add(&self, amount: u64) {
        self.count_overflow_and_get().add(amount);
    }
}

impl SeriesHandle<MoneyCounter> {
    /// Adds an amount in picodollars.
    pub(crate) fn add(&self, amount: f64) {
        self.count_overflow_and_get().add(amount);
    }
}

impl SeriesHandle<Gauge> {
    #[inline]
    pub(crate) fn inc(&self) {
        self.count_overflow_and_get().inc();
    }

    #[inline]
    pub(crate) fn dec(&self) {
        self.primitive.dec();
    }

    /// Lowers the gauge, and shows it from now on, also while it is zero.
    #[inline]
    pub(crate) fn dec_and_show(&self, writer: &Writer<'_>) {
        self.primitive.dec_and_show(writer);
    }

    /// Shows the gauge from now on, also while it is zero.
    pub(crate) fn show(&self) {
        self.primitive.show();
    }
}

impl SeriesHandle<Level> {
    pub(crate) fn set(&self, value: u64) {
        self.count_overflow_and_get().set(value);
    }
}

impl SeriesHandle<Histogram> {
    #[inline]
    pub(crate) fn observe(&self, amount: u64) {
        self.count_overflow_and_get().observe(amount);
    }

    /// Records a value without its exemplar, which
    /// `record_exemplar` records.
    #[inline]
    pub(crate) fn observe_with(&self, writer: &Writer<'_>, amount: u64) {
        self.count_overflow_with(writer).observe_with(writer, amount);
    }

    /// Records the exemplar of a value. It runs code of another crate, so it must not be called
    /// within `recording`.
    #[cfg(feature = "exemplars")]
    pub(crate) fn record_exemplar(&self, amount: u64) {
        self.primitive.record_exemplar(amount);
    }

    #[inline]
    pub(crate) fn observe_duration(&self, duration: Duration) {
        self.observe(nanos(duration));
    }

    /// Adds a duration to a batch. [`flush`](Self::flush) records the rest of the batch.
    #[inline]
    pub(crate) fn batch_duration(&self, batch: &mut Batch, duration: Duration) {
        self.count_overflow_and_get().observe_in_batch(batch, nanos(duration));
    }

    /// Records a batch and empties it.
    pub(crate) fn flush(&self, batch: &mut Batch) {
        self.primitive.add_batch(mem::take(batch));
    }
}
