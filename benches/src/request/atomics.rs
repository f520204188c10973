//! The lower bound of recording a request: additions, without looking up any series.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use super::{Observation, Recorder};
use crate::peers::{DURATION_BUCKETS, SIZE_BUCKETS};

/// How a number is added to a counter.
pub(crate) trait Addition: Default + Send + Sync + 'static {
    fn add(counter: &AtomicU64, value: u64);
}

/// One atomic operation, which any number of threads may use at the same time.
#[derive(Default)]
pub(crate) struct FetchAdd;

impl Addition for FetchAdd {
    fn add(counter: &AtomicU64, value: u64) {
        counter.fetch_add(value, Relaxed);
    }
}

/// A load and a store, which lose no addition if only one thread writes the counter.
#[derive(Default)]
pub(crate) struct LoadAndStore;

impl Addition for LoadAndStore {
    fn add(counter: &AtomicU64, value: u64) {
        counter.store(counter.load(Relaxed).wrapping_add(value), Relaxed);
    }
}

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
    fn observe<A: Addition>(&self, bounds: &[f64], integer: u64, value: f64) {
        let bucket = bounds.partition_point(|bound| *bound < value);
        A::add(&self.buckets[bucket], 1);
        A::add(&self.sum, integer);
    }
}

/// The metrics of requests.
#[derive(Default)]
struct Series<A> {
    /// Falls by a wrapping addition.
    in_flight: AtomicU64,
    requests: AtomicU64,
    duration: Histogram<15>,
    received: Histogram<9>,
    sent: Histogram<9>,
    addition: PhantomData<A>,
}

impl<A: Addition> Series<A> {
    fn start(&self) {
        A::add(&self.in_flight, 1);
    }

    fn finish(&self, observation: Observation) {
        A::add(&self.in_flight, u64::MAX);
        A::add(&self.requests, 1);
        let nanoseconds = u64::try_from(observation.duration.as_nanos()).unwrap_or(u64::MAX);
        let seconds = observation.duration.as_secs_f64();
        self.duration.observe::<A>(&DURATION_BUCKETS, nanoseconds, seconds);
    }

    fn observe_sizes(&self, observation: Observation) {
        self.received.observe::<A>(
            &SIZE_BUCKETS,
            observation.received_bytes.into(),
            observation.received_bytes.into(),
        );
        self.sent.observe::<A>(
            &SIZE_BUCKETS,
            observation.sent_bytes.into(),
            observation.sent_bytes.into(),
        );
    }

    fn increment_histogram_counts(&self) {
        for count in [&self.duration.count, &self.received.count, &self.sent.count] {
            A::add(count, 1);
        }
    }
}

/// All 12 additions, with a separate count in each histogram.
#[derive(Default)]
pub(crate) struct AllAdditions<A>(Series<A>);

impl<A: Addition> Recorder for AllAdditions<A> {
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
pub(crate) struct WithoutCounts(Series<FetchAdd>);

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
pub(crate) struct WithoutSizes<A>(Series<A>);

impl<A: Addition> Recorder for WithoutSizes<A> {
    fn start(&self) {
        self.0.start();
    }

    fn finish(&self, observation: Observation) {
        self.0.finish(observation);
        A::add(&self.0.duration.count, 1);
    }
}

/// The additions of another lower bound, with separate counters for each thread.
#[derive(Default)]
pub(crate) struct PerThread<R>([Shard<R>; SHARDS]);

/// Number of shards: more than the threads that record at the same time, so that each counter has
/// one writer.
const SHARDS: usize = 4;

/// Counters of one thread, aligned so that two shards do not share a cache line.
#[derive(Default)]
#[repr(align(128))]
struct Shard<R>(R);

impl<R> PerThread<R> {
    fn shard(&self) -> &R {
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
        &self.0[index % SHARDS].0
    }
}

impl<R: Recorder> Recorder for PerThread<R> {
    fn start(&self) {
        self.shard().start();
    }

    fn finish(&self, observation: Observation) {
        self.shard().finish(observation);
    }
}
