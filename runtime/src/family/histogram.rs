//! The numbers of a histogram's series, and its buckets.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::time::Duration;

use prometheus::proto::MetricType;

#[cfg(feature = "exemplars")]
use super::exemplar::Exemplars;
use super::primitives::{Primitive, float};
use super::shard::{Sharded, add};
use super::snapshot::{Bounds, HistogramSnapshot, SeriesValue};

/// How often a value fell between two bounds, and the sum of all values.
///
/// The count is not stored: it is the sum of the buckets, so a scrape can never show a `+Inf`
/// bucket that differs from `_count`.
pub(crate) struct Histogram {
    buckets: Arc<Buckets>,
    numbers: Sharded<Numbers>,
    #[cfg(feature = "exemplars")]
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
        #[cfg(feature = "exemplars")]
        if self.buckets.traced {
            self.exemplars.note(bucket, self.buckets.count(), amount);
        }
    }

    /// Takes a value into a batch; what the batch had of another bucket is recorded. Traces are lost: this is for
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

impl Primitive for Histogram {
    type Shape = Arc<Buckets>;
    const KIND: MetricType = MetricType::HISTOGRAM;

    fn new(buckets: &Arc<Buckets>) -> Self {
        Self {
            buckets: Arc::clone(buckets),
            numbers: Sharded::new(buckets.numbers(0)),
            #[cfg(feature = "exemplars")]
            exemplars: Exemplars::default(),
        }
    }

    fn read(&self, show: impl FnOnce(SeriesValue<'_>)) {
        let of = |place: usize| self.numbers.sum(|numbers| numbers[place].load(Acquire));
        let mut count = 0;
        let cumulative: Vec<u64> = (0..self.buckets.count())
            .map(|bucket| {
                count += of(FIRST + bucket);
                count
            })
            .collect();
        show(SeriesValue::Histogram(HistogramSnapshot {
            bounds: &self.buckets.bounds,
            cumulative: &cumulative,
            count,
            sum: float(of(SUM)) / self.buckets.unit.per_base(),
            #[cfg(feature = "exemplars")]
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
    #[cfg(feature = "exemplars")]
    traced: bool,
}

impl Buckets {
    /// The bounds must be finite, rising and not negative; `MetricsBuilder` sees to that.
    #[cfg_attr(not(feature = "exemplars"), expect(unused_variables))]
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
            #[cfg(feature = "exemplars")]
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(histogram: &Histogram) -> (Vec<u64>, u64, f64) {
        let mut read = None;
        histogram.read(|reading| {
            let SeriesValue::Histogram(reading) = reading else { unreachable!("it is one") };
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
    fn a_fractional_bound_holds_the_whole_numbers_below_it() {
        let histogram = Histogram::new(&Arc::new(Buckets::new(Unit::Whole, &[1.5], false)));
        histogram.observe(1);
        histogram.observe(2);
        assert_eq!(read(&histogram), (vec![1, 2], 2, 3.0));
    }
}
