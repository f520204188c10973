//! The lower bound of recording a request: atomic additions, without looking up any series.

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};

use super::{Observation, Recorder};
use crate::peers::{DURATION_BUCKETS, SIZE_BUCKETS};

/// A histogram; the last bucket has no upper bound.
struct Histogram<const BUCKETS: usize> {
    buckets: [AtomicU64; BUCKETS],
    sum: AtomicU64,
    count: AtomicU64,
}

impl<const BUCKETS: usize> Default for Histogram<BUCKETS> {
    fn default() -> Self {
        let buckets = std::array::from_fn(|_| AtomicU64::new(0));
        Self { buckets, sum: AtomicU64::new(0), count: AtomicU64::new(0) }
    }
}

impl<const BUCKETS: usize> Histogram<BUCKETS> {
    /// Adds a value to its bucket and to the sum.
    ///
    /// `value` is in the unit of the bounds; `integer` is the same value as the sum counts it.
    fn observe(&self, bounds: &[f64], integer: u64, value: f64) {
        let bucket = bounds.partition_point(|bound| *bound < value);
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.sum.fetch_add(integer, Relaxed);
    }
}

/// The metrics of requests.
#[derive(Default)]
struct Series {
    in_flight: AtomicI64,
    requests: AtomicU64,
    duration: Histogram<15>,
    received: Histogram<9>,
    sent: Histogram<9>,
}

impl Series {
    fn start(&self) {
        self.in_flight.fetch_add(1, Relaxed);
    }

    fn finish(&self, observation: Observation) {
        self.in_flight.fetch_sub(1, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        let nanoseconds = u64::try_from(observation.duration.as_nanos()).unwrap_or(u64::MAX);
        self.duration.observe(&DURATION_BUCKETS, nanoseconds, observation.duration.as_secs_f64());
    }

    fn observe_sizes(&self, observation: Observation) {
        self.received.observe(
            &SIZE_BUCKETS,
            observation.received_bytes.into(),
            observation.received_bytes.into(),
        );
        self.sent.observe(
            &SIZE_BUCKETS,
            observation.sent_bytes.into(),
            observation.sent_bytes.into(),
        );
    }

    fn increment_histogram_counts(&self) {
        for count in [&self.duration.count, &self.received.count, &self.sent.count] {
            count.fetch_add(1, Relaxed);
        }
    }
}

/// All 12 additions, with a separate count in each histogram.
#[derive(Default)]
pub(super) struct AllAdditions(Series);

impl Recorder for AllAdditions {
    fn start(&self) {
        self.0.start();
    }

    fn finish(&self, observation: Observation) {
        self.0.finish(observation);
        self.0.observe_sizes(observation);
        self.0.increment_histogram_counts();
    }
}

/// 9 additions: the count of a histogram is the sum of its buckets.
#[derive(Default)]
pub(super) struct WithoutCounts(Series);

impl Recorder for WithoutCounts {
    fn start(&self) {
        self.0.start();
    }

    fn finish(&self, observation: Observation) {
        self.0.finish(observation);
        self.0.observe_sizes(observation);
    }
}

/// 6 additions: without the body sizes, which an attribute alone does not record.
#[derive(Default)]
pub(super) struct WithoutSizes(Series);

impl Recorder for WithoutSizes {
    fn start(&self) {
        self.0.start();
    }

    fn finish(&self, observation: Observation) {
        self.0.finish(observation);
        self.0.duration.count.fetch_add(1, Relaxed);
    }
}

/// All 12 additions, with separate counters for each thread.
#[derive(Default)]
pub(super) struct PerThread([Shard; 4]);

/// Counters of one thread, aligned so that two shards do not share a cache line.
#[derive(Default)]
#[repr(align(128))]
struct Shard(AllAdditions);

impl PerThread {
    fn shard(&self) -> &AllAdditions {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static INDEX: Cell<usize> = const { Cell::new(usize::MAX) };
        }
        let index = INDEX.with(|index| {
            if index.get() == usize::MAX {
                index.set(NEXT.fetch_add(1, Relaxed));
            }
            index.get()
        });
        &self.0[index % self.0.len()].0
    }
}

impl Recorder for PerThread {
    fn start(&self) {
        self.shard().start();
    }

    fn finish(&self, observation: Observation) {
        self.shard().finish(observation);
    }
}
