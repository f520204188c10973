//! One series' numbers: plain atomics that never wait for each other.
//!
//! Amounts are integers, so that sums are exact and one addition is one instruction: durations in
//! nanoseconds, sizes in bytes, tokens in tokens. Seconds appear only when a value is read out.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed},
};
use std::time::Duration;

use prometheus::proto::MetricType;

#[cfg(feature = "tracing")]
use super::exemplar::Exemplars;
use super::shard::{Sharded, add};
use super::visit::{Bounds, HistogramReading, Reading};

/// What a family's series are made of.
pub(crate) trait Cell: Send + Sync + 'static {
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
    fn read(&self, show: impl FnOnce(Reading<'_>));
}

/// A number that only grows.
pub(crate) struct Counter(Sharded<AtomicU64>);

impl Counter {
    pub(crate) fn add(&self, amount: u64) {
        self.0.add(|number| add(number, amount), AtomicU64::default);
    }
}

impl Cell for Counter {
    type Shape = ();
    const KIND: MetricType = MetricType::COUNTER;

    fn new((): &()) -> Self {
        Self(Sharded::new(AtomicU64::default()))
    }

    fn read(&self, show: impl FnOnce(Reading<'_>)) {
        show(Reading::Whole(sum(self.0.each().map(|number| number.load(Relaxed)))));
    }
}

/// An amount of money that only grows, in picodollars: a dollar per million tokens is a million of them a
/// token. As a float it cannot overflow, whatever a provider counts, and up to some thousands of dollars its
/// sums are exact, from there on to fifteen digits.
#[derive(Default)]
pub(crate) struct Money(AtomicU64);

impl Money {
    pub(crate) fn add(&self, amount: f64) {
        let plus = |bits| Some((f64::from_bits(bits) + amount).to_bits());
        let _ = self.0.fetch_update(Relaxed, Relaxed, plus);
    }
}

impl Cell for Money {
    type Shape = ();
    const KIND: MetricType = MetricType::COUNTER;

    fn new((): &()) -> Self {
        Self::default()
    }

    fn read(&self, show: impl FnOnce(Reading<'_>)) {
        show(Reading::Float(f64::from_bits(self.0.load(Relaxed)) / 1e12));
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

    /// What comes and goes between the two readings rises and falls unseen, which makes the difference too
    /// large: it is taken where nothing has fallen meanwhile, else the least of some.
    fn value(&self) -> u64 {
        let falls = || sum(self.turns.each().map(|turns| turns.falls.load(Acquire)));
        let rises = || sum(self.turns.each().map(|turns| turns.rises.load(Acquire)));
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

impl Cell for Gauge {
    type Shape = ();
    const KIND: MetricType = MetricType::GAUGE;

    fn new((): &()) -> Self {
        Self { turns: Sharded::new(Turns::default()), shown: AtomicBool::new(false) }
    }

    fn is_shown(&self) -> bool {
        self.shown.load(Relaxed) || self.value() != 0
    }

    fn read(&self, show: impl FnOnce(Reading<'_>)) {
        show(Reading::Level(self.value()));
    }
}

/// How often a value fell between two bounds, and the sum of all values.
///
/// The count is not stored: it is the sum of the buckets, so a scrape can never show a `+Inf`
/// bucket that differs from `_count`.
pub(crate) struct Histogram {
    buckets: Arc<Buckets>,
    numbers: Sharded<Numbers>,
    #[cfg(feature = "tracing")]
    exemplars: Exemplars,
}

/// Values of one bucket that are yet to be recorded in a histogram.
#[derive(Clone, Copy, Default)]
pub(crate) struct Batch {
    bucket: usize,
    count: u64,
    sum: u64,
}

/// The sum, and behind it the count of each bucket: most values are in one of the first, beside it.
type Numbers = Box<[AtomicU64]>;

const SUM: usize = 0;
const FIRST: usize = 1;

/// As many numbers as keep those of two threads off one cache line.
const LINE: usize = 16;

impl Histogram {
    pub(crate) fn observe(&self, amount: u64) {
        let bucket = self.buckets.of(amount);
        self.add(Batch { bucket, count: 1, sum: amount });
        #[cfg(feature = "tracing")]
        if self.buckets.traced {
            self.exemplars.note(bucket, self.buckets.count(), amount);
        }
    }

    /// Takes a value into a batch; what the batch had of another bucket is recorded. Its trace is lost: this is for
    /// families that show none.
    pub(crate) fn batch(&self, batch: &mut Batch, amount: u64) {
        let bucket = self.buckets.of(amount);
        if bucket != batch.bucket {
            self.add(mem::take(batch));
            batch.bucket = bucket;
        }
        batch.count += 1;
        batch.sum = batch.sum.wrapping_add(amount);
    }

    /// Records a batch.
    pub(crate) fn add(&self, batch: Batch) {
        let Batch { bucket, count, sum } = batch;
        if count == 0 {
            return;
        }
        self.numbers.add(
            |numbers| {
                if sum > 0 {
                    numbers[SUM].fetch_add(sum, Relaxed);
                }
                add(&numbers[FIRST + bucket], count)
            },
            || self.buckets.numbers(LINE),
        );
    }
}

impl Cell for Histogram {
    type Shape = Arc<Buckets>;
    const KIND: MetricType = MetricType::HISTOGRAM;

    fn new(buckets: &Arc<Buckets>) -> Self {
        Self {
            buckets: Arc::clone(buckets),
            numbers: Sharded::new(buckets.numbers(0)),
            #[cfg(feature = "tracing")]
            exemplars: Exemplars::default(),
        }
    }

    fn read(&self, show: impl FnOnce(Reading<'_>)) {
        let of = |place: usize| sum(self.numbers.each().map(|them| them[place].load(Acquire)));
        let mut count = 0;
        let cumulative: Vec<u64> = (0..self.buckets.count())
            .map(|bucket| {
                count += of(FIRST + bucket);
                count
            })
            .collect();
        show(Reading::Histogram(HistogramReading {
            bounds: &self.buckets.bounds,
            cumulative: &cumulative,
            count,
            sum: float(of(SUM)) / self.buckets.unit.per_base(),
            #[cfg(feature = "tracing")]
            exemplar: &|bucket| {
                let exemplar = self.exemplars.of(bucket)?;
                Some((exemplar, float(exemplar.amount) / self.buckets.unit.per_base()))
            },
        }));
    }
}

/// A duration as histograms count it. Centuries are cut off at 584 years.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// What the integers of a histogram count, and how that becomes Prometheus' base unit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    /// Stored as nanoseconds, shown as seconds.
    Seconds,
    /// Bytes or tokens, shown as they are.
    Whole,
}

impl Unit {
    fn per_base(self) -> f64 {
        match self {
            Self::Seconds => 1e9,
            Self::Whole => 1.0,
        }
    }
}

/// The upper bounds of a histogram, as shown and as compared.
pub(crate) struct Buckets {
    unit: Unit,
    bounds: Bounds,
    limits: Box<[u64]>,
    /// Whether values are remembered with their traces.
    #[cfg(feature = "tracing")]
    traced: bool,
}

impl Buckets {
    /// The bounds must be finite, rising and not negative; `MetricsBuilder` sees to that.
    #[cfg_attr(not(feature = "tracing"), expect(unused_variables))]
    pub(crate) fn new(unit: Unit, bounds: &[f64], traced: bool) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the cast saturates, and a bound past 2^64 is never reached"
        )]
        let limits = bounds
            .iter()
            .map(|bound| match unit {
                Unit::Seconds => (bound * unit.per_base()).round() as u64,
                Unit::Whole => bound.floor() as u64,
            })
            .collect();
        Self {
            unit,
            bounds: Bounds::new(bounds),
            limits,
            #[cfg(feature = "tracing")]
            traced,
        }
    }

    /// How many buckets there are: one more than bounds.
    fn count(&self) -> usize {
        self.limits.len() + 1
    }

    /// The bucket of a value.
    fn of(&self, amount: u64) -> usize {
        match self.limits.first() {
            // Where most values are: quick answers, and messages without a body.
            Some(&first) if amount <= first => 0,
            _ => self.limits.partition_point(|&limit| limit < amount),
        }
    }

    /// The numbers of one histogram, with some room behind them.
    fn numbers(&self, room: usize) -> Numbers {
        (0..=self.count() + room).map(|_| AtomicU64::new(0)).collect()
    }
}

fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::wrapping_add)
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus samples are 64-bit floats")]
pub(super) fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(histogram: &Histogram) -> (Vec<u64>, u64, f64) {
        let mut read = None;
        histogram.read(|reading| {
            let Reading::Histogram(reading) = reading else { unreachable!("it is one") };
            read = Some((reading.cumulative.to_vec(), reading.count, reading.sum));
        });
        read.expect("it has been shown")
    }

    #[test]
    fn a_value_on_a_bound_belongs_to_the_bucket_of_that_bound() {
        let histogram =
            Histogram::new(&Arc::new(Buckets::new(Unit::Seconds, &[0.005, 0.01], false)));
        histogram.observe(nanos(Duration::from_millis(5)));
        histogram.observe(nanos(Duration::from_nanos(5_000_001)));
        histogram.observe(nanos(Duration::from_secs(1)));
        assert_eq!(read(&histogram), (vec![1, 2, 3], 3, 1.010_000_001));
    }

    #[test]
    fn a_batch_is_what_its_values_are() {
        let buckets = Arc::new(Buckets::new(Unit::Whole, &[1.0, 10.0], false));
        let (batched, single) = (Histogram::new(&buckets), Histogram::new(&buckets));
        let mut batch = Batch::default();
        for value in [0, 1, 1, 5, 11, 12, 1, 0] {
            batched.batch(&mut batch, value);
            single.observe(value);
        }
        batched.add(batch);
        assert_eq!(read(&batched), read(&single));
        assert_eq!(read(&single), (vec![5, 6, 8], 8, 31.0));
    }

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

    #[test]
    fn a_fractional_bound_holds_the_whole_numbers_below_it() {
        let histogram = Histogram::new(&Arc::new(Buckets::new(Unit::Whole, &[1.5], false)));
        histogram.observe(1);
        histogram.observe(2);
        assert_eq!(read(&histogram), (vec![1, 2], 2, 3.0));
    }
}
