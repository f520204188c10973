//! Histograms and their buckets.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Acquire;
use std::time::Duration;

use prometheus::proto::MetricType;

#[cfg(feature = "exemplars")]
use super::exemplar::Exemplars;
use super::primitives::{Primitive, to_f64};
use super::shard::{Sharded, add};
use super::snapshot::{Bounds, HistogramSnapshot, SeriesValue};

/// A histogram: the number of values in each bucket, and the sum of all values.
///
/// The number of all values is not stored. It is the sum over the buckets, so that the `+Inf`
/// bucket never differs from `_count` in a scrape.
pub(crate) struct Histogram {
    buckets: Arc<Buckets>,
    numbers: Sharded<Numbers>,
    #[cfg(feature = "exemplars")]
    exemplars: Exemplars,
}

/// Values of one bucket that are still to be recorded in a histogram.
#[derive(Clone, Copy, Default)]
pub(crate) struct Batch {
    bucket: usize,
    count: u64,
    sum: u64,
}

/// The sum, followed by the number of values in each bucket. Most values fall into one of the first
/// buckets, which then share a cache line with the sum.
type Numbers = Box<[AtomicU64]>;

const SUM: usize = 0;
const FIRST_BUCKET: usize = 1;

/// The number of unused atomics behind the numbers of a shard, so that the shards of two threads
/// share no pair of cache lines.
const PADDING: usize = 16;

impl Histogram {
    pub(crate) fn observe(&self, amount: u64) {
        let bucket = self.buckets.bucket_index(amount);
        self.add_batch(Batch { bucket, count: 1, sum: amount });
        #[cfg(feature = "exemplars")]
        if self.buckets.with_exemplars {
            self.exemplars.record(bucket, self.buckets.len(), amount);
        }
    }

    /// Adds a value to a batch. If the batch has values of another bucket, these are recorded
    /// first.
    ///
    /// Batches have no exemplars, so that only histograms without exemplars use them.
    pub(crate) fn observe_in_batch(&self, batch: &mut Batch, amount: u64) {
        let bucket = self.buckets.bucket_index(amount);
        if bucket != batch.bucket {
            self.add_batch(mem::take(batch));
            batch.bucket = bucket;
        }
        batch.count += 1;
        batch.sum = batch.sum.saturating_add(amount);
    }

    /// Records a batch.
    pub(crate) fn add_batch(&self, batch: Batch) {
        let Batch { bucket, count, sum } = batch;
        if count == 0 {
            return;
        }
        self.numbers.add(
            |numbers| {
                if sum > 0 {
                    add(&numbers[SUM], sum);
                }
                add(&numbers[FIRST_BUCKET + bucket], count)
            },
            || self.buckets.new_numbers(PADDING),
        );
    }
}

impl Primitive for Histogram {
    type Settings = Arc<Buckets>;
    const METRIC_TYPE: MetricType = MetricType::HISTOGRAM;

    fn new(buckets: &Arc<Buckets>) -> Self {
        Self {
            buckets: Arc::clone(buckets),
            numbers: Sharded::new(buckets.new_numbers(0)),
            #[cfg(feature = "exemplars")]
            exemplars: Exemplars::default(),
        }
    }

    fn read(&self, show: impl FnOnce(SeriesValue<'_>)) {
        let number = |index: usize| self.numbers.sum(|numbers| numbers[index].load(Acquire));
        let mut count = 0;
        let cumulative: Vec<u64> = (0..self.buckets.len())
            .map(|bucket| {
                count += number(FIRST_BUCKET + bucket);
                count
            })
            .collect();
        show(SeriesValue::Histogram(HistogramSnapshot {
            bounds: &self.buckets.bounds,
            cumulative: &cumulative,
            count,
            sum: self.buckets.unit.to_base(number(SUM)),
            #[cfg(feature = "exemplars")]
            exemplar: &|bucket| {
                let exemplar = self.exemplars.get(bucket)?;
                Some((exemplar, self.buckets.unit.to_base(exemplar.amount)))
            },
        }));
    }
}

/// Returns a duration in nanoseconds, at most `u64::MAX`, which is 584 years.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The unit of a histogram.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    /// Seconds on the page, nanoseconds in memory.
    Seconds,
    /// Bytes or tokens, on the page and in memory.
    Whole,
}

impl Unit {
    /// Returns how many of the stored units make one unit of the page.
    fn scale(self) -> f64 {
        match self {
            Self::Seconds => 1e9,
            Self::Whole => 1.0,
        }
    }

    /// Converts a stored amount to the unit of the page.
    fn to_base(self, amount: u64) -> f64 {
        to_f64(amount) / self.scale()
    }
}

/// The buckets of a histogram family.
pub(crate) struct Buckets {
    unit: Unit,
    /// The upper bounds, as the page shows them.
    bounds: Bounds,
    /// The upper bounds in stored units, as values are compared with them.
    limits: Box<[u64]>,
    /// Whether each bucket keeps an exemplar.
    #[cfg_attr(
        not(feature = "exemplars"),
        expect(dead_code, reason = "only the code of the feature reads the field")
    )]
    with_exemplars: bool,
}

impl Buckets {
    /// Creates the buckets for upper bounds that are finite, rising and not negative.
    /// `MetricsBuilder` validates the bounds that a user sets.
    pub(crate) fn new(unit: Unit, bounds: &[f64], with_exemplars: bool) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the cast saturates, and no amount exceeds a bound above 2^64"
        )]
        let limits = bounds
            .iter()
            .map(|bound| match unit {
                Unit::Seconds => (bound * unit.scale()).round() as u64,
                Unit::Whole => bound.floor() as u64,
            })
            .collect();
        Self { unit, bounds: Bounds::new(bounds), limits, with_exemplars }
    }

    /// Returns the number of buckets: one per bound, and the `+Inf` bucket.
    fn len(&self) -> usize {
        self.limits.len() + 1
    }

    /// Returns the index of the bucket that an amount falls into.
    fn bucket_index(&self, amount: u64) -> usize {
        match self.limits.first() {
            // Most values fall into the first bucket: fast responses, and requests without a body.
            Some(&first) if amount <= first => 0,
            _ => self.limits.partition_point(|&limit| limit < amount),
        }
    }

    /// Creates the numbers of a histogram, followed by `padding` unused ones.
    fn new_numbers(&self, padding: usize) -> Numbers {
        (0..=self.len() + padding).map(|_| AtomicU64::new(0)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(histogram: &Histogram) -> (Vec<u64>, u64, f64) {
        let mut read = None;
        histogram.read(|value| {
            let SeriesValue::Histogram(snapshot) = value else { unreachable!("a histogram") };
            read = Some((snapshot.cumulative.to_vec(), snapshot.count, snapshot.sum));
        });
        read.expect("`read` calls its argument")
    }

    #[test]
    fn buckets_include_their_upper_bound() {
        let histogram =
            Histogram::new(&Arc::new(Buckets::new(Unit::Seconds, &[0.005, 0.01], false)));
        histogram.observe(nanos(Duration::from_millis(5)));
        histogram.observe(nanos(Duration::from_nanos(5_000_001)));
        histogram.observe(nanos(Duration::from_secs(1)));
        assert_eq!(read(&histogram), (vec![1, 2, 3], 3, 1.010_000_001));
    }

    #[test]
    fn batch_records_the_same_as_single_values() {
        let buckets = Arc::new(Buckets::new(Unit::Whole, &[1.0, 10.0], false));
        let (batched, single) = (Histogram::new(&buckets), Histogram::new(&buckets));
        let mut batch = Batch::default();
        for value in [0, 1, 1, 5, 11, 12, 1, 0] {
            batched.observe_in_batch(&mut batch, value);
            single.observe(value);
        }
        batched.add_batch(batch);
        assert_eq!(read(&batched), read(&single));
        assert_eq!(read(&single), (vec![5, 6, 8], 8, 31.0));
    }

    #[test]
    fn sum_of_absurd_values_neither_wraps_nor_falls() {
        let buckets = Arc::new(Buckets::new(Unit::Whole, &[10.0], false));
        let (batched, single) = (Histogram::new(&buckets), Histogram::new(&buckets));
        let mut batch = Batch::default();
        let mut before = 0.0;
        for value in [3, u64::MAX - 2, 7, u64::MAX, 1 << 63, 11] {
            batched.observe_in_batch(&mut batch, value);
            single.observe(value);
            let (_, _, sum) = read(&single);
            assert!(sum >= before, "{value}: {sum} after {before}");
            before = sum;
        }
        batched.add_batch(batch);
        assert_eq!(read(&batched), read(&single));
        assert_eq!(read(&single), (vec![2, 6], 6, to_f64(u64::MAX)));
    }

    #[test]
    fn buckets_with_a_fractional_bound_hold_the_whole_numbers_below_it() {
        let histogram = Histogram::new(&Arc::new(Buckets::new(Unit::Whole, &[1.5], false)));
        histogram.observe(1);
        histogram.observe(2);
        assert_eq!(read(&histogram), (vec![1, 2], 2, 3.0));
    }
}
