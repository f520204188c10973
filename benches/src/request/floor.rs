//! The least that recording can cost: plain atomics, found by nobody.

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};

use super::{Record, Seen};
use crate::peers::{BYTES, SECONDS};

/// A histogram of so many buckets, the last without a bound.
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
    /// Puts a value, told as a whole number and in the unit of the bounds, into its bucket.
    fn put(&self, bounds: &[f64], whole: u64, value: f64) {
        let place = bounds.partition_point(|bound| *bound < value);
        self.buckets[place].fetch_add(1, Relaxed);
        self.sum.fetch_add(whole, Relaxed);
    }
}

/// One request's metrics.
#[derive(Default)]
struct Series {
    in_flight: AtomicI64,
    requests: AtomicU64,
    duration: Histogram<15>,
    received: Histogram<9>,
    sent: Histogram<9>,
}

impl Series {
    fn enter(&self) {
        self.in_flight.fetch_add(1, Relaxed);
    }

    fn leave(&self, seen: Seen) {
        self.in_flight.fetch_sub(1, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        let nanoseconds = u64::try_from(seen.took.as_nanos()).unwrap_or(u64::MAX);
        self.duration.put(&SECONDS, nanoseconds, seen.took.as_secs_f64());
    }

    fn sizes(&self, seen: Seen) {
        self.received.put(&BYTES, seen.received.into(), seen.received.into());
        self.sent.put(&BYTES, seen.sent.into(), seen.sent.into());
    }

    fn count(&self) {
        for count in [&self.duration.count, &self.received.count, &self.sent.count] {
            count.fetch_add(1, Relaxed);
        }
    }
}

/// All that there is, with the counts of histograms.
#[derive(Default)]
pub(super) struct Counted(Series);

impl Record for Counted {
    fn enter(&self) {
        self.0.enter();
    }

    fn leave(&self, seen: Seen) {
        self.0.leave(seen);
        self.0.sizes(seen);
        self.0.count();
    }
}

/// The same without those: they are the sums of the buckets.
#[derive(Default)]
pub(super) struct Derived(Series);

impl Record for Derived {
    fn enter(&self) {
        self.0.enter();
    }

    fn leave(&self, seen: Seen) {
        self.0.leave(seen);
        self.0.sizes(seen);
    }
}

/// What an attribute knows by itself: no sizes.
#[derive(Default)]
pub(super) struct Attributed(Series);

impl Record for Attributed {
    fn enter(&self) {
        self.0.enter();
    }

    fn leave(&self, seen: Seen) {
        self.0.leave(seen);
        self.0.duration.count.fetch_add(1, Relaxed);
    }
}

/// All that there is, for each thread by itself.
#[derive(Default)]
pub(super) struct Sharded([Shard; 4]);

/// Far from the next one, so that no two share a cache line.
#[derive(Default)]
#[repr(align(128))]
struct Shard(Counted);

impl Sharded {
    fn mine(&self) -> &Counted {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
        }
        let mine = MINE.with(|mine| {
            if mine.get() == usize::MAX {
                mine.set(NEXT.fetch_add(1, Relaxed));
            }
            mine.get()
        });
        &self.0[mine % self.0.len()].0
    }
}

impl Record for Sharded {
    fn enter(&self) {
        self.mine().enter();
    }

    fn leave(&self, seen: Seen) {
        self.mine().leave(seen);
    }
}
