//! The metrics of a request, recorded with the crate `metriken`.
//!
//! The histograms of this crate have no sum, so a counter records each sum. Their buckets cannot be
//! chosen: these have one bucket for each power of two, in nanoseconds and bytes.

use metriken::{
    AtomicCounterHistogram, Counter, Gauge, ShardedCounterGroup, ShardedCounterHistogram,
};

use crate::request::{Observation, Recorder};

/// One bucket for each power of two.
const GROUPING_POWER: u8 = 0;
/// The logarithm of the largest duration: 2^36 nanoseconds are 69 seconds.
const MAX_DURATION_POWER: u8 = 36;
/// The logarithm of the largest size: 16 MiB.
const MAX_SIZE_POWER: u8 = 24;

/// Returns a duration in nanoseconds.
fn nanoseconds(observation: Observation) -> u64 {
    observation.duration.as_nanos().try_into().unwrap_or(u64::MAX)
}

/// A histogram and the counter of its sum.
struct Summed {
    histogram: AtomicCounterHistogram,
    sum: Counter,
}

impl Summed {
    const fn new(max_power: u8) -> Self {
        let histogram = AtomicCounterHistogram::new(GROUPING_POWER, max_power);
        Self { histogram, sum: Counter::new() }
    }

    fn observe(&self, value: u64) {
        self.histogram.increment(value).expect("the value is in range");
        self.sum.add(value);
    }
}

/// `metriken`: metrics that all threads share.
pub(crate) struct Metriken {
    in_flight: Gauge,
    requests: Counter,
    duration: Summed,
    received: Summed,
    sent: Summed,
}

impl Default for Metriken {
    fn default() -> Self {
        Self {
            in_flight: Gauge::new(),
            requests: Counter::new(),
            duration: Summed::new(MAX_DURATION_POWER),
            received: Summed::new(MAX_SIZE_POWER),
            sent: Summed::new(MAX_SIZE_POWER),
        }
    }
}

impl Recorder for Metriken {
    fn start(&self) {
        self.in_flight.increment();
    }

    fn finish(&self, observation: Observation) {
        self.in_flight.decrement();
        self.requests.increment();
        self.duration.observe(nanoseconds(observation));
        self.received.observe(observation.received_bytes.into());
        self.sent.observe(observation.sent_bytes.into());
    }
}

/// Indices of the counters in the group of [`ShardedMetriken`].
#[derive(Clone, Copy)]
enum Index {
    Started,
    Ended,
    Requests,
    Duration,
    Received,
    Sent,
}

/// `metriken`: metrics of which each thread has its own shard.
///
/// This crate has no sharded gauge, so the requests in flight are the difference of two counters.
pub(crate) struct ShardedMetriken {
    counters: ShardedCounterGroup,
    duration: ShardedCounterHistogram,
    received: ShardedCounterHistogram,
    sent: ShardedCounterHistogram,
}

impl ShardedMetriken {
    fn add(&self, index: Index, value: u64) {
        assert!(self.counters.add(index as usize, value), "the index is within the group");
    }

    fn observe(&self, histogram: &ShardedCounterHistogram, sum: Index, value: u64) {
        histogram.increment(value).expect("the value is in range");
        self.add(sum, value);
    }
}

impl Default for ShardedMetriken {
    fn default() -> Self {
        let sizes = || ShardedCounterHistogram::new(GROUPING_POWER, MAX_SIZE_POWER);
        Self {
            counters: ShardedCounterGroup::new(Index::Sent as usize + 1),
            duration: ShardedCounterHistogram::new(GROUPING_POWER, MAX_DURATION_POWER),
            received: sizes(),
            sent: sizes(),
        }
    }
}

impl Recorder for ShardedMetriken {
    fn start(&self) {
        self.add(Index::Started, 1);
    }

    fn finish(&self, observation: Observation) {
        self.add(Index::Ended, 1);
        self.add(Index::Requests, 1);
        self.observe(&self.duration, Index::Duration, nanoseconds(observation));
        self.observe(&self.received, Index::Received, observation.received_bytes.into());
        self.observe(&self.sent, Index::Sent, observation.sent_bytes.into());
    }
}
