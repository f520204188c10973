//! Histograms and their buckets.

use std::mem;
use std::time::Duration;

use prometheus::proto::MetricType;

use super::cells::{HistogramCells, Writer};
#[cfg(feature = "exemplars")]
use super::exemplar::Exemplars;
use super::primitives::{Primitive, to_f64};
use super::snapshot::{Bounds, HistogramSnapshot, SeriesValue};

/// A histogram: the number of values in each bucket, and the sum of all values.
///
/// The sum is a float in stored units, which neither wraps nor falls. It is exact up to 2^53: 104
/// days of nanoseconds on one thread, eight pebibytes.
///
/// The number of all values is not stored. It is the sum over the buckets. Sum and buckets are read
/// together, so that on one page they are of the same values.
#[derive(Clone, Copy)]
pub(crate) struct Histogram {
    cells: HistogramCells,
    buckets: &'static Buckets,
    /// `None` if the histogram keeps no exemplars.
    #[cfg(feature = "exemplars")]
    exemplars: Option<&'static Exemplars>,
}

/// Values of one bucket that are still to be recorded in a histogram.
#[derive(Clone, Copy, Default)]
pub(crate) struct Batch {
    bucket: usize,
    count: u64,
    sum: u64,
}

impl Histogram {
    #[inline]
    pub(crate) fn observe(self, amount: u64) {
        let bucket = self.buckets.bucket_index(amount);
        self.cells.add(bucket, 1, to_f64(amount));
        #[cfg(feature = "exemplars")]
        self.record_exemplar(amount);
    }

    /// Records a value without its exemplar.
    #[inline]
    pub(super) fn observe_with(self, writer: &Writer<'_>, amount: u64) {
        let bucket = self.buckets.bucket_index(amount);
        self.cells.add_with(writer, bucket, 1, to_f64(amount));
    }

    /// Records the exemplar of a value, which runs code of `opentelemetry`.
    #[cfg(feature = "exemplars")]
    pub(super) fn record_exemplar(self, amount: u64) {
        if let Some(exemplars) = self.exemplars {
            exemplars.record(self.buckets.bucket_index(amount), self.buckets.len(), amount);
        }
    }

    /// Adds a value to a batch. If the batch has values of another bucket, or its sum would not
    /// fit, the batch is recorded first.
    ///
    /// Batches have no exemplars, so that only histograms without exemplars use them.
    #[inline]
    pub(crate) fn observe_in_batch(self, batch: &mut Batch, amount: u64) {
        let bucket = self.buckets.bucket_index(amount);
        let sum = batch.sum.checked_add(amount).filter(|_| bucket == batch.bucket);
        if sum.is_none() {
            self.add_batch(mem::take(batch));
            batch.bucket = bucket;
        }
        batch.count += 1;
        batch.sum = sum.unwrap_or(amount);
    }

    /// Records a batch.
    pub(crate) fn add_batch(self, batch: Batch) {
        let Batch { bucket, count, sum } = batch;
        if count > 0 {
            self.cells.add(bucket, count, to_f64(sum));
        }
    }
}

impl Primitive for Histogram {
    type Settings = &'static Buckets;
    const METRIC_TYPE: MetricType = MetricType::HISTOGRAM;

    fn new(buckets: &'static Buckets) -> Self {
        Self {
            cells: HistogramCells::new(buckets.len()),
            buckets,
            #[cfg(feature = "exemplars")]
            exemplars: buckets.with_exemplars.then(|| &*Box::leak(Box::default())),
        }
    }

    fn read(self, show: impl FnOnce(SeriesValue<'_>)) {
        let mut cumulative = vec![0; self.buckets.len()];
        let sum = self.cells.read(&mut cumulative);
        let mut count = 0_u64;
        for number in &mut cumulative {
            count = count.saturating_add(*number);
            *number = count;
        }
        show(SeriesValue::Histogram(HistogramSnapshot {
            bounds: &self.buckets.bounds,
            cumulative: &cumulative,
            count,
            sum: sum / self.buckets.unit.scale(),
            #[cfg(feature = "exemplars")]
            exemplar: &|bucket| {
                let exemplar = self.exemplars?.get(bucket)?;
                Some((exemplar, to_f64(exemplar.amount) / self.buckets.unit.scale()))
            },
        }));
    }
}

/// Returns a duration in nanoseconds, at most `u64::MAX`, which is 584 years.
pub(crate) fn nanos(duration: Duration) -> u64 {
    let seconds = duration.as_secs().saturating_mul(1_000_000_000);
    seconds.saturating_add(duration.subsec_nanos().into())
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
    /// `MetricsBuilder` validates the bounds that a user sets. Of more than a million bounds, the
    /// first ones are used.
    pub(crate) fn new(unit: Unit, bounds: &[f64], with_exemplars: bool) -> Self {
        let bounds = bounds.get(..HistogramCells::MAX_BUCKETS - 1).unwrap_or(bounds);
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

    /// Returns the upper bounds, as the page shows them.
    #[cfg(feature = "live")]
    pub(super) fn bounds(&self) -> &[f64] {
        &self.bounds.values
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_buckets(unit: Unit, bounds: &[f64]) -> &'static Buckets {
        Box::leak(Box::new(Buckets::new(unit, bounds, false)))
    }

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
        let histogram = Histogram::new(new_buckets(Unit::Seconds, &[0.005, 0.01]));
        histogram.observe(nanos(Duration::from_millis(5)));
        histogram.observe(nanos(Duration::from_nanos(5_000_001)));
        histogram.observe(nanos(Duration::from_secs(1)));
        assert_eq!(read(&histogram), (vec![1, 2, 3], 3, 1.010_000_001));
    }

    #[test]
    fn batch_records_the_same_as_single_values() {
        let buckets = new_buckets(Unit::Whole, &[1.0, 10.0]);
        let (batched, single) = (Histogram::new(buckets), Histogram::new(buckets));
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
        let buckets = new_buckets(Unit::Whole, &[10.0]);
        let (batched, single) = (Histogram::new(buckets), Histogram::new(buckets));
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
        assert_eq!(read(&single), (vec![2, 6], 6, 2.5 * 2.0_f64.powi(64)));
    }

    #[test]
    fn buckets_with_a_fractional_bound_hold_the_whole_numbers_below_it() {
        let histogram = Histogram::new(new_buckets(Unit::Whole, &[1.5]));
        histogram.observe(1);
        histogram.observe(2);
        assert_eq!(read(&histogram), (vec![1, 2], 2, 3.0));
    }
}
